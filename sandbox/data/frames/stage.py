"""An environment to be played and looked at: many episodes side by side, with a picture of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.error import Error as GymnasiumError
from gymnasium.vector import AutoresetMode, VectorEnv
from PIL import Image

import envs
from envs.controls import controls_of
from envs.wrappers import wrap
from sandbox.core.errors import EnvironmentNotFound, MissingExtra, UsageError
from sandbox.core.spelling import suggest
from sandbox.data.convert import fitted
from sandbox.data.picture_file import fit_picture

SIDE = 40
"""of the pictures, if no size is asked for"""


def environment_of(text: str) -> str:
    """The name of one of our environments, or the full id of another one, that ``text`` means.

    Raises:
        EnvironmentNotFound: Nothing is called so; with a suggestion.
        MissingExtra: It is an Atari game, and ale-py is not installed.
        UsageError: A module would have to be imported for it, or nothing is named.
    """
    if not text:
        raise UsageError("frames: names no environment", hint="frames:ENV, as in frames:Snake@expert")
    if ":" in text:
        module, _, name = text.partition(":")
        raise UsageError(
            f"frames of {text!r} would import (and so execute) {module!r}",
            hint=f"in Python: import {module}, then load('frames:{name}') as docs/new-data.md shows",
        )
    ours = {entry.name.casefold(): entry for entry in envs.listing()}
    ours |= {entry.id.casefold(): entry for entry in envs.listing()}
    if text.casefold() in ours:
        return ours[text.casefold()].name
    if text.casefold().startswith("ale/"):
        if find_spec("ale_py") is None:
            raise MissingExtra(text, "atari")
        import_module("ale_py")  # registers its games
    try:
        return gymnasium.spec(text).id
    except GymnasiumError:
        pass
    newest = [spec for spec in gymnasium.registry.values() if (spec.namespace, spec.name) == (None, text)]
    if newest:
        return max(newest, key=lambda spec: spec.version or 0).id
    close = suggest(text, [entry.name for entry in envs.listing()] + list(gymnasium.registry))
    hint = f"did you mean {close!r}?" if close else "python -m sandbox list envs"
    raise EnvironmentNotFound(f"there is no environment called {text!r}", hint=hint)


def ours(name: str) -> envs.Entry | None:
    """The entry of our environment ``name``; None for other people's."""
    return next((entry for entry in envs.listing() if entry.name == name), None)


class Stage:
    """Episodes of one environment, which start anew as they end.

    Args:
        name: From `environment_of`.
        count: How many episodes side by side.
        arguments: Of the environment.
        wrappers: Names of wrappers for who plays; the pictures show the environment without them.
        pixels: Whoever plays is shown the pictures themselves, where the environment can do that.

    Raises:
        UsageError: The arguments or wrappers do not fit, or it cannot be seen.
    """

    def __init__(
        self,
        name: str,
        count: int,
        arguments: Mapping[str, Any] | None = None,
        wrappers: Sequence[str] = (),
        *,
        pixels: bool = False,
    ) -> None:
        entry, arguments = ours(name), dict(arguments or {})
        try:
            if entry is not None:
                self._inner, self._eyes = _batches(entry, count, arguments, pixels)
            else:
                self._inner, self._eyes = _singles(name, count, arguments), None
            self.env = wrap(self._inner, list(wrappers))
        except (TypeError, ValueError, GymnasiumError) as error:
            raise UsageError(f"{name} cannot be set up: {error}") from None
        self._ours = entry is not None
        self.first = np.ones(count, np.bool_)
        self.observations: Any = None

    def begin(self, seed: int) -> None:
        """Start all episodes, whose course follows from ``seed`` and the actions."""
        self.observations, _ = self.env.reset(seed=seed)
        self.first = np.ones(len(self.first), np.bool_)

    def step(self, actions: np.ndarray) -> None:
        """Advance every episode by its action (envs, …)."""
        self.observations, _, terminated, truncated, _ = self.env.step(actions)
        self.first = np.asarray(terminated | truncated)

    def look(self, shape: tuple[int, int, int]) -> np.ndarray:
        """A picture of every episode as it stands: (envs, *shape) uint8."""
        if not self._ours:
            frames = self._inner.render()
            return np.stack([fit_picture(Image.fromarray(frame), shape) for frame in frames])  # type: ignore[union-attr]
        if self._eyes is None:
            pictures = self._inner.observation()  # type: ignore[attr-defined]
        else:
            self._eyes.load_state_dict(self._inner.state_dict())  # type: ignore[attr-defined]
            pictures = self._eyes.observation()
        return fitted(torch.from_numpy(np.ascontiguousarray(pictures)), shape).numpy()

    @property
    def first_action(self) -> int:
        """The smallest discrete action, as a rule 0."""
        return int(getattr(self.env.single_action_space, "start", 0))

    def action_names(self) -> tuple[str, ...]:
        """What the actions are called; their numbers where nobody says; none where they are no numbers."""
        actions = self.env.single_action_space
        if not isinstance(actions, gymnasium.spaces.Discrete):
            return ()
        one = self._inner if self._ours else self._inner.envs[0]  # type: ignore[attr-defined]
        controls = one.controls if self._ours else controls_of(one)  # type: ignore[attr-defined]
        numbers = range(self.first_action, self.first_action + int(actions.n))
        names = tuple(str(number) if controls is None else controls.name_of(number) for number in numbers)
        return names if len(set(names)) == len(names) else tuple(map(str, numbers))

    def close(self) -> None:
        """Release what the environments hold."""
        self.env.close()
        if self._eyes is not None:
            self._eyes.close()


def _batches(
    entry: envs.Entry, count: int, arguments: dict[str, Any], pixels: bool
) -> tuple[VectorEnv[Any, Any, Any], envs.BatchedEnv | None]:
    """A batch to play, and one that shows the same as pixels where the first one does not."""

    def batch(**more: Any) -> Any:
        made = gymnasium.make_vec(entry.id, count, "vector_entry_point", **arguments | more)
        return made.unwrapped

    played = batch(obs="pixels") if pixels else batch()
    return played, None if played.obs == "pixels" else batch(obs="pixels")


def _singles(name: str, count: int, arguments: dict[str, Any]) -> VectorEnv[Any, Any, Any]:
    if "rgb_array" not in _render_modes(name):
        raise UsageError(f"{name} cannot be drawn: it has no render mode rgb_array")
    return gymnasium.make_vec(
        name,
        count,
        "sync",
        vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP},
        render_mode="rgb_array",
        **arguments,
    )


def _render_modes(name: str) -> Sequence[str]:
    made = gymnasium.make(name)
    made.close()
    return made.metadata.get("render_modes", ())
