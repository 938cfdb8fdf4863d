"""Which spaces a stock algorithm and its policies can see and act in, said before SB3 asserts it."""

from __future__ import annotations

from collections.abc import Sequence

from gymnasium import spaces

from agents.observations import is_image
from agents.suitable import check_suitable, policy_for
from sandbox.core.errors import UnsupportedSpace


def check_spaces_of(
    who: str,
    policies: Sequence[str],
    acts_in: str,
    policy: str,
    observations: spaces.Space,
    actions: spaces.Space,
) -> None:
    """Refuse what the algorithm cannot act in, and a policy for other observations.

    Args:
        who: name of the algorithm, for the message.
        policies: names of all that it has.
        acts_in: kinds of action spaces, "Discrete, Box".
        policy: name of the one that was asked for.
        observations: space of one environment's observations.
        actions: space of its actions.

    Raises:
        UnsupportedSpace: it names the space and says what to do.
    """
    kinds = [getattr(spaces, name) for name in acts_in.split(", ")]
    better = policy_for(policies, observations)
    if policy.startswith("MultiInput") != isinstance(observations, spaces.Dict):
        what = "Dict observations only" if policy.startswith("MultiInput") else "no Dict observations"
        raise UnsupportedSpace(f"{policy} sees {what}", hint=None if better == policy else f"use {better}")
    if policy.startswith("Cnn") and not is_image(observations):
        shape = getattr(observations, "shape", None)
        raise UnsupportedSpace(f"{policy} sees pictures only, not the shape {shape}", hint=f"use {better}")
    check_suitable(who, better, observations, actions, kinds)
