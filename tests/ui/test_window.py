"""A real window, under Xvfb, with real key presses."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pygame
import pytest

from sandbox.ui.hud import number, percent
from tests.ui.windows import PATIENCE_S, Display, Window

Open = Callable[..., Window]


@pytest.fixture(scope="module")
def display() -> Iterator[Display]:
    found = Display()
    yield found
    found.close()


@pytest.fixture
def open_window(display: Display, tmp_path: Path) -> Iterator[Open]:
    opened: list[Window] = []

    def open_one(*words: str, **settings: Any) -> Window:
        opened.append(Window(display, tmp_path / str(len(opened)), *words, **settings))
        return opened[-1]

    yield open_one
    for window in opened:
        if window.process.poll() is None:
            window.process.kill()
        window.process.communicate()


def test_each_step_is_drawn_once_and_the_numbers_are_the_actors(open_window: Open) -> None:
    window = open_window(episodes=1)
    outcome = window.ended()
    log = window.log()
    assert outcome["frames"] == outcome["steps"] + 1
    assert {entry["step"] for entry in log} == set(range(outcome["steps"] + 1))
    for entry in log:
        assert entry["rows"]["return"] == number(entry["total"])
        assert entry["rows"]["step"] == str(entry["step"])
        if not entry["over"]:
            assert entry["rows"]["value"] == number(entry["value"])
            assert entry["bars"] == [percent(p) for p in entry["p"]]


def test_pause_single_steps_speed_and_next_episode(open_window: Open) -> None:
    window = open_window()
    window.keys("space")
    window.wait(lambda: window.now["paused"], "the pause")
    before = window.now["step"]
    window.keys("period", "period", "period")
    window.wait(lambda: window.now["step"] == before + 3, "three steps")
    window.keys("plus", "plus", "minus")
    window.wait(lambda: window.now["speed"] == 2.0, "the speed")
    episode = window.now["episode"]
    window.keys("n")
    window.wait(lambda: window.now["episode"] == episode + 1, "the next episode")
    assert window.now["paused"]
    assert window.now["step"] == 0
    assert "paused" in window.display.xdotool("getwindowname", window.number)
    window.keys("space")
    window.wait(lambda: window.now["step"] > 2, "going on")
    window.keys("Escape")
    window.ended()


def test_a_pause_does_nothing(open_window: Open) -> None:
    window = open_window()
    window.keys("space")
    window.wait(lambda: window.now["paused"], "the pause")
    time.sleep(0.5)
    pictures, used_s = len(window.log()), _cpu_s(window)
    time.sleep(2.0)
    assert len(window.log()) == pictures
    assert _cpu_s(window) - used_s <= 0.1  # of the processor's time, where a busy loop takes all 2 s
    window.keys("Escape")
    window.ended()


def test_taking_over_and_giving_back(open_window: Open) -> None:
    window = open_window()
    window.keys("t")
    window.wait(lambda: window.now["taking"], "taking over")
    window.keys("Left")
    window.wait(lambda: window.now["by_hand"], "a person's action")
    window.wait(lambda: window.now["over"], "the end, with nobody to balance")
    window.keys("t", "n")
    window.wait(lambda: not window.now["taking"] and window.now["step"] > 5, "the actor's play")
    window.keys("Escape")
    assert window.ended()["episodes"][0]["by_hand"]


def test_what_the_agent_looks_at_comes_and_goes_with_a_key_also_in_a_pause(open_window: Open) -> None:
    window = open_window(looks=True)
    assert not window.now["dimmed"]
    window.keys("e")
    window.wait(lambda: window.now["dimmed"] and window.now["looking"], "the heat")
    step = window.now["step"]
    window.wait(lambda: window.now["step"] > step + 2 and window.now["dimmed"], "heat on later steps")
    window.keys("space")
    window.wait(lambda: window.now["paused"], "the pause")
    window.keys("e")
    window.wait(lambda: not window.now["dimmed"] and not window.now["looking"], "the plain picture")
    window.keys("e")
    window.wait(lambda: window.now["dimmed"], "the heat of a step that is past")
    window.keys("Escape")
    window.ended()


def test_an_actor_that_is_blind_says_so(open_window: Open) -> None:
    window = open_window()
    pictures = len(window.log())
    window.keys("e")
    window.wait(lambda: len(window.log()) > pictures + 2, "some more pictures")
    assert not any(entry["looking"] or entry["dimmed"] for entry in window.log())
    window.keys("Escape")
    window.ended()


def test_the_memory_comes_and_goes_with_a_key_also_in_a_pause(open_window: Open) -> None:
    window = open_window(remembers=True)
    assert not window.now["strip_px"]
    window.keys("m")
    window.wait(lambda: window.now["strip_px"] > 0, "the strip")
    window.keys("space")
    window.wait(lambda: window.now["paused"], "the pause")
    window.keys("m")
    window.wait(lambda: not window.now["strip_px"], "the picture alone")
    window.keys("Escape")
    window.ended()


def test_an_actor_without_memory_has_no_strip(open_window: Open) -> None:
    window = open_window()
    pictures = len(window.log())
    window.keys("m")
    window.wait(lambda: len(window.log()) > pictures + 2, "some more pictures")
    assert not any(entry["strip_px"] for entry in window.log())
    window.keys("Escape")
    window.ended()


def test_screenshot_help_and_recording(open_window: Open) -> None:
    window = open_window()
    window.keys("h")
    window.wait(lambda: window.now["helping"], "the help")
    window.keys("s")
    window.wait(lambda: bool(list(window.folder.glob("screenshot-*.png"))), "the screenshot")
    window.keys("r")
    window.wait(lambda: window.now["recording"], "the recording")
    began = window.now["step"]
    window.wait(lambda: window.now["step"] > began + 10 or window.now["episode"] > 1, "some steps")
    window.keys("r")
    window.wait(lambda: bool(list(window.folder.glob("watch-*.mp4"))), "the video")
    window.keys("Escape")
    window.ended()
    (screenshot,) = window.folder.glob("screenshot-*.png")
    assert pygame.image.load(screenshot).get_size() == (840, 400)


def test_resizing_hiding_and_showing(open_window: Open) -> None:
    window = open_window()
    for size in ((1000, 800), (330, 250), (700, 300)):
        window.display.xdotool("windowsize", window.number, *size)
        window.wait(lambda size=size: window.now["size"] == list(size), f"the size {size}")
    window.display.xdotool("windowunmap", window.number)
    window.display.xdotool("windowmap", window.number)
    window.focus()
    window.keys("space")
    window.wait(lambda: window.now["paused"], "the pause")
    window.keys("Escape")
    window.ended()


def test_it_listens_while_the_agent_thinks(open_window: Open) -> None:
    window = open_window(thinks_s=3)
    step = window.now["step"]
    window.keys("h")
    window.wait(lambda: window.now["helping"], "the help")
    assert window.now["step"] == step  # drawn before the agent had made up its mind
    window.keys("Escape")
    assert window.ended()["steps"] <= 2


def test_closed_in_the_middle_of_an_episode_and_twice(open_window: Open) -> None:
    window = open_window()
    window.wait(lambda: window.now["step"] > 2, "some steps")
    window.keys("Escape", "Escape")
    window.ended()


def test_two_windows_at_once(open_window: Open) -> None:
    one, other = open_window(), open_window("Acrobot-v1")
    for window in (one, other):
        before = len(window.log())
        window.wait(lambda window=window, before=before: len(window.log()) > before, "both to go on")
    one.focus()
    one.keys("Escape")
    one.ended()
    other.focus()
    other.keys("space")
    other.wait(lambda: other.now["paused"], "the other one, alone")
    other.keys("Escape")
    other.ended()


def test_turn_based_play_waits_for_each_key(open_window: Open) -> None:
    window = open_window("FrozenLake-v1", play=True)
    assert window.now["step"] == 0
    window.keys("Right", "Down")
    window.wait(lambda: window.now["step"] == 2 or window.now["over"], "two turns")
    window.keys("Escape")
    assert window.ended()["steps"] in (1, 2)


def test_in_turns_quick_taps_all_count_and_a_held_arrow_goes_on_until_it_is_let_go(open_window: Open) -> None:
    window = open_window("CliffWalking-v1", play=True)
    window.display.xdotool("key", "--delay", 12, *["Up"] * 12)
    window.wait(lambda: window.now["step"] == 12, "a step for each tap")
    window.display.xdotool("keydown", "Up")
    window.wait(lambda: window.now["step"] >= 16, "more steps")
    window.display.xdotool("keyup", "Up")
    window.keys("h")
    window.wait(lambda: window.now["helping"], "the help")
    time.sleep(0.5)
    stopped = window.now["step"]
    time.sleep(1.0)
    window.keys("Escape")
    assert window.ended()["steps"] == stopped


def _cpu_s(window: Window) -> float:
    """Seconds of the processor that the window's process has used."""
    import os

    fields = Path(f"/proc/{window.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_the_command_opens_a_window(display: Display) -> None:
    words = [
        "watch",
        "--random",
        "--env",
        "CartPole",
        "--window",
        "--episodes",
        "2",
        "--speed",
        "32",
        "--json",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "sandbox", *words],
        env=display.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert len(result["episodes"]) == 2
    assert result["frames"] < result["steps"]  # several steps for one picture, at this speed


def test_play_ends_with_the_returns(display: Display) -> None:
    words = ["play", "Sandbox/CartPole-v0", "--episodes", "1", "--speed", "4"]
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", *words],
        env=display.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline_s = time.monotonic() + PATIENCE_S
        while not (found := display.xdotool("search", "--pid", process.pid)):
            assert process.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        display.xdotool("windowfocus", "--sync", found.split()[-1])
        while process.poll() is None and time.monotonic() < deadline_s:
            display.xdotool("key", "Left")  # the last action stays, until the pole falls
            time.sleep(0.2)
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == 0, err
    episode, last = out.splitlines()
    score = episode.split()[2]
    assert episode.startswith(f"1. you: {score} in ")
    assert last == f"return: best {score}, mean {score} over 1 episodes"
