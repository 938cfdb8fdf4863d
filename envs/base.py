"""The batched core: an environment is an array program.

A subclass says how to start episodes, how to advance all of them by one action, and how to observe
and draw them. `BatchedEnv` adds everything that is the same in every environment: time limits, the
three autoreset modes, seeding, states that can be saved and continued, rendering, and checked actions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, TypedDict

import numpy as np
from gymnasium import Space
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.actions import ActionCheck
from envs.arguments import one_of, positive
from envs.views import FeatureView, PixelView

if TYPE_CHECKING:
    from envs.canvas import Canvas

Array = NDArray[Any]
Mask = NDArray[np.bool_]
Step = tuple[Array, Array, Array, Array, dict[str, Any]]

NO_LIMIT = -1
"""What `gymnasium.make` too takes as "no time limit" in `max_episode_steps`."""


class CoreOptions(TypedDict, total=False):
    """The arguments that every environment takes and hands on to `BatchedEnv`."""

    max_episode_steps: int | None
    """Steps after which an episode is truncated; None: the environment's own limit; -1: never."""
    autoreset_mode: AutoresetMode | str
    """When an ended episode is followed by a new one, as gymnasium defines it (default: SAME_STEP)."""
    render_mode: str | None
    """None, or "rgb_array" to make `render()` return pictures."""


