"""Which spaces a stock algorithm and its policies can see and act in, said before SB3 asserts it."""

from __future__ import annotations

from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm

from agents.observations import is_image
from agents.suitable import check_suitable, policy_for
from sandbox.core.errors import UnsupportedSpace

from .table import STOCK


def check_spaces_of(
    algorithm: type[BaseAlgorithm], policy: str, observations: spaces.Space, actions: spaces.Space
) -> None:
    """Refuse what the algorithm cannot act in, and a policy for other observations.

    Raises:
        UnsupportedSpace: it names the space and says what to do.
    """
    entry = next(one for one in STOCK.values() if one.target.endswith(f":{algorithm.__name__}"))
    kinds = [getattr(spaces, name) for name in entry.actions.split(", ")]
    better = policy_for(entry.policies, observations)
    if policy.startswith("MultiInput") != isinstance(observations, spaces.Dict):
        what = "Dict observations only" if policy.startswith("MultiInput") else "no Dict observations"
        raise UnsupportedSpace(f"{policy} sees {what}", hint=None if better == policy else f"use {better}")
    if policy.startswith("Cnn") and not is_image(observations):
        shape = getattr(observations, "shape", None)
        raise UnsupportedSpace(f"{policy} sees pictures only, not the shape {shape}", hint=f"use {better}")
    check_suitable(algorithm.__name__, better, observations, actions, kinds)
