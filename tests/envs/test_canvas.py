"""The canvas and the window that pictures for people are made with."""

from __future__ import annotations

import numpy as np
import pygame
import pytest
from gymnasium.error import Error

from envs.canvas import Canvas
from envs.window import Window

RED, BLACK = (255, 0, 0), (0, 0, 0)


def test_shapes_are_where_they_were_asked_for() -> None:
    canvas = Canvas(40, 20)
    canvas.fill(BLACK)
    canvas.rectangle(10, 5, 20, 10, RED)
    picture = canvas.array()
    assert picture.shape == (20, 40, 3)
    assert picture[10, 20].tolist() == [255, 0, 0]
    assert (picture[..., 0] > 0).sum() == pytest.approx(200, abs=4)
    assert not picture[:4].any()


def test_edges_are_smooth() -> None:
    canvas = Canvas(40, 40)
    canvas.fill(BLACK)
    canvas.line((5, 5), (35, 30), 4, RED)
    assert len(np.unique(canvas.array()[..., 0])) > 3


def test_translucent_colours_blend() -> None:
    canvas = Canvas(10, 10)
    canvas.fill((0, 0, 200))
    canvas.circle((5, 5), 4, (*RED, 128))
    assert canvas.array()[5, 5].tolist() == pytest.approx([128, 0, 100], abs=3)


def test_a_scaled_canvas_shows_the_same_in_more_pixels() -> None:
    pictures = []
    for scale in (1, 2):
        canvas = Canvas(30, 30, scale)
        canvas.fill((10, 20, 30), (60, 70, 80))
        canvas.polygon([(5, 25), (15, 5), (25, 25)], RED)
        canvas.text("Ag", (15, 15), 10, (255, 255, 255), anchor="center")
        pictures.append(canvas.array().astype(float))
    assert pictures[1].shape == (60, 60, 3)
    shrunk = pictures[1].reshape(30, 2, 30, 2, 3).mean((1, 3))
    assert np.abs(shrunk - pictures[0]).mean() < 6


def test_gradients_run_from_top_to_bottom() -> None:
    canvas = Canvas(4, 50)
    canvas.fill((0, 0, 0), (200, 200, 200))
    column = canvas.array()[:, 0, 0].astype(int)
    assert column[0] < 10
    assert column[-1] > 190
    assert (np.diff(column) >= 0).all()


def test_images_keep_their_pixels() -> None:
    canvas = Canvas(8, 8)
    canvas.image(np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 9, 9]]], np.uint8), 0, 0, 8, 8)
    picture = canvas.array()
    assert picture[1, 1].tolist() == [255, 0, 0]
    assert picture[1, 6].tolist() == [0, 255, 0]
    assert picture[6, 1].tolist() == [0, 0, 255]


def test_without_a_display_a_window_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("pygame.display.get_driver", lambda: "offscreen")
    with pytest.raises(Error, match=r"CartPole.*display"):
        Window("CartPole", (60, 40), fps=50)


def test_a_window_that_the_user_closed_stays_closed() -> None:
    import pygame

    window = Window("CartPole", (60, 40), fps=1000)
    frame = np.zeros((40, 60, 3), np.uint8)
    window.show(frame)
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    window.show(frame)
    assert not pygame.display.get_init()
    window.show(frame)
    window.close()


def test_text_is_drawn_after_another_environment_shut_pygame_down():
    before = Canvas(60, 30)
    before.text("12", (2, 2), 20, (255, 255, 255))
    pygame.quit()
    after = Canvas(60, 30)
    after.text("12", (2, 2), 20, (255, 255, 255))
    assert after.array().any()
    assert (after.array() == before.array()).all()
