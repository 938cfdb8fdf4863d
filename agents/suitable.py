"""Which spaces an agent can see and act in, said before anything is built."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from gymnasium import spaces

from sandbox.core.errors import UnsupportedSpace

from .policy_names import memory_of
from .simulators.arrays import check_spaces


def check_suitable(
    who: str,
    policy: str | type,
    observations: spaces.Space,
    actions: spaces.Space,
    supported_actions: Sequence[type[spaces.Space]],
) -> None:
    """Refuse what an agent would fail on, or, worse, learn nonsense from.

    Args:
        who: name of the algorithm, for the message.
        policy: name of the network, which decides between one observation and a dict of them.
        observations: space of one environment's observations.
        actions: space of its actions.
        supported_actions: the kinds of action spaces that the algorithm knows.

    Raises:
        UnsupportedSpace: it names the space and says what to do.
    """
    check_spaces(observations, actions)
    kind, memory = (policy, memory_of(policy)) if isinstance(policy, str) else ("", "")
    if isinstance(observations, spaces.Dict):
        if kind.startswith(("Mlp", "Cnn")):
            hint = f"use MultiInput{memory}Policy"
            raise UnsupportedSpace(f"{policy} cannot see a Dict observation", hint)
        for part in observations.spaces.values():
            _check_observation(part)
    else:
        hint = f"use Mlp{memory}Policy"
        if kind.startswith("MultiInput"):
            raise UnsupportedSpace(f"{policy} sees Dict observations only, not {observations}", hint)
        if kind.startswith("Cnn") and not _is_picture(observations):
            raise UnsupportedSpace(f"{policy} sees pictures only, not {observations}", hint)
        _check_observation(observations)
    if not isinstance(actions, tuple(supported_actions)):
        kinds = ", ".join(kind.__name__ for kind in supported_actions)
        hint = f"it acts in {kinds}"
        if isinstance(actions, spaces.Box):  # who cannot act in these, chooses among a few
            hint += "; of a continuous action it can choose among a few values: --wrap discretize:5"
        raise UnsupportedSpace(f"{who} cannot act in {actions}", hint=hint)
    _check_actions(actions)


def policy_for(policies: Sequence[str], observations: spaces.Space) -> str:
    """The one of an algorithm's policies that is made for such observations, or else its first."""
    pictures = _is_picture(observations)
    start = "MultiInput" if isinstance(observations, spaces.Dict) else "Cnn" if pictures else "Mlp"
    return next((name for name in policies if name.startswith(start)), policies[0])


def _is_picture(space: spaces.Space) -> bool:
    """SB3's rule: bytes of three dimensions that use their whole range."""
    if not isinstance(space, spaces.Box) or len(space.shape) != 3 or space.dtype != np.uint8:
        return False
    return bool(np.all(space.low == 0) and np.all(space.high == 255))


def _check_observation(space: spaces.Space) -> None:
    _check_counts(space, "observations")
    if isinstance(space, spaces.Box) and space.shape == ():
        raise UnsupportedSpace(f"an observation needs at least one dimension: {space}", hint="use shape=(1,)")


def _check_actions(space: spaces.Space) -> None:
    _check_counts(space, "actions")
    if isinstance(space, spaces.MultiBinary) and len(space.shape) != 1:
        raise UnsupportedSpace(f"actions of several dimensions are not supported: {space}", _FLATTEN)
    if isinstance(space, spaces.Box) and not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
        raise UnsupportedSpace(
            f"continuous actions need finite bounds, not {space}",
            hint="wrap the environment in a gymnasium.ActionWrapper whose action_space has bounds",
        )


def _check_counts(space: spaces.Space, what: str) -> None:
    """Discrete ones are counted from 0 and lie in a row: that is how networks number their outputs."""
    if isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim != 1:
        raise UnsupportedSpace(f"{what} of several dimensions are not supported: {space}", _FLATTEN)
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete) and np.any(space.start != 0):
        hint = "wrap the environment in one that shifts them"
        raise UnsupportedSpace(f"{what} that do not start at 0 are not supported: {space}", hint)


_FLATTEN = "flatten them in a wrapper"
