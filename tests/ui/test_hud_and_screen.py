"""What the panel says, and how pictures are fitted into the window; drawn to SDL's dummy display."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import gymnasium
import numpy as np
import pygame
import pytest
from gymnasium.spaces import Box, Discrete

from envs.controls import Controls, controls_of
from envs.window import start_display
from sandbox.core.errors import Refused, UsageError
from sandbox.ui.actor import RandomActor, View
from sandbox.ui.hud import Bar, Surroundings, bars_of, hud_of, number, percent
from sandbox.ui.panel import chosen_bars
from sandbox.ui.screen import Screen, first_size, fitted, fresh_path, has_display, open_display, scaled
from sandbox.ui.show import Show
from sandbox.ui.stage import Stage
from sandbox.ui.viewer import Viewer


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A display is named that is not there."""
    for name in ("SDL_VIDEODRIVER", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":4711")
    pygame.display.quit()


def test_numbers_are_short_and_have_a_real_minus():
    texts = [number(value) for value in (200.0, -12.5, 0.0312, 1234567.0, -1246.0006, float("nan"))]
    assert texts == ["200", "−12.50", "0.031", "1,234,567", "−1,246.0", "nan"]
    assert [percent(p) for p in (0.0, 0.001, 0.5, 0.999, 1.0)] == ["0 %", "< 1 %", "50 %", "> 99 %", "100 %"]


def test_each_discrete_action_has_a_bar_as_long_as_its_probability():
    controls = Controls({}, ("left", "right"))
    heading, bars = bars_of(View(1, 3.0, (np.array([0.25, 0.75]),)), Discrete(2), controls.name_of)
    assert heading == "action probabilities"
    assert bars == (Bar("left", "25 %", 0.0, 0.25), Bar("right", "75 %", 0.0, 0.75, chosen=True))


def test_a_continuous_action_has_its_mean_and_spread_between_the_bounds():
    view = View(np.array([1.0]), mean=np.array([1.0]), spread=np.array([0.5]))
    _, (bar,) = bars_of(view, Box(-2, 2, (1,), np.float32))
    assert (bar.start, bar.mark, bar.end) == (0.625, 0.75, 0.875)
    assert bar.text == "+1.00 ± 0.50"


def test_q_values_have_bars_from_worst_to_best():
    heading, bars = bars_of(View(2, q_values=np.array([1.0, 2.0, 3.0])), Discrete(3))
    assert heading == "Q-values"
    assert [bar.end for bar in bars] == [0.0, 0.5, 1.0]
    assert [bar.chosen for bar in bars] == [False, False, True]


def test_the_longest_bars_and_the_chosen_one_stay_where_room_is_short():
    bars = [Bar(str(i), "", 0.0, i / 10, chosen=i == 1) for i in range(6)]
    shown, hidden = chosen_bars(bars, 4)
    assert [bar.label for bar in shown] == ["1", "4", "5"]
    assert hidden == 3


def test_the_panel_counts_what_the_environment_paid():
    env = gymnasium.make("CartPole-v1", render_mode="rgb_array")
    stage = Stage(env, RandomActor(env.action_space), seed=4)
    scene = stage.begin()
    for _ in range(5):
        scene = stage.advance()
    hud = hud_of(scene, Surroundings("CartPole-v1", stage.actor_name, env.action_space))
    assert dict(hud.rows) == {"return": "5", "step": "5", "episode": "1"}
    assert [bar.text for bar in hud.bars] == ["50 %", "50 %"]
    assert stage.steps == 5
    assert stage.frames == 6
    stage.close()


def test_an_episode_has_the_same_start_whoever_plays_it():
    env = gymnasium.make("CartPole-v1", render_mode="rgb_array")
    stage = Stage(env, RandomActor(env.action_space), seed=4)
    first = stage.begin().picture
    stage.advance(steps=3)
    assert np.array_equal(stage.swap(RandomActor(env.action_space)).picture, first)
    assert stage.begin().episode == 2


def test_a_person_chooses_instead_of_the_actor():
    env = gymnasium.make("FrozenLake-v1", render_mode="rgb_array", is_slippery=False)
    stage = Stage(env, RandomActor(env.action_space), seed=0)
    stage.begin()
    assert stage.advance(2).by_hand
    assert env.unwrapped.get_wrapper_attr("s") == 1
    stage.close()