class BatchedEnv(VectorEnv[Array, Array, Array]):
    """Many episodes of one environment, held in arrays and stepped together.

    A subclass sets `actions`, `observations` and `state_names` and implements `spawn`, `advance` and
    `features` and/or `repaint`; `paint`, `draw` and `expert` are optional.

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
        ValueError: an argument is outside its range (the message names environment, argument and value).
        TypeError: an argument is unknown.
    """

    metadata: dict[str, Any] = {
        "render_modes": ["rgb_array"],
        "render_fps": 30,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }
    picture_size: ClassVar[tuple[int, int]] = (480, 480)
    """Width and height of the picture for people, in logical pixels."""
    default_max_episode_steps: ClassVar[int | None] = None
    """The fixed time limit; None where there is none, or where the subclass computes it from its arguments."""
    state_names: ClassVar[tuple[str, ...]] = ()
    """Attributes that are the state of the episodes: arrays whose first axis is the episode."""

    actions: Space[Any]
    """The action space of one episode (Discrete, MultiDiscrete, MultiBinary or Box)."""
    observations: dict[str, Space[Any]]
    """The observation space of one episode for each value of `obs` ("features", "pixels")."""

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
            raise TypeError(f"{self.name} has no argument {argument!r}")
        self.num_envs = positive(self.name, "num_envs", num_envs)
        self.obs = one_of(self.name, "obs", obs, self.observations)
        self.render_mode = one_of(
            self.name, "render_mode", render_mode, (None, *self.metadata["render_modes"])
        )
        self.autoreset_mode = one_of(self.name, "autoreset_mode", autoreset_mode, _AUTORESET_MODES)
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}
        self.max_episode_steps = self._time_limit(max_episode_steps)
        self._limit = np.iinfo(np.int32).max if self.max_episode_steps is None else self.max_episode_steps

        self.single_action_space = self.actions
        self.action_space = batch_space(self.actions, num_envs)
        self.single_observation_space = self.observations[obs]
        self.observation_space = batch_space(self.single_observation_space, num_envs)

        self.elapsed = np.zeros(num_envs, np.int32)
        """Steps taken in the running episodes, (num_envs,)."""
        self._ended = np.zeros(num_envs, np.bool_)  # over, and not yet followed by a new episode
        self._any_ended = False
        self._started = False
        self._check = ActionCheck(self.name, self.actions, num_envs)
        self._view = (PixelView if obs == "pixels" else FeatureView)(self)
        self._canvas: Canvas | None = None

    # What a subclass says.

    def spawn(self, who: Mask) -> None:
        """Start a new episode in the rows where `who` (num_envs,) is true, drawing from `self.rng`."""
        raise NotImplementedError(f"{self.name} does not implement spawn")

    def advance(self, action: Array) -> tuple[Array, Array]:
        """Advance every episode by its action, (num_envs, *action shape), valid and of the caller's dtype.

        Returns:
            reward (num_envs,) float64 and terminated (num_envs,) bool, both new arrays: the caller keeps them.
        """
        raise NotImplementedError(f"{self.name} does not implement advance")

    def features(self, out: Array) -> None:
        """Write the compact observations into `out`, (num_envs, *shape); all of it, as it is not cleared."""
        raise NotImplementedError(f"{self.name} does not implement features")

    def repaint(self, pixels: Array, who: Mask) -> None:
        """Draw the rows of `pixels` (num_envs, 3, 40, 40) where `who` is true from nothing, in place."""
        raise NotImplementedError(f"{self.name} does not implement repaint")

    def paint(self, pixels: Array) -> None:
        """Bring all `pixels`, as `paint` and `repaint` left them, up to date after a step, in place.

        Override it to change only what moved.
        """
        self.repaint(pixels, np.ones(self.num_envs, np.bool_))

    def draw(self, one: int, canvas: Canvas) -> None:
        """Draw episode number `one` for people; coordinates reach from (0, 0) to `picture_size`."""
        raise NotImplementedError(f"{self.name} does not implement draw")

    def expert(self, observation: Array, memory: dict[str, Any]) -> Array:
        """The scripted player that the reward threshold was set by: actions (num_envs, *action shape).

        `memory` is an empty dict at first and the same one afterwards; the expert may keep things in it.
        Before each call the caller sets `memory["first"]`, (num_envs,) bool: rows where an episode begins.
        """
        raise NotImplementedError(f"{self.name} has no expert")

    # What everybody calls.

    @property
    def name(self) -> str:
        """The environment's short name, as it stands in `Sandbox/<name>-v0`."""
        return type(self).__name__

    @property
    def rng(self) -> np.random.Generator:
        """The one generator of the batch; a new one after `reset(seed=...)`."""
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
        super().reset(seed=seed)
        who = self._reset_mask(options or {})
        self._begin(who)
        self._view.spawned(who)
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
        if not self._started:
            raise ResetNeeded(f"{self.name}: call reset() before step()")
        actions = self._check(actions)
        fresh = self._replace_ended() if self._any_ended else None
        reward, terminated = self.advance(actions) if fresh is None else self._advance_others(actions, fresh)
        self.elapsed += 1
        truncated = self.elapsed >= self._limit
        if fresh is not None:
            self.elapsed[fresh] = 0
            truncated[fresh] = False
        self._view.moved()
        if fresh is not None:
            self._view.spawned(fresh)
        ended = terminated | truncated
        infos = self._follow_up(ended) if np.count_nonzero(ended) else {}
        return self._view.out(), reward, terminated, truncated, infos

    def observation(self) -> Array:
        """A new array with the current observations (num_envs, ...), e.g. after `load_state_dict`."""
        return self._view.copy()

    def render(self) -> tuple[Array, ...] | None:
        """One picture (height, width, 3) uint8 for each episode, or None without `render_mode`."""
        if self.render_mode is None:
            return None
        return tuple(self.picture(one) for one in range(self.num_envs))

    def picture(self, one: int = 0) -> Array:
        """The picture for people of episode number `one`, (height, width, 3) uint8, in any render mode."""
        if not self._started:
            raise ResetNeeded(f"{self.name}: call reset() before render()")
        if self._canvas is None:
            from envs.canvas import Canvas  # pygame is loaded only where something is drawn

            self._canvas = Canvas(*self.picture_size)
        self.draw(one, self._canvas)
        return self._canvas.array()

    def state_dict(self) -> dict[str, Any]:
        """Everything that the future of the batch depends on: arrays (copies) and JSON values."""
        return {
            "episodes": {name: np.array(getattr(self, name), order="C") for name in self.state_names},
            "elapsed": self.elapsed.copy(),
            "ended": self._ended.copy(),
            "started": self._started,
            "autoreset_mode": self.autoreset_mode.value,
            "generator": self.rng.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue bit-identically from where `state_dict()` was called on a batch built alike.

        Raises:
            ValueError: the state belongs to another environment, number of episodes or autoreset mode.
        """
        self._check_state(state)
        for name in self.state_names:
            getattr(self, name)[...] = state["episodes"][name]
        self.elapsed[...] = state["elapsed"]
        self._ended = np.array(state["ended"])
        self._any_ended = bool(self._ended.any())
        self._started = bool(state["started"])
        self.rng.bit_generator.state = state["generator"]
        if self._started:
            self._view.spawned(np.ones(self.num_envs, np.bool_))

    def __reduce__(self) -> tuple[Any, ...]:
        # Rebuilt rather than copied attribute by attribute, as arrays may be views of each other.
        return _rebuild, (type(self), *self._arguments, self.state_dict(), self.spec)

    # How it is done.

    def _time_limit(self, asked: int | None) -> int | None:
        limit = self.default_max_episode_steps if asked is None else asked
        if limit is None or limit == NO_LIMIT:
            return None
        return positive(self.name, "max_episode_steps", limit)

    def _reset_mask(self, options: dict[str, Any]) -> Mask:
        if "reset_mask" not in options:
            return np.ones(self.num_envs, np.bool_)
        who = np.asarray(options["reset_mask"])
        if who.shape != (self.num_envs,) or who.dtype != np.bool_ or not who.any():
            raise ValueError(
                f"{self.name}: reset_mask must be bool, of shape ({self.num_envs},), and true somewhere; "
                f"got {who.dtype} {who.shape}"
            )
        if not self._started:
            raise ResetNeeded(f"{self.name}: call reset() once without a mask first")
        return who

    def _begin(self, who: Mask) -> None:
        self.spawn(who)
        self.elapsed[who] = 0

    def _replace_ended(self) -> Mask:
        """Spawn what ended in the step before (NEXT_STEP) and say which rows that were."""
        if self.autoreset_mode is AutoresetMode.DISABLED:
            rows = np.flatnonzero(self._ended).tolist()
            raise ResetNeeded(
                f"{self.name}: episodes {rows} ended; reset them with options={{'reset_mask': mask}}"
            )
        fresh, self._any_ended = self._ended, False
        self._ended = np.zeros(self.num_envs, np.bool_)
        self._begin(fresh)
        return fresh

    def _advance_others(self, actions: Array, fresh: Mask) -> tuple[Array, Array]:
        """Advance all rows, then put the `fresh` ones back: `advance` need not know about resting episodes."""
        if fresh.all():
            return np.zeros(self.num_envs), np.zeros(self.num_envs, np.bool_)
        first = {name: getattr(self, name)[fresh] for name in self.state_names}
        reward, terminated = self.advance(actions)
        for name, rows in first.items():
            getattr(self, name)[fresh] = rows
        reward[fresh] = 0
        terminated[fresh] = False
        return reward, terminated

    def _follow_up(self, ended: Mask) -> dict[str, Any]:
        if self.autoreset_mode is not AutoresetMode.SAME_STEP:
            self._ended, self._any_ended = ended, True
            return {}
        infos = {
            "final_obs": self._view.final(ended),
            "_final_obs": ended,
            "final_info": {},
            "_final_info": ended,
        }
        self._begin(ended)
        self._view.spawned(ended)
        return infos

    def _check_state(self, state: dict[str, Any]) -> None:
        if state["autoreset_mode"] != self.autoreset_mode.value:
            raise ValueError(f"{self.name}: the state was saved in autoreset mode {state['autoreset_mode']}")
        if set(state["episodes"]) != set(self.state_names):
            raise ValueError(
                f"{self.name}: the state of another environment, with {sorted(state['episodes'])}"
            )
        expected = {name: getattr(self, name) for name in self.state_names}
        for name, array in {**expected, "elapsed": self.elapsed, "ended": self._ended}.items():
            saved = state[name] if name in ("elapsed", "ended") else state["episodes"][name]
            if saved.shape != array.shape or saved.dtype != array.dtype:
                raise ValueError(
                    f"{self.name}: {name} is {array.dtype} {array.shape} here, "
                    f"{saved.dtype} {saved.shape} in the saved state"
                )


_AUTORESET_MODES = {key: mode for mode in AutoresetMode for key in (mode, mode.value)}


def _rebuild(
    kind: type[BatchedEnv], args: tuple[Any, ...], kwargs: dict[str, Any], state: Any, spec: Any
) -> Any:
    env = kind(*args, **kwargs)
    env.load_state_dict(state)
    env.spec = spec
    return env
