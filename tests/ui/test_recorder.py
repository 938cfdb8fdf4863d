"""Whole episodes go into a video: every frame, at the environment's own pace, the same for the same seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from imageio_ffmpeg import count_frames_and_secs

from sandbox.core.errors import UsageError
from sandbox.ui.actor import View
from sandbox.ui.recorder import check_render_mode, fps_of, picture_of, record_episodes
from sandbox.ui.video import VideoWriter


class Countdown(gym.Env[int, int]):
    """Shows how many steps are left of 9, and rewards each with 2."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 25}  # noqa: RUF012 - gymnasium's own form
    observation_space, action_space = gym.spaces.Discrete(10), gym.spaces.Discrete(2)

    def __init__(self, pictures: bool = True, alpha: bool = False) -> None:
        self.pictures, self.channels = pictures, 4 if alpha else 3
        self.seeds: list[int | None] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict]:
        self.seeds.append(seed)
        self.left = 9
        return self.left, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict]:
        self.left -= 1
        return self.left, 2.0, self.left == 0, False, {}

    def render(self) -> Any:
        return np.full((16, 16, self.channels), self.left * 20, np.uint8) if self.pictures else None


class Same:
    """Always the same action; remembers which seeds its episodes had."""

    name = "same"

    def __init__(self) -> None:
        self.seeds: list[int] = []
        self.seen: list[Any] = []

    def begin(self, seed: int) -> None:
        self.seeds.append(seed)

    def act(self, observation: Any) -> View:
        self.seen.append(observation)
        return View(1)


def test_an_episode_is_seen_from_its_begin_to_its_end(tmp_path: Path) -> None:
    import imageio.v3 as iio

    actor, path = Same(), tmp_path / "play.mp4"
    with VideoWriter(path, 25) as video:
        recording = record_episodes(actor, Countdown(), video, episodes=1, seed=0)
    assert (recording.returns, recording.lengths, recording.frames) == ([18.0], [9], 10)
    assert actor.seen == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    shown = iio.imread(path, plugin="FFMPEG")[:, 8, 8, 0] / 20
    np.testing.assert_allclose(shown, range(9, -1, -1), atol=0.15)


def test_every_episode_has_a_seed_of_its_own(tmp_path: Path) -> None:
    env, actor = Countdown(), Same()
    with VideoWriter(tmp_path / "play.mp4", 25) as video:
        recording = record_episodes(actor, env, video, episodes=3, seed=7)
    assert env.seeds == actor.seeds == [7, 8, 9]
    assert recording.frames == video.frames == 30


@pytest.mark.parametrize(("most", "whole"), [(1, 0), (9, 0), (10, 1), (11, 1), (1000, 100)])
def test_a_video_can_be_cut_to_a_number_of_frames(tmp_path: Path, most: int, whole: int) -> None:
    path = tmp_path / "play.mp4"
    with VideoWriter(path, 25) as video:
        recording = record_episodes(Same(), Countdown(), video, episodes=10_000, seed=0, max_frames=most)
    assert recording.frames == most
    assert len(recording.returns) == len(recording.lengths) == whole
    assert count_frames_and_secs(path) == (most, pytest.approx(most / 25))


def test_opacity_is_left_out() -> None:
    env = Countdown(alpha=True)
    env.reset()
    assert picture_of(env).shape == (16, 16, 3)


def test_the_pace_is_the_environments_own() -> None:
    env = Countdown()
    assert fps_of(env) == 25
    for odd in (None, 0, -3, float("nan"), "fast"):
        env.metadata = {"render_fps": odd}
        assert fps_of(env) == 30


def test_an_environment_without_pictures_is_named_and_leaves_no_video(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Countdown has no pictures"):
        record_into(tmp_path / "play.mp4", Countdown(pictures=False))
    assert not list(tmp_path.iterdir())
    blind = Countdown()
    blind.metadata = {"render_modes": ["ansi"]}
    with pytest.raises(UsageError, match="Countdown has no pictures") as caught:
        check_render_mode(blind)
    assert "it has: ansi" in str(caught.value.hint)


def record_into(path: Path, env: gym.Env[int, int]) -> None:
    with VideoWriter(path, 25) as video:
        record_episodes(Same(), env, video, episodes=1, seed=0)


def test_a_picture_is_asked_for_again_while_a_window_is_resized(monkeypatch: pytest.MonkeyPatch) -> None:
    env, troubles = Countdown(), [ValueError("Invalid mask values")] * 2
    env.reset()
    render = env.render

    def render_later() -> Any:
        if troubles:
            raise troubles.pop()
        return render()

    monkeypatch.setattr(env, "render", render_later)
    assert picture_of(env).max() == 180
    troubles.append(ValueError("another trouble"))
    with pytest.raises(ValueError, match="another trouble"):
        picture_of(env)
