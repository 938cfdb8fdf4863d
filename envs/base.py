"""The batched core: an environment is an array program.

A subclass says how to start episodes, how to advance all of them by one action, and how to observe
and draw them (`envs.task.Task`). `BatchedEnv` adds what is the same in every environment: time limits,
the three autoreset modes, seeding, states that can be saved and continued, pictures, checked actions.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from gymnasium.error import ClosedEnvironmentError, ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from envs.actions import ActionCheck
from envs.arguments import check_alike, checked_mask, known_arguments, one_of, time_limit, whole
from envs.options import LONGEST_LIMIT, MOST_ENVS
from envs.task import Array, Mask, Task
from envs.views import FeatureView, PixelView

if TYPE_CHECKING:
    from envs.canvas import Canvas

Step = tuple[Array, Array, Array, Array, dict[str, Any]]

_MODES = {key: mode for mode in AutoresetMode for key in (mode, mode.value)}


class BatchedEnv(Task, VectorEnv[Array, Array, Array]):
    """Many episodes of one environment, held in arrays and stepped together.

    **Observations alternate between two arrays.** What `reset` or `step` returned stays as it is during
    the next call (so that a buffer may store the previous observation after `step`) and is overwritten
    by the call after that. Copy what must live longer. `infos["final_obs"]` behaves in the same way;
    rewards and flags are new arrays each time.

    **Autoreset.** SAME_STEP: the returned observation of an ended episode is the first one of the next,
    its last one is in `infos["final_obs"]`, a dense array (num_envs, ...) that is meaningful in the rows
    where `infos["_final_obs"]` is true. NEXT_STEP: the step after the end ignores the action, returns the
    first observation, reward 0 and no flag. DISABLED: ended episodes must be reset with
    `reset(options={"reset_mask": mask})` before the next step.

    **Seeding.** One generator serves the whole batch: the same seed and actions give the same episodes.

    Raises:
        ValueError: an argument is outside its range (the message names environment, argument and value), as
            `num_envs` is beyond 2**20.
        TypeError: an argument is unknown.
        gymnasium.error.ClosedEnvironmentError: the batch is used after `close()`.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012

    _arguments: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        env = super().__new__(cls)
        env._arguments = (args, kwargs)  # what `__reduce__` builds the copy from
        return env

    def __init__(
        self,
        num_envs: int = 1,
        obs: str = "features",
        max_episode_steps: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        render_mode: str | None = None,
        **unknown: object,
    ) -> None:
        for argument in unknown:
            raise TypeError(
                f"{self.name} has no argument {argument!r}{known_arguments(type(self), argument)}"
            )
        self.num_envs = whole(self.name, "num_envs", num_envs, 1, MOST_ENVS)
        self.render_mode = one_of(self.name, "render_mode", render_mode, (None, "rgb_array"))
        self.autoreset_mode = one_of(self.name, "autoreset_mode", autoreset_mode, _MODES)
        mode = {"autoreset_mode": self.autoreset_mode, "render_fps": self.render_fps}
        self.metadata = {**self.metadata, **mode}
        self.max_episode_steps = time_limit(self.name, max_episode_steps, self.default_max_episode_steps)
        self._limit = self.max_episode_steps or LONGEST_LIMIT
        self.obs = obs
        self._set_spaces()

        self.elapsed = np.zeros(self.num_envs, np.int32)
        self._ended = np.zeros(self.num_envs, np.bool_)  # over, and not yet followed by a new episode
        self._any_ended = False
        self._started = False
        self._check = ActionCheck(self.name, self.actions, self.num_envs)
        self._view = (PixelView if obs == "pixels" else FeatureView)(self)
        self._canvas: Canvas | None = None

    @property
    def rng(self) -> np.random.Generator:
        """The one generator of the whole batch; a new one after `reset(seed=...)`."""
        return self.np_random

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Start all episodes anew, or those of `options["reset_mask"]`, (num_envs,) bool.

        Returns:
            The observations of all episodes (num_envs, ...) and an empty dict.

        Raises:
            ValueError: the mask has another shape or dtype, or selects nothing.
            gymnasium.error.ResetNeeded: a mask is given before the first full reset.
        """
        self._need_open("reset()")
        who = self._reset_mask(options or {})
        super().reset(seed=seed)
        self._begin(who)
        self._ended = self._ended & ~who
        self._any_ended = bool(self._ended.any())
        self._started = True
        return self._view.out(), {}

    def step(self, actions: Array) -> Step:
        """Advance all episodes by one action each.

        Args:
            actions: (num_envs, *action shape), array or nested sequence.

        Returns:
            observations (num_envs, ...), rewards (num_envs,) float64, terminated and truncated (num_envs,)
            bool, infos. See the class for what stands in the rows of ended episodes.

        Raises:
            gymnasium.error.InvalidAction: shape, dtype or a value is outside the action space.
            gymnasium.error.ResetNeeded: before the first reset, or in DISABLED mode after an end.
        """
        self._need_reset("step()")
        actions = self._check(actions)
        if self._any_ended:
            return self._step_some(actions, np.ones(self.num_envs, np.bool_))
        reward, terminated = self.advance(actions)
        self.elapsed += 1
        self._view.moved()
        return self._outcome(reward, terminated, self.elapsed >= self._limit)

    def step_only(self, actions: Array, who: Mask) -> Step:
        """As `step`, but only in the rows where `who` (num_envs,) is true; the other episodes rest.

        A row that rests stays as it is, ended or not: reward 0, no flag, the observation that it had. Its
        action must be a valid one all the same. Raises as `step`, and ValueError where `who` is no such mask.
        """
        self._need_reset("step_only()")
        who = checked_mask(self.name, "who", who, self.num_envs)
        return self._step_some(self._check(actions), who)

    def observation(self) -> Array:
        """A new array with the current observations (num_envs, ...), e.g. after `load_state_dict`."""
        self._need_reset("observation()")
        return self._view.copy()

    def render(self) -> tuple[Array, ...] | None:
        """One picture (height, width, 3) uint8 for each episode, or None without `render_mode`."""
        if self.render_mode is None:
            return None
        return tuple(self.picture(one) for one in range(self.num_envs))

    def picture(self, one: int = 0) -> Array:
        """The picture for people of episode number `one`, (height, width, 3) uint8, in any render mode.

        Raises:
            IndexError: there is no such episode.
        """
        self._need_reset("render()")
        if not 0 <= one < self.num_envs:
            raise IndexError(f"{self.name}: there is no episode {one}, only 0 to {self.num_envs - 1}")
        from envs.canvas import Canvas  # pygame is loaded only where something is drawn

        self._canvas = self._canvas or Canvas(*self.picture_size)
        self.draw(one, self._canvas)
        return self._canvas.array()

    def state_dict(self) -> dict[str, Any]:
        """Everything that the future of the batch depends on: arrays (copies) and JSON values."""
        return {
            "episodes": {name: np.array(array, order="C") for name, array in self._episodes().items()},
            "autoreset_mode": self.autoreset_mode.value,
            "started": self._started,
            "generator": self.rng.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue bit-identically from where `state_dict()` was called on a batch built alike.

        Names, shapes and types are checked, and that all is finite; values beyond that are trusted.

        Raises:
            ValueError: the state belongs to another environment, number of episodes or autoreset mode, or
                holds a NaN or an infinity.
        """
        if missing := {"episodes", "autoreset_mode", "started", "generator"} - set(state):
            raise ValueError(f"{self.name}: the state lacks {', '.join(sorted(missing))}")
        if state["autoreset_mode"] != self.autoreset_mode.value:
            raise ValueError(f"{self.name}: the state was saved in autoreset mode {state['autoreset_mode']}")
        check_alike(self.name, self._episodes(), state["episodes"])
        self.rng.bit_generator.state = state["generator"]
        for name, array in self._episodes().items():
            array[...] = state["episodes"][name]
        self._any_ended = bool(self._ended.any())
        self._started = bool(state["started"])
        if self._started:
            self._view.spawned(np.ones(self.num_envs, np.bool_))

    def __reduce__(self) -> tuple[Any, ...]:
        # Rebuilt rather than copied attribute by attribute, as arrays may be views of each other.
        return _rebuild, (type(self), *self._arguments, self.state_dict(), self.spec)

    def _need_open(self, call: str) -> None:
        if self.closed:
            raise ClosedEnvironmentError(f"{self.name}: {call} after close()")

    def _need_reset(self, call: str) -> None:
        self._need_open(call)
        if not self._started:
            raise ResetNeeded(f"{self.name}: call reset() before {call}")

    def _episodes(self) -> dict[str, Array]:
        own = {name: getattr(self, name) for name in self.state_names}
        return {**own, "elapsed": self.elapsed, "ended": self._ended}

    def _set_spaces(self) -> None:
        offered = {"features": self.feature_space, "pixels": self.pixel_space}
        offered = {obs: space for obs, space in offered.items() if space is not None}
        # Copies, as spaces hold generators: seeding those of one environment must not touch another's.
        self.single_observation_space = deepcopy(one_of(self.name, "obs", self.obs, offered))
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.single_action_space = deepcopy(self.actions)
        self.action_space = batch_space(self.actions, self.num_envs)

    def _reset_mask(self, options: dict[str, Any]) -> Mask:
        if "reset_mask" not in options:
            return np.ones(self.num_envs, np.bool_)
        self._need_reset("reset() with a mask")
        return checked_mask(self.name, "reset_mask", options["reset_mask"], self.num_envs)

    def _begin(self, who: Mask) -> None:
        """Start new episodes in the masked rows, now and visibly."""
        self.spawn(who)
        self.elapsed[who] = 0
        self._view.spawned(who)

    def _follow_up(self, ended: Mask) -> dict[str, Any]:
        """What the mode demands in the step in which episodes ended."""
        if self.autoreset_mode is not AutoresetMode.SAME_STEP:
            self._ended, self._any_ended = self._ended | ended, True
            return {}
        infos = {"final_obs": self._view.final(ended), "_final_obs": ended}
        infos |= {"final_info": {}, "_final_info": ended}
        self._begin(ended)
        return infos

    def _step_some(self, actions: Array, who: Mask) -> Step:
        """Step the masked episodes; new ones follow those of them that ended a step ago (NEXT_STEP).

        All rows advance, so that `advance` need not know of rows that rest; then those are put back.
        """
        fresh = self._ended & who
        if fresh.any():
            if self.autoreset_mode is AutoresetMode.DISABLED:
                rows = np.flatnonzero(fresh).tolist()
                raise ResetNeeded(f"{self.name}: episodes {rows} have ended and must be reset")
            self._ended = self._ended & ~fresh
            self._any_ended = bool(self._ended.any())
            self.spawn(fresh)
        still = fresh | ~who
        rows = np.flatnonzero(still)  # few, as a rule: quicker than the mask from here on
        if rows.size == self.num_envs:
            reward, terminated = np.zeros(self.num_envs), np.zeros(self.num_envs, np.bool_)
        else:
            before = {name: getattr(self, name)[rows] for name in self.state_names}
            reward, terminated = self.advance(actions)
            for name, kept in before.items():
                getattr(self, name)[rows] = kept
        self.elapsed += who
        self.elapsed[fresh] = 0
        truncated = self.elapsed >= self._limit
        self._view.moved()
        if rows.size:
            self._view.spawned(still)
        reward[rows] = 0.0
        terminated[rows] = truncated[rows] = False
        return self._outcome(reward, terminated, truncated)

    def _outcome(self, reward: Array, terminated: Array, truncated: Array) -> Step:
        ended = terminated | truncated
        infos = self._follow_up(ended) if np.count_nonzero(ended) else {}
        return self._view.out(), reward, terminated, truncated, infos


def _rebuild(kind: type[BatchedEnv], args: Any, kwargs: Any, state: dict[str, Any], spec: Any) -> BatchedEnv:
    env = kind(*args, **kwargs)
    env.load_state_dict(state)
    env.spec = spec
    return env
