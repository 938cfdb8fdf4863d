"""An environment with somebody in it: episodes, step by step, as pictures with what is known about them.

Nothing here knows of windows. The window calls it from one thread of its own, so that a thoughtful agent
never holds up the keyboard.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import Env

from envs.sight import Area, sight_of
from sandbox.ui.actor import Actor, Seeing, View, blindness
from sandbox.ui.frames import Frames
from sandbox.ui.memory import Trace, Trail
from sandbox.ui.overlay import lay_over
from sandbox.ui.recorder import fps_of, picture_of
from sandbox.ui.video import VideoWriter


@dataclass(frozen=True, eq=False)
class Scene:
    """One moment of an episode."""

    picture: np.ndarray
    """(height, width, 3) uint8"""
    episode: int
    """from 1"""
    step: int
    """steps taken"""
    total: float
    """undiscounted return so far"""
    view: View | None
    """what the actor is about to do; None without an actor and where the episode is over"""
    over: bool = False
    by_hand: bool = False
    """a person chose at least one action of this episode"""
    heat: np.ndarray | None = None
    """where the decision comes from, (rows, columns) from 0 to 1; None: it is not asked for"""
    area: Area | None = None
    """what part of the picture the heat is of; None: all of it"""
    memory: Trail | None = None
    """what the actor's memory held until now; None: it has none"""

    @cached_property
    def shown(self) -> np.ndarray:
        """The picture with the heat on it, (height, width, 3) uint8."""
        return self.picture if self.heat is None else lay_over(self.picture, self.heat, self.area)


class Stage:
    """Plays episodes; number i starts from the same state whoever plays it, and however often.

    Args:
        env: gives pictures (`render_mode="rgb_array"`).
        actor: who acts; None: only people do.
        seed: of the first episode; each further one has the next number.
        saliency: scenes say where decisions come from, if the actor can.
        memory: see the attribute.
    """

    def __init__(
        self,
        env: Env[Any, Any],
        actor: Actor | None,
        seed: int,
        saliency: bool = False,
        memory: bool = False,
    ) -> None:
        self.env, self.actor, self.seed, self.saliency = env, actor, seed, saliency
        self.memory = memory
        """whether windows, and recordings that begin from now on, have a strip with the actor's memory"""
        self.frames = 0
        """pictures taken so far"""
        self.steps = 0
        """steps taken so far, over all episodes"""
        self._episode = 0
        self._trace = Trace()
        self._video: VideoWriter | None = None
        self._frames = Frames(memory)
        self._scene: Scene | None = None

    @property
    def actor_name(self) -> str:
        """Who acts."""
        return "you" if self.actor is None else self.actor.name

    def begin(self, *, again: bool = False) -> Scene:
        """Start the next episode, or the same one anew (of the first one, the first)."""
        self._episode += 0 if again and self._episode else 1
        seed = self.seed + self._episode - 1
        observation, _ = self.env.reset(seed=seed)
        if self.actor is not None:
            self.actor.begin(seed)
        self._trace.begin()
        view = self._decide(observation, by_hand=False)
        scene = Scene(picture_of(self.env), self._episode, 0, 0.0, view, memory=self._trace.trail)
        return self._look(self._explained(scene))

    def advance(self, action: Any = None, steps: int = 1) -> Scene:
        """Take `steps` steps, or as many as the episode lasts.

        Args:
            action: a person's; None: the actor's own.
            steps: how many, of which only the last one is shown; a recording gets them all.
        """
        scene = self._scene
        assert scene is not None
        assert not scene.over
        for left in range(steps - 1, -1, -1):
            chosen = action if action is not None else scene.view.action if scene.view else None
            observation, reward, terminated, truncated, _ = self.env.step(chosen)
            over = bool(terminated or truncated)
            self.steps += 1
            shown = left == 0 or over or self._video is not None
            picture = picture_of(self.env) if shown else scene.picture
            view = None if over else self._decide(observation, by_hand=action is not None)
            by_hand = scene.by_hand or action is not None
            total = scene.total + float(reward)
            trail = self._trace.trail
            scene = Scene(picture, scene.episode, scene.step + 1, total, view, over, by_hand, memory=trail)
            if shown:
                scene = self._look(self._explained(scene))
            if over:
                break
        return scene

    def swap(self, actor: Actor) -> Scene:
        """Another actor plays the same episode from its start."""
        self.actor = actor
        self._trace.forget()
        return self.begin(again=True)

    def explain(self, wanted: bool) -> Scene | None:
        """Say from now on where decisions come from, or no more; the scene anew, None where it is over."""
        self.saliency = wanted
        if self._scene is None or self._scene.over:
            return None
        self._scene = self._explained(self._scene)
        return self._scene

    def record(self, path: Path) -> None:
        """Record from now on, from the picture that is shown now; raises as `VideoWriter`."""
        self._video, self._frames = VideoWriter(path, fps_of(self.env)), Frames(self.memory)
        if self._scene is not None:
            self._film(self._video, self._scene)

    def stop_recording(self) -> tuple[Path, int] | None:
        """Complete the recording: its path and number of frames; None if there was none."""
        video, self._video = self._video, None
        if video is None:
            return None
        video.close()
        return video.path, video.frames

    def close(self) -> None:
        """Complete a recording and close the environment."""
        try:
            self.stop_recording()
        finally:
            self.env.close()

    def _decide(self, observation: Any, by_hand: bool) -> View | None:
        """What the actor would do; its memory is not shown where a person plays, though it sees that, too."""
        if by_hand:
            self._trace.interrupt()
        view = None if self.actor is None else self.actor.act(observation)
        if view is not None and not by_hand:
            self._trace.add(view.memory)
        return view

    def _explained(self, scene: Scene) -> Scene:
        """The scene with the heat of its decision, if there is one and that is wanted."""
        actor = self.actor
        if not self.saliency or scene.view is None or not isinstance(actor, Seeing) or blindness(actor):
            return replace(scene, heat=None)
        return replace(scene, heat=actor.saliency(), area=sight_of(self.env))

    def _look(self, scene: Scene) -> Scene:
        self._scene = scene
        self.frames += 1
        if self._video is not None:
            self._film(self._video, scene)
        return scene

    def _film(self, video: VideoWriter, scene: Scene) -> None:
        video.add(self._frames.frame(scene.shown, scene.memory))