def test_an_environment_without_pictures_is_refused():
    with pytest.raises(UsageError, match="CartPole-v1 has no pictures"):
        Stage(gymnasium.make("CartPole-v1"), None, 0).begin()


def test_pictures_are_fitted_in_whole_squares_where_that_nearly_fills_the_window():
    assert fitted((256, 256), (512, 600)) == (512, 512)
    assert fitted((256, 256), (540, 540)) == (512, 512)
    assert fitted((600, 400), (900, 900)) == (900, 600)
    assert fitted((600, 400), (300, 300)) == (300, 200)
    assert fitted((10, 1000), (5, 5)) == (1, 5)


def test_new_windows_enlarge_small_pictures_and_fit_the_desktop():
    assert first_size((256, 256), (1920, 1080)) == (512 + 240, 512)
    assert first_size((600, 400), (1920, 1080)) == (840, 400)
    width, height = first_size((3000, 3000), (1280, 800))
    assert width <= 1280
    assert height <= 800


def test_coarse_pictures_stay_sharp():
    pygame.display.init()
    Screen("test", (4, 4))
    board = pygame.surfarray.make_surface(np.indices((4, 4)).sum(0)[..., None].repeat(3, 2) % 2 * 255)
    exact = pygame.surfarray.array3d(scaled(board, (40, 40)))
    assert set(np.unique(exact)) == {0, 255}
    odd = pygame.surfarray.array3d(scaled(board, (46, 46)))
    assert ((odd < 8) | (odd > 247)).mean() > 0.6  # smoothed along the edges alone
    pygame.display.quit()


def test_sdls_drivers_that_draw_to_nowhere_are_no_display(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    assert not has_display()
    monkeypatch.setenv("SDL_VIDEODRIVER", "offscreen")
    assert not has_display()
    monkeypatch.delenv("SDL_VIDEODRIVER")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":4711")
    assert not has_display()


@pytest.mark.parametrize("start", [lambda: Screen("x", (48, 48)), open_display])
def test_a_window_that_nobody_would_see_is_refused(start: Callable[[], object], nowhere: None):
    with pytest.raises(Refused, match="no display for a window") as caught:
        start()
    assert caught.value.exit_code == 7
    assert not pygame.display.get_init()


