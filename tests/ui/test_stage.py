"""A stage says where decisions come from while it is asked to, and records what it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import envs  # noqa: F401 - registers them
from envs.sight import sight_of
from sandbox.ui.actor import RandomActor, View, blindness
from sandbox.ui.overlay import lay_over
from sandbox.ui.recorder import picture_of, record_episodes
from sandbox.ui.stage import Stage
from tests.ui.kept import Kept


class Looking:
    """Stays where it is, and looks at another row of eight in each step."""

    name, blind = "it looks", ""

    def begin(self, seed: int) -> None:
        self.steps = 0

    def act(self, observation: Any) -> View:
        self.steps += 1
        return View(1)

    def saliency(self) -> np.ndarray:
        heat = np.zeros((8, 8), np.float32)
        heat[self.steps % 8] = 1
        return heat


@pytest.fixture
def env() -> gym.Env[Any, Any]:
    return gym.make("Sandbox/Catch-v0", render_mode="rgb_array", balls=1)


def test_heat_lies_on_the_board_and_is_of_the_decision_that_comes_next(env: gym.Env[Any, Any]) -> None:
    stage = Stage(env, Looking(), 0, saliency=True)
    scene = stage.begin()
    for step in range(1, 4):
        expected = lay_over(scene.picture, np.eye(8)[step % 8][:, None] * np.ones(8), (20, 100, 440, 440))
        assert np.array_equal(scene.shown, expected)
        assert np.array_equal(scene.picture, picture_of(env))
        scene = stage.advance()


def test_it_is_switched_on_and_off_for_the_scene_that_is_shown(env: gym.Env[Any, Any]) -> None:
    stage = Stage(env, Looking(), 0)
    plain = stage.begin()
    assert plain.shown is plain.picture
    hot = stage.explain(True)
    assert hot is not None
    assert hot.heat is not None
    assert not np.array_equal(hot.shown, plain.shown)
    assert stage.advance().heat is not None
    assert getattr(stage.explain(False), "heat", 0) is None
    assert stage.advance().heat is None


def test_what_is_recorded_is_what_is_shown(env: gym.Env[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    video = Kept()
    monkeypatch.setattr("sandbox.ui.stage.VideoWriter", lambda path, fps: video)
    stage = Stage(env, Looking(), 0, saliency=True)
    shown = [stage.begin().shown]
    stage.record(Path("it.mp4"))
    shown.append(stage.advance().shown)
    stage.explain(False)
    shown.append(stage.advance().shown)
    assert video.frames == 3
    assert all(np.array_equal(one, other) for one, other in zip(video.pictures, shown, strict=True))


def test_where_an_episode_is_over_nothing_is_decided(env: gym.Env[Any, Any]) -> None:
    stage = Stage(env, Looking(), 0, saliency=True)
    stage.begin()
    last = stage.advance(steps=99)
    assert last.over
    assert last.shown is last.picture
    assert stage.explain(True) is None


def test_who_cannot_say_where_it_looks_plays_on(env: gym.Env[Any, Any]) -> None:
    actor = RandomActor(env.action_space)
    assert blindness(actor)
    assert Stage(env, actor, 0, saliency=True).begin().heat is None


def test_a_recording_shows_the_heat(env: gym.Env[Any, Any]) -> None:
    plain, hot = Kept(), Kept()
    for video, saliency in ((plain, False), (hot, True)):
        record_episodes(Looking(), env, video, 1, 0, saliency=saliency)  # type: ignore[arg-type]
    assert plain.frames == hot.frames == 10
    for step, (before, after) in enumerate(zip(plain.pictures[:-1], hot.pictures, strict=False), 1):
        heat = np.eye(8)[step % 8][:, None] * np.ones(8)
        assert np.array_equal(after, lay_over(before, heat, sight_of(env)))
    assert np.array_equal(plain.pictures[-1], hot.pictures[-1])
