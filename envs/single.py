"""The single `gymnasium.Env`: a batch of one, made from the same code as the batched environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode

from envs.arguments import one_of
from envs.base import BatchedEnv
from envs.controls import Controls
from envs.options import NO_LIMIT
from envs.sight import Area
from envs.task import Array

if TYPE_CHECKING:
    from envs.window import Window


class SingleEnv(gymnasium.Env[Array, Any]):
    """One episode at a time of the environment that `batched` names.

    Takes the arguments of the batched class but `num_envs` and `autoreset_mode`. A fixed time limit is
    applied by `gymnasium.make` (its `TimeLimit` wrapper), where `max_episode_steps` can change it, and not
    here; a limit that the environment computes from its arguments is applied here.

    Each observation is a new array. With `render_mode="human"` every reset and step shows a frame.

    Raises:
        ValueError, TypeError: as the batched class.
        gymnasium.error.ResetNeeded: `step` after an episode's end or before the first reset.
    """

    batched: ClassVar[type[BatchedEnv]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.metadata = {"render_modes": ["human", "rgb_array"], "render_fps": cls.batched.render_fps}
        cls.__doc__ = cls.__doc__ or cls.batched.__doc__

    def __init__(self, render_mode: str | None = None, **arguments: Any) -> None:
        name = self.batched.__name__
        for argument in {"num_envs", "autoreset_mode"} & set(arguments):
            raise TypeError(f"{name} as a single environment has no argument {argument!r}")
        self.render_mode = one_of(name, "render_mode", render_mode, (None, *self.metadata["render_modes"]))
        if self.batched.default_max_episode_steps is not None:
            arguments.setdefault("max_episode_steps", NO_LIMIT)
        self.batch = self.batched(1, autoreset_mode=AutoresetMode.DISABLED, **arguments)
        self.action_space = self.batch.single_action_space
        self.observation_space = self.batch.single_observation_space
        self._window: Window | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Start a new episode. Returns its first observation (*shape) and an empty dict."""
        super().reset(seed=seed)
        self.batch.np_random = self.np_random
        observation, _ = self.batch.reset()
        self._show()
        return observation[0].copy(), {}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Advance by one action: observation (*shape), reward, terminated, truncated, infos."""
        observation, reward, terminated, truncated, _ = self.batch.step(np.asarray(action)[None])
        self._show()
        return observation[0].copy(), float(reward[0]), bool(terminated[0]), bool(truncated[0]), {}

    def render(self) -> Array | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The picture (height, width, 3) uint8 in mode "rgb_array"; None otherwise."""
        return self.batch.picture() if self.render_mode == "rgb_array" else None

    @property
    def controls(self) -> Controls | None:
        """The keys with which people play; None: it cannot be played."""
        return self.batched.controls

    def sight(self) -> Area | None:
        """Where the observation lies in the picture; None: it is all of it."""
        declared = getattr(self.batch, "sight", None)
        return None if declared is None else declared(0)

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()
            self._window = None

    def state_dict(self) -> dict[str, Any]:
        """As `BatchedEnv.state_dict`."""
        return self.batch.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """As `BatchedEnv.load_state_dict`."""
        self.batch.load_state_dict(state)
        self._np_random = self.batch.np_random

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_window": None}  # a window stays where it is

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._np_random = self.batch.np_random  # one generator, which a copy would hold twice

    def _show(self) -> None:
        if self.render_mode != "human":
            return
        if self._window is None:
            self._window = _open_window(self.batch)
        self._window.show(self.batch.picture())


def _open_window(batch: BatchedEnv) -> Window:
    from envs.window import Window  # pygame is loaded only where something is drawn

    return Window(batch.name, batch.picture_size, batch.render_fps)