def test_a_window_to_nowhere_opens_where_somebody_asks_for_it(nowhere: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    screen = Screen("x", (48, 48))
    assert pygame.display.get_driver() == "dummy"
    screen.close()


def test_a_display_that_is_gone_when_the_window_opens_ends_the_show(nowhere: None):
    viewer = Scripted([], "CartPole-v1", Show("CartPole-v1", episodes=1))
    with pytest.raises(Refused):
        viewer.run()
    assert viewer.play.stage.frames == 0


def test_the_search_for_a_display_is_silent_and_leaves_no_traces(
    nowhere: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    for folder in (None, "relative"):
        if folder is None:
            monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        else:
            monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        assert not has_display()
        assert not start_display()
        assert os.environ.get("XDG_RUNTIME_DIR") == folder
    assert capfd.readouterr().err == ""


MESSAGE = "Press a key to begin"


def shown(size: tuple[int, int], message: str) -> tuple[np.ndarray, pygame.Rect]:
    """The pixels of a window with a message or none, (width, height, 3), and where its picture is."""
    env = gymnasium.make("FrozenLake-v1", render_mode="rgb_array")
    viewer = Viewer(Stage(env, RandomActor(env.action_space), 0), Show("FrozenLake-v1"))
    viewer.play.scene = viewer.play.stage.begin()
    viewer.screen = Screen("test", (256, 256))
    viewer.screen.surface = pygame.display.set_mode(size)
    viewer.say(message)
    viewer.draw()
    pixels = pygame.surfarray.array3d(viewer.screen.surface).astype(int)
    area = viewer.screen.picture_area
    viewer.play.worker.finish(env.close)
    pygame.display.quit()
    return pixels, area


def test_messages_stand_beside_the_picture():
    with_it, area = shown((752, 512), MESSAGE)
    without, _ = shown((752, 512), "")
    changed = (with_it != without).any(2)
    assert not changed[: area.right].any()
    assert changed[area.right :].sum() > 2_000


def test_in_a_window_without_a_panel_messages_are_a_translucent_band_at_the_top():
    with_it, area = shown((400, 400), MESSAGE)
    without, _ = shown((400, 400), "")
    assert area.width == 400
    changed = (with_it != without).any(2)
    assert changed.any()
    assert not changed[:, 40:].any()
    assert np.ptp(with_it[:20, 4:20], axis=(0, 1)).max() > 0  # the picture shines through


def test_a_long_message_stays_within_the_panel():
    words = "a screenshot with a name that is so long that nobody would want to read it to its end " * 5
    pixels, area = shown((752, 512), words)
    without, _ = shown((752, 512), "")
    assert not (pixels != without).any(2)[: area.right].any()


def test_the_end_is_told_by_the_name_that_the_panel_has_for_it():
    env = gymnasium.make("FrozenLake-v1", render_mode="rgb_array", is_slippery=False)
    viewer = Viewer(Stage(env, None, 0), Show("FrozenLake-v1", controls_of(env)))
    scene = replace(viewer.play.stage.begin(), total=-1.0, over=True)
    viewer.play.scene = scene
    rows = dict(hud_of(scene, viewer.surroundings()).rows)
    assert viewer.prompt() == f"Return {rows['return']}. Press a key to play again"
    viewer.play.worker.finish(env.close)


def test_files_never_replace_each_other(tmp_path: Path):
    paths = []
    for _ in range(3):
        paths.append(fresh_path(tmp_path, "watch", ".png"))
        paths[-1].touch()
    assert len(set(paths)) == 3


class Scripted(Viewer):
    """A window whose events come from a list, one after each picture."""

    def __init__(self, events: list[pygame.event.Event], env_id: str, show: Show, by: bool = True) -> None:
        env = gymnasium.make(env_id, render_mode="rgb_array")
        super().__init__(Stage(env, RandomActor(env.action_space) if by else None, 0), show)
        self.script = events
        self.huds: list[object] = []

    def draw(self) -> None:
        super().draw()
        assert self.play.scene is not None
        self.huds.append(hud_of(self.play.scene, self.surroundings()))
        if self.script and not (self.play.keyboard.tapped or self.play.worker.busy):
            pygame.event.post(self.script.pop(0))


def key(name: str, text: str = "") -> pygame.event.Event:
    pygame.display.init()
    return pygame.event.Event(pygame.KEYDOWN, key=pygame.key.key_code(name), unicode=text or name[:1], mod=0)


def test_the_window_closes_after_its_episodes_and_shows_a_picture_for_each_step():
    viewer = Scripted([], "CartPole-v1", Show("CartPole-v1", episodes=2))
    outcome = viewer.run()
    assert [episode["finished"] for episode in outcome.episodes] == [True, True]
    assert outcome.steps == sum(episode["steps"] for episode in outcome.episodes)
    assert outcome.frames == outcome.steps + 2


def test_closing_in_the_middle_of_an_episode_and_closing_twice():
    quit_event = pygame.event.Event(pygame.QUIT)
    viewer = Scripted([key("h"), key("h"), quit_event, quit_event], "CartPole-v1", Show("CartPole-v1"))
    outcome = viewer.run()
    viewer.close()
    assert all(not episode["finished"] for episode in outcome.episodes)


def test_turns_wait_for_keys_and_keys_are_shown():
    env = gymnasium.make("FrozenLake-v1", render_mode="rgb_array")
    keys = [key("right"), key("down"), key("escape")]
    viewer = Scripted(keys, "FrozenLake-v1", Show("FrozenLake-v1", controls_of(env)), by=False)
    outcome = viewer.run()
    assert outcome.steps == 2
    assert outcome.episodes[0]["by_hand"]
    assert ("→", "right") in viewer.huds[0].keys  # type: ignore[attr-defined]


def test_an_error_of_the_environment_closes_the_window_and_is_raised():
    viewer = Scripted([], "CartPole-v1", Show("CartPole-v1"))
    viewer.play.stage.env.unwrapped.step = lambda action: 1 / 0  # type: ignore[attr-defined]
    with pytest.raises(ZeroDivisionError):
        viewer.run()
    assert not pygame.display.get_init()
