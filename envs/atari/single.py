"""One game of Atari, for people to watch and to play."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from envs.atari.batch import AtariBatch
from envs.atari.settings import FRAMES_A_SECOND, as_played
from envs.controls import Controls
from envs.task import Array

KEYS = {"UP": "up", "DOWN": "down", "LEFT": "left", "RIGHT": "right", "FIRE": "space"}
"""Parts of the names of actions, in the order in which ale-py joins them, and their keys."""


class AtariGame(gymnasium.Env[Array, Any]):
    """A batch of one: what agents see is the same; whole games, and their own points.

    The picture for people comes from a second emulator, in colour and at its own size, which plays the same
    game: the same seed and actions lead to the same frames.

    Args:
        render_mode: "rgb_array" for pictures; else none are made.
        arguments: see `AtariSettings`; lives and rewards are always the game's own.

    Raises:
        ValueError: an argument is unknown or outside its range.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": FRAMES_A_SECOND}  # noqa: RUF012

    def __init__(self, render_mode: str | None = None, **arguments: Any) -> None:
        self.batch = AtariBatch(1, **as_played(arguments))
        settings = self.batch.settings
        self.render_mode = render_mode
        self.metadata = {**self.metadata, "render_fps": FRAMES_A_SECOND / settings.frameskip}
        self.observation_space = self.batch.single_observation_space
        self.action_space = self.batch.single_action_space
        self.stack_depth = self.batch.stack_depth
        self._twin: Any = None
        if render_mode is not None:
            height, width = screen_of(settings.game)
            self._twin = settings.emulators(
                1, grayscale=False, stack_num=1, img_height=height, img_width=width
            )
        self._picture: Array | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Begin a game."""
        super().reset(seed=seed)
        observation, _ = self.batch.reset(seed=int(self.np_random.integers(2**31)))
        if self._twin is not None:
            self._picture = self._twin.reset(seed=self.batch.seeds.copy())[0][0, 0]
        return observation[0], {}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Advance by one action."""
        actions = np.array(action, self.action_space.dtype)[None]
        observation, reward, terminated, truncated, infos = self.batch.step(actions)
        if self._twin is not None:
            self._picture = self._twin.step(actions)[0][0, 0]
        last = infos.get("final_obs", observation)
        return last[0], float(reward[0]), bool(terminated[0]), bool(truncated[0]), {}

    def render(self) -> Array | None:  # type: ignore[override]
        """What people see, (height, width, 3) uint8; None without a render mode, or before the first game."""
        return self._picture

    @property
    def controls(self) -> Controls | None:
        """Arrow keys and the space bar; None for a continuous joystick."""
        if self.batch.settings.continuous:
            return None
        names = [action.name for action in self.batch.emulators.ale.get_action_set()]
        keys = {
            "+".join(key for part, key in KEYS.items() if part in name): i for i, name in enumerate(names)
        }
        return Controls(keys, tuple(name.lower() for name in names))

    def close(self) -> None:
        """End the emulators; may be called twice."""
        self.batch.close()
        self._twin = None


def screen_of(game: str) -> tuple[int, int]:
    """Rows and columns of a game's own picture."""
    import ale_py
    from ale_py.roms import get_rom_path

    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    emulator = ale_py.ALEInterface()
    emulator.loadROM(str(get_rom_path(game)))
    height, width = emulator.getScreenDims()
    return int(height), int(width)
