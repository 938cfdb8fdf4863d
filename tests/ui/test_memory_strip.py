"""What an actor's memory holds is a strip beneath the picture, in windows and in videos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import imageio.v3 as imageio
import numpy as np
import pygame
import pytest
from hypothesis import given
from hypothesis import strategies as st

import envs  # noqa: F401 - registers them
from agents.watched import Watched
from sandbox.__main__ import main
from sandbox.core.theme import DARK, rgb
from sandbox.ui.actor import RandomActor, View, forgetfulness
from sandbox.ui.frames import Frames
from sandbox.ui.memory import LONGEST, NOTHING, Trace, Trail
from sandbox.ui.recorder import record_episodes
from sandbox.ui.screen import Screen
from sandbox.ui.show import Show
from sandbox.ui.stage import Stage
from sandbox.ui.strip import CAPTION_PX, room_beneath, strip_of, strip_px
from sandbox.ui.viewer import Viewer
from tests.agents.run_folders import error_of
from tests.ui.kept import Kept

UNITS = 8
BLUE, ORANGE, DARKEST, INK = (
    rgb(colour) for colour in (DARK.series[0], DARK.series[1], DARK.background, DARK.ink)
)


class Counting:
    """Remembers in its first unit how many steps there were, in hundredths; the others stay at 0."""

    name, forgetful = "it counts", ""

    def __init__(self, units: int = UNITS) -> None:
        self.units = units

    def begin(self, seed: int) -> None:
        self.steps = 0

    def act(self, observation: Any) -> View:
        self.steps += 1
        memory = np.zeros(self.units, np.float32)
        memory[0] = self.steps / 100
        return View(1, memory=memory)


@pytest.fixture
def env() -> gym.Env[Any, Any]:
    return gym.make("Sandbox/Catch-v0", render_mode="rgb_array", balls=1)


def counted(trail: Trail | None) -> list[int]:
    """The steps that a trail of `Counting` has."""
    assert trail is not None
    return np.rint(trail.activations[:, 0] * 100).astype(int).tolist()


def drawn(activations: Any, from_start: bool = True, size: tuple[int, int] = (240, 0)) -> np.ndarray:
    """The rows of units of a strip, (height, width, 3), without its caption."""
    trail = Trail(np.array(activations, np.float32), from_start)
    return strip_of(trail, (size[0], size[1] or strip_px(trail.units, 600)))[CAPTION_PX:]


# What is collected


def test_an_episode_collects_every_step_and_the_next_one_begins_anew(env: gym.Env[Any, Any]) -> None:
    stage = Stage(env, Counting(), 0)
    assert counted(stage.begin().memory) == [1]
    scene = stage.advance(steps=3)
    assert counted(scene.memory) == [1, 2, 3, 4]
    assert counted(stage.advance(steps=99).memory) == list(range(1, 10))
    anew = stage.begin().memory
    assert anew is not None
    assert anew.from_start
    assert counted(anew) == [1]
    assert counted(scene.memory) == [1, 2, 3, 4]  # scenes that are shown do not change


def test_where_a_person_plays_nothing_is_added(env: gym.Env[Any, Any]) -> None:
    stage = Stage(env, Counting(), 0)
    stage.begin()
    stage.advance(steps=2)
    by_hand = stage.advance(0).memory
    assert by_hand is not None
    assert by_hand.units == UNITS
    assert counted(by_hand) == counted(stage.advance(0).memory) == []
    given_back = stage.advance(steps=2).memory
    assert given_back is not None
    assert counted(given_back) == [6, 7]  # its memory went on while it watched
    assert not given_back.from_start


def test_another_actor_has_its_own_memory_or_none(env: gym.Env[Any, Any]) -> None:
    stage = Stage(env, Counting(), 0)
    stage.begin()
    stage.advance(steps=3)
    other = stage.swap(Counting(units=3)).memory
    assert other is not None
    assert other.activations.shape == (1, 3)
    assert stage.swap(RandomActor(env.action_space)).memory is None


@given(st.integers(1, 3 * LONGEST))
def test_a_long_episode_keeps_its_last_steps(steps: int) -> None:
    trace = Trace()
    for step in range(steps):
        trace.add(np.full(2, step, np.float32))
    trail = trace.trail
    assert trail is not None
    assert trail.activations[:, 1].tolist() == list(range(max(0, steps - LONGEST), steps))
    assert trail.from_start == (steps <= LONGEST)


# How it is drawn


def test_colours_say_sign_and_size_and_the_newest_step_is_on_the_right() -> None:
    rows = drawn([[0, 0], [1, -1]])
    column = 2  # pixels of a step at this width
    top, bottom = rows[0], rows[-1]
    assert [tuple(top[-1]), tuple(bottom[-1])] == [ORANGE, BLUE]
    assert [tuple(top[-1 - column]), tuple(bottom[-1 - column])] == [DARKEST, DARKEST]
    half = drawn([[0.5, np.nan]])
    np.testing.assert_allclose(half[0, -1], (np.array(ORANGE) + DARKEST) / 2, atol=1)
    assert tuple(half[-1, -1]) == DARKEST


def test_pixels_change_where_activations_change_and_nowhere_else() -> None:
    before = np.zeros((30, UNITS), np.float32)
    after = before.copy()
    after[-5, 3] = 0.7
    one, other = drawn(before), drawn(after)
    changed = (one != other).any(2)
    rows, columns = np.nonzero(changed)
    tall = len(one) // UNITS
    assert set(rows) == set(range(3 * tall, 4 * tall))
    assert set(columns) == {240 - 10, 240 - 9}


def test_a_mark_stands_where_the_episode_begins_until_it_has_scrolled_out() -> None:
    for steps, from_start, marked in ((30, True, True), (30, False, False), (200, True, False)):
        rows = drawn(np.zeros((steps, UNITS)), from_start)
        ink = (rows == INK).all((0, 2))
        assert ink.any() == marked
        assert not marked or np.flatnonzero(ink).tolist() == [240 - 2 * steps - 1]


def test_where_units_are_more_than_pixels_regular_ones_are_shown() -> None:
    ramp = np.linspace(-1, 1, 512, dtype=np.float32)[None].repeat(5, 0)
    height = strip_px(512, 300)
    assert height <= 100
    shown = drawn(ramp, size=(240, height))[:, -1].astype(int)
    firsts = shown[np.r_[True, (np.diff(shown, axis=0) != 0).any(1)]]
    assert 30 <= len(firsts) <= 40
    assert tuple(firsts[0]) == BLUE
    assert firsts[-1, 0] > firsts[-1, 2] + 80  # from the beginning to the end of the memory, nearly


@given(st.integers(1, 700), st.integers(1, 1200), st.integers(1, 900), st.integers(0, 40))
def test_every_size_has_a_strip_that_leaves_the_picture_its_room(
    units: int, room: int, width: int, steps: int
) -> None:
    height = strip_px(units, room)
    assert height % 2 == 0
    assert 3 * height <= room
    if height:
        trail = Trail(np.ones((steps, units), np.float32), from_start=True)
        strip = strip_of(trail, (width, height))
        assert strip.shape == (height, width, 3)
        bright = (strip[CAPTION_PX:, -1] == ORANGE).all(1)
        assert bright.sum() >= (height - CAPTION_PX) / 2 * bool(steps)
        assert strip_px(units, room_beneath(room)) >= height


# In videos


def test_a_video_has_the_strip_beneath_the_untouched_picture(env: gym.Env[Any, Any]) -> None:
    plain, remembered = Kept(), Kept()
    for video, memory in ((plain, False), (remembered, True)):
        record_episodes(Counting(), env, video, 2, 0, memory=memory)  # type: ignore[arg-type]
    assert plain.frames == remembered.frames == 20
    strips = []
    for before, after in zip(plain.pictures, remembered.pictures, strict=True):
        height = len(before)
        assert after.shape == (height + strip_px(UNITS, room_beneath(height)), *before.shape[1:])
        assert np.array_equal(after[:height], before)
        strips.append(after[height:])
    assert not np.array_equal(strips[3], strips[4])
    assert np.array_equal(strips[8], strips[9])  # over: nothing is decided any more
    assert np.array_equal(strips[10], strips[0])  # the second episode begins like the first one


def test_who_has_no_memory_leaves_videos_as_they_are(env: gym.Env[Any, Any]) -> None:
    actor = RandomActor(env.action_space)
    assert forgetfulness(actor)
    assert not forgetfulness(Counting())
    video = Kept()
    record_episodes(actor, env, video, 1, 0, memory=True)  # type: ignore[arg-type]
    assert video.pictures[0].shape == (560, 480, 3)


def test_frames_keep_the_form_of_the_first_one_and_have_even_heights() -> None:
    picture, frames = np.zeros((211, 160, 3), np.uint8), Frames(memory=True)
    trails = [*(Trail(np.ones((3, units), np.float32), True) for units in (64, 5)), None, NOTHING]
    shapes = {frames.frame(picture, trail).shape for trail in trails}
    assert len(shapes) == 1
    assert shapes.pop()[0] % 2 == 0


def test_a_recording_keeps_its_form_when_the_strip_comes_or_goes(
    env: gym.Env[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for memory in (False, True):
        video = Kept()
        monkeypatch.setattr("sandbox.ui.stage.VideoWriter", lambda path, fps, video=video: video)
        stage = Stage(env, Counting(), 0, memory=memory)
        stage.begin()
        stage.record(Path("it.mp4"))
        stage.memory = not memory
        stage.advance()
        stage.advance(0)
        stage.swap(RandomActor(env.action_space))
        heights = {len(picture) for picture in video.pictures}
        assert heights == {560 + strip_px(UNITS, room_beneath(560)) * memory}
        assert video.frames == 4


# In the window


def window(env: gym.Env[Any, Any], size: tuple[int, int]) -> Viewer:
    """A viewer whose window is to nowhere, with an episode of five steps, and the strip on."""
    viewer = Viewer(Stage(env, Counting(), 0, memory=True), Show("Catch"))
    viewer.play.stage.begin()
    viewer.play.scene = viewer.play.stage.advance(steps=5)
    viewer.screen = Screen("test", (480, 560))
    viewer.screen.surface = pygame.display.set_mode(size)
    return viewer


@pytest.mark.parametrize("size", [(320, 240), (720, 560), (1600, 1000)])
def test_the_strip_is_beneath_the_picture_and_covers_nothing(
    env: gym.Env[Any, Any], size: tuple[int, int]
) -> None:
    viewer = window(env, size)
    viewer.draw()
    assert viewer.play.scene is not None
    screen, trail = viewer.screen, viewer.play.scene.memory
    assert trail is not None
    pixels = pygame.surfarray.array3d(screen.surface).swapaxes(0, 1)
    beneath = strip_of(trail, (screen.free_area.width, strip_px(UNITS, size[1])))
    assert np.array_equal(pixels[-len(beneath) :, : beneath.shape[1]], beneath)
    assert screen.picture_area.height == size[1] - len(beneath) >= 2 * size[1] // 3
    viewer._press("m")
    viewer.draw()
    assert viewer.screen.picture_area.height == size[1]
    viewer.play.worker.finish(env.close)
    pygame.display.quit()


def test_a_new_window_has_room_for_the_strip() -> None:
    without = Screen("test", (480, 480)).surface.get_size()
    with_it = Screen("test", (480, 480), UNITS).surface.get_size()
    assert with_it == (without[0], without[1] + strip_px(UNITS, room_beneath(480)))
    pygame.display.quit()


# The command


def watched(monkeypatch: pytest.MonkeyPatch, env: gym.Env[Any, Any], folder: Path) -> None:
    """Let `watch --random` show `Counting`."""
    monkeypatch.setattr("agents.watched.random_actions", lambda *_: Watched(env, Counting(), folder))


WORDS = ("watch", "--random", "--env", "Sandbox/Catch-v0", "--episodes", "1")


def test_the_command_records_the_strip(
    env: gym.Env[Any, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    watched(monkeypatch, env, tmp_path)
    video = tmp_path / "it.mp4"
    assert main([*WORDS, "--memory", "--record", str(video), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 10
    pictures = imageio.imread(video, plugin="FFMPEG")
    assert pictures.shape[1] == 560 + strip_px(UNITS, room_beneath(560))
    beneath = pictures[:, 560 + CAPTION_PX :].astype(float)
    assert np.abs(beneath[7] - beneath[2]).max() > 50


def test_an_agent_without_memory_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = error_of(capsys, [*WORDS, "--memory", "--record", str(tmp_path / "it.mp4")], 2)
    assert "random actions has no memory to show: nobody remembers anything here" in error
    assert not list(tmp_path.iterdir())
