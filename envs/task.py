"""What an environment says about itself: everything that a subclass of `BatchedEnv` fills in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium import Space
from numpy.typing import NDArray

from envs.controls import Controls

if TYPE_CHECKING:
    from envs.canvas import Canvas

Array = NDArray[Any]
Mask = NDArray[np.bool_]


class Task:
    """The rules and looks of an environment, over arrays whose first axis is the episode.

    A subclass sets `actions`, `feature_space` and/or `pixel_space`, and `state_names`, and implements
    `spawn`, `advance` and `features` and/or `repaint`; `paint`, `draw` and `expert` are optional. What
    depends on arguments is set in `__init__`, before the core's.
    """

    num_envs: int
    elapsed: Array
    """Steps taken in the running episodes, (num_envs,) int32; the core counts them."""

    actions: Space[Any]
    """The action space of one episode (Discrete, MultiDiscrete, MultiBinary or Box)."""
    feature_space: Space[Any] | None = None
    """The observation space of one episode with `obs="features"`; None: not offered."""
    pixel_space: Space[Any] | None = None
    """The same with `obs="pixels"`, as a rule `envs.PIXELS`."""
    state_names: ClassVar[tuple[str, ...]] = ()
    """The attributes that are the state of the episodes: arrays whose first axis is the episode."""
    default_max_episode_steps: ClassVar[int | None] = None
    """The fixed time limit; None: there is none, or the subclass computes it from its arguments."""
    picture_size: ClassVar[tuple[int, int]] = (480, 480)
    """Width and height of the picture for people, in pixels."""
    render_fps: ClassVar[int] = 30
    """Steps a second when people watch or play."""
    controls: ClassVar[Controls | None] = None
    """The keys with which people play, and names of the actions; None: it cannot be played."""

    @property
    def name(self) -> str:
        """The environment's short name, as it stands in `Sandbox/<name>-v0`."""
        return type(self).__name__

    @property
    def rng(self) -> np.random.Generator:
        """The one generator of the whole batch; a new one after `reset(seed=...)`."""
        raise NotImplementedError

    def spawn(self, who: Mask) -> None:
        """Start a new episode in the rows where `who` (num_envs,) is true, drawing from `self.rng`."""
        raise NotImplementedError(f"{self.name} does not implement spawn")

    def advance(self, action: Array) -> tuple[Array, Array]:
        """Advance every episode by its action, (num_envs, *action shape), a valid one.

        Returns:
            reward (num_envs,) float64 and terminated (num_envs,) bool, both new arrays.
        """
        raise NotImplementedError(f"{self.name} does not implement advance")

    def features(self, out: Array) -> None:
        """Write the compact observations into all of `out`, (num_envs, *shape), old values included."""
        raise NotImplementedError(f"{self.name} does not implement features")

    def repaint(self, pixels: Array, who: Mask) -> None:
        """Draw the rows of `pixels`, (num_envs, 3, 40, 40) uint8, where `who` is true from nothing, in place.

        What is drawn must follow from the state alone, so that saved states continue exactly.
        """
        raise NotImplementedError(f"{self.name} does not implement repaint")

    def paint(self, pixels: Array) -> None:
        """Bring all `pixels` up to date after a step, in place; as they were left.

        Override it to change only what moved. Rows of new episodes are given to `repaint` afterwards.
        """
        self.repaint(pixels, np.ones(self.num_envs, np.bool_))

    def draw(self, one: int, canvas: Canvas) -> None:
        """Draw episode number `one` for people; coordinates reach from (0, 0) to `picture_size`."""
        raise NotImplementedError(f"{self.name} does not implement draw")

    def expert(self, observation: Array, memory: dict[str, Any]) -> Array:
        """The scripted player behind the reward threshold: actions (num_envs, *action shape).

        `memory` is empty before the first call and the same dict in all; the expert may keep things in it.
        Before each call the caller sets `memory["first"]`, (num_envs,) bool: rows where an episode begins. In
        the first call, where all do, it may be missing. Some experts need one kind of observation.

        Raises:
            ValueError: the observations do not show what the expert needs; the message says which do.
        """
        raise NotImplementedError(f"{self.name} has no expert")
