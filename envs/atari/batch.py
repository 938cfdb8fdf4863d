"""Many games of Atari side by side, as a `VectorEnv` whose state can be saved."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from envs.atari.settings import settings_of
from envs.base import Step
from envs.task import Array, Mask

SAME_STEP = AutoresetMode.SAME_STEP
CHAIN = 5_000
"""Steps after which a game's next episode gets a new seed: about so many are replayed to restore it."""


class EpisodesLost(RuntimeError):  # noqa: N818 - it is not the caller's
    """Playing a saved state's actions again led somewhere else."""


class AtariBatch(VectorEnv[Array, Any, Any]):
    """ale-py's `AtariVectorEnv`, with the promises of a batch of ours.

    - Autoreset is SAME_STEP, with dense last observations in `infos["final_obs"]`.
    - `infos["episode"]` has points, length in steps and seconds of the games that ended: real points of whole
      games, whatever rewards and lives become for training.
    - With `episodic_life` a lost life is `terminated`, and the game goes on: the last observation is the next
      one's first, with what the stack of frames still shows of the life before, as in a game that counts.
    - `state_dict()` holds a seed for each game and the actions since; `load_state_dict` plays them again. A
      seed lasts for all episodes that begin within `CHAIN` steps, as seeding is slow: it loads the game.

    Observations are uint8, (stack_num, img_height, img_width), the oldest frame first; in colour
    (3 · stack_num, img_height, img_width), with red, green and blue of each frame.

    Args:
        num_envs: number of games.
        autoreset_mode: SAME_STEP.
        arguments: see `AtariSettings`.

    Raises:
        ValueError: an argument is unknown or outside its range.
    """

    reports_episodes = True
    """`infos["episode"]` says how good the games were that ended."""

    def __init__(self, num_envs: int, autoreset_mode: Any = SAME_STEP, **arguments: Any) -> None:
        if AutoresetMode(autoreset_mode) is not SAME_STEP:
            raise ValueError(f"AtariBatch: autoreset_mode must be SAME_STEP, got {autoreset_mode!r}")
        self.settings = settings_of(arguments)
        self.emulators = self.settings.emulators(num_envs)
        self.num_envs, self.stack_depth = num_envs, self.settings.stack_num
        self.metadata = {"autoreset_mode": SAME_STEP, "render_modes": []}
        channels = self.settings.stack_num * (1 if self.settings.grayscale else 3)
        shape = (channels, self.settings.img_height, self.settings.img_width)
        self.single_observation_space = Box(0, 255, shape, np.uint8)
        self.single_action_space = self.emulators.single_action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._generator = np.random.default_rng()
        self._began = time.perf_counter()
        self._log: list[Array] = []  # actions (num_envs, ...) of the last steps
        self.seeds, self._first = np.zeros((2, num_envs), np.int64)  # and the step of the log where it counts
        self.points, self.lengths, self._lives = np.zeros((3, num_envs), np.int64)
        self._given = np.zeros((num_envs, *shape), np.uint8)

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Begin all games anew, or those of `options["reset_mask"]`; `seed` begins another row of seeds."""
        if seed is not None:
            self._generator = np.random.default_rng(seed)
        mask = (options or {}).get("reset_mask")
        who = np.ones(self.num_envs, np.bool_) if mask is None else np.array(mask, np.bool_)
        if who.all():
            self._log.clear()
        self._given, infos = self._begin(who, who, self._given)
        return self._given, infos

    def step(self, actions: Any) -> Step:
        """Advance every game by its action (num_envs, ...)."""
        return self._step(np.array(actions, self.single_action_space.dtype), np.ones(self.num_envs, np.bool_))

    def _step(self, actions: Array, going: Mask) -> Step:
        """The same, where only the rows `going` count: others are not reset."""
        self._log.append(actions)
        observation, points, terminated, truncated, infos = self.emulators.step(actions)
        observation = self._flat(observation)
        over = (terminated | truncated) & going
        lost = (infos["lives"] < self._lives) & ~over & self.settings.episodic_life
        self._lives = infos["lives"].astype(np.int64)
        self.points += points
        self.lengths += 1
        if (over | lost).any():
            final, report = observation, self._report(over)
            if over.any():
                renewed = over & (len(self._log) - self._first >= CHAIN)
                observation, infos = self._begin(over, renewed, observation)
            infos = {**infos, **report, "final_obs": final, "_final_obs": over | lost}
        self._given = observation
        reward = np.clip(points, -1, 1) if self.settings.reward_clipping else points
        return observation, reward.astype(np.float32), terminated | lost, truncated, infos

    def _begin(self, who: Mask, renewed: Mask, before: Array) -> tuple[Array, dict[str, Any]]:
        """New episodes in the rows `who`, with new seeds where `renewed`; observations and infos of all."""
        if renewed.any():
            self.seeds[renewed] = self._generator.integers(2**31, size=int(renewed.sum()))
            self._first[renewed] = len(self._log)
            self._forget()
        return self._restart(who, np.where(renewed, self.seeds, -1), before)

    def _restart(self, who: Mask, seeds: Array, before: Array) -> tuple[Array, dict[str, Any]]:
        """As `_begin`, with given seeds (num_envs,), -1 for none."""
        begun, infos = self.emulators.reset(seed=seeds[who], options={"reset_mask": who})
        self.points[who] = self.lengths[who] = 0
        self._lives[who] = infos["lives"][who]
        observation = before.copy()
        observation[who] = self._flat(begun)[who]
        return observation, infos

    def _flat(self, stacks: Array) -> Array:
        """Stacks of colour pictures (num_envs, frames, H, W, 3) with the colours of each as its channels."""
        if stacks.ndim == 5:
            stacks = np.moveaxis(stacks, -1, 2)
        return np.ascontiguousarray(stacks).reshape(self.observation_space.shape or ())

    def _report(self, over: Mask) -> dict[str, Any]:
        seconds = np.full(self.num_envs, round(time.perf_counter() - self._began, 6))
        episode = {"r": self.points.astype(np.float64), "l": self.lengths.copy(), "t": seconds}
        return {"episode": episode, "_episode": over} if over.any() else {}

    def _forget(self) -> None:
        """Drop the actions that no game needs any more."""
        unused = int(self._first.min())
        if unused >= CHAIN:
            del self._log[:unused]
            self._first -= unused

    def observation(self) -> Array:
        """A new array with what was given out last, (num_envs, ...)."""
        return self._given.copy()

    def state_dict(self) -> dict[str, Any]:
        """Everything that the future depends on: seeds and actions."""
        unused = int(self._first.min())
        shape = (len(self._log) - unused, *(self.action_space.shape or ()))
        actions = np.array(self._log[unused:], self.single_action_space.dtype).reshape(shape)
        return {
            "seeds": self.seeds.copy(),
            "first": self._first - unused,
            "actions": actions if actions.dtype == np.float32 else actions.astype(np.uint8),
            "points": self.points.copy(),
            "observation": self._given.copy(),
            "generator": self._generator.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Play the saved actions again, which takes a while: as long as a few thousand steps.

        Raises:
            ValueError: the state is that of another number of games, or of other actions.
            EpisodesLost: the games went another way, as with another version of ale-py.
        """
        seeds, first, actions = (np.array(state[name]) for name in ("seeds", "first", "actions"))
        if seeds.shape != (self.num_envs,) or actions.shape[1:] != (self.action_space.shape or ()):
            raise ValueError(f"it is that of {seeds.size} games")
        self._generator.bit_generator.state = state["generator"]
        self.seeds[:], self._first[:] = seeds, first
        self._log.clear()
        self.emulators.reset(seed=seeds)
        for step in range(len(actions) + 1):
            if (first == step).any():
                # All come to where they were in the same step; who begins later plays anything until then.
                self._given, _ = self._restart(first == step, seeds, self._given)
            if step < len(actions):
                self._step(actions[step].astype(self.single_action_space.dtype), first <= step)
        same = np.array_equal(self._given, state["observation"])
        if not (same and np.array_equal(self.points, state["points"])):
            raise EpisodesLost("the replayed games went another way")

    def close_extras(self, **kwargs: Any) -> None:
        """End the emulators' threads."""
        self.emulators.close()
