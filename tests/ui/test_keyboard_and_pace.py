"""Keys as actions, and when the next step is due."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

import envs  # noqa: F401 - registers ours
from envs.controls import controls_of
from sandbox.ui.keyboard import Keyboard, key_name, symbols
from sandbox.ui.pace import REPEAT_AFTER_S, REPEAT_EVERY_S, SPEEDS, Pace, Repeat, speed_text

PLAYABLE = (
    *("CartPole-v1", "Sandbox/CartPole-v0", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1"),
    *("Acrobot-v1", "FrozenLake-v1", "FrozenLake8x8-v1", "CliffWalking-v1", "Taxi-v4", "Blackjack-v1"),
)
SIDEWAYS = {"left": 0, "": 1, "right": 2, "left+up": 7}


def test_a_held_key_is_its_action_and_no_key_the_idle_one():
    keyboard = Keyboard(SIDEWAYS, Discrete(9))
    assert keyboard.action() == 1
    keyboard.press("left")
    assert [keyboard.action(), keyboard.action()] == [0, 0]
    keyboard.release("left")
    assert keyboard.action() == 1


def test_a_tap_between_two_steps_counts_once():
    keyboard = Keyboard(SIDEWAYS, Discrete(9))
    keyboard.press("right")
    keyboard.release("right")
    assert keyboard.tapped
    assert [keyboard.action(), keyboard.action()] == [2, 1]


def test_keys_together_are_their_own_action_and_else_the_last_one_counts():
    keyboard = Keyboard(SIDEWAYS, Discrete(9))
    keyboard.press("left")
    keyboard.press("up")
    assert keyboard.action() == 7
    keyboard.release("up")
    keyboard.press("right")
    assert keyboard.action() == 2


def test_where_no_key_means_nothing_the_last_action_stays():
    keyboard = Keyboard({"left": 0, "right": 1}, Discrete(2))
    assert keyboard.action() is None
    assert not keyboard.in_use
    keyboard.press("right")
    keyboard.release("right")
    assert [keyboard.action(), keyboard.action()] == [1, 1]
    keyboard.forget()
    assert keyboard.action() is None


def test_in_turns_each_tap_counts_however_fast_they_come():
    keyboard = Keyboard({"left": 0, "right": 2}, Discrete(4))
    for key in ("right", "left"):
        keyboard.press(key)
    assert [keyboard.turn(), keyboard.turn()] == [2, 0]
    assert not keyboard.tapped


def test_continuous_actions_are_arrays_of_the_space():
    keyboard = Keyboard({"left": (2.0,)}, Box(-2, 2, (1,), np.float32))
    keyboard.press("left")
    action = keyboard.action()
    assert action.dtype == np.float32
    assert action.tolist() == [2.0]


def test_keys_have_one_name_on_every_layout():
    assert key_name("=", "+") == "+"
    assert key_name("[+]", "+") == "+"
    assert key_name("left shift", "") == "left shift"
    assert symbols("left+up") == "← ↑"
    assert symbols("") == "no key"


@pytest.mark.parametrize("env_id", PLAYABLE)
def test_every_key_of_a_key_map_is_an_action_of_the_environment(env_id: str):
    env = gymnasium.make(env_id)
    controls = controls_of(env)
    assert controls is not None
    for keys in controls.keys:
        keyboard = Keyboard(controls.keys, env.action_space)
        for key in filter(None, keys.split("+")):
            keyboard.press(key)
        assert env.action_space.contains(keyboard.action())


def test_an_environment_may_name_its_keys_as_gymnasiums_do():
    class Named(gymnasium.Env):
        action_space = Discrete(2)
        observation_space = Discrete(1)

        def get_keys_to_action(self):
            return {(): 0, (276,): 1, ("w",): 1, ("w", " "): 1}

        def get_action_meanings(self):
            return ["NOOP", "UP_FIRE"]

    controls = controls_of(Named())
    assert controls is not None
    assert controls.keys == {"": 0, "left": 1, "w": 1, "w+space": 1}
    assert controls.name_of(1) == "up fire"


def test_an_environment_without_keys_has_no_controls():
    class Nothing(gymnasium.Env):
        action_space = Discrete(2)
        observation_space = Discrete(1)

    assert controls_of(Nothing()) is None


def test_steps_come_at_the_environments_own_speed():
    pace = Pace(50)
    now = 100.0
    pace.took_step(now)
    assert pace.left_s(now) == pytest.approx(0.02)
    now += 0.02
    pace.took_step(now)
    assert pace.left_s(now) == pytest.approx(0.02)


def test_a_small_delay_is_caught_up_and_a_long_one_forgotten():
    pace = Pace(50)
    pace.took_step(100.0)
    pace.took_step(100.025)
    assert pace.left_s(100.025) == pytest.approx(0.015)
    pace.took_step(107.0)
    assert pace.left_s(107.0) == pytest.approx(0.02)


def test_fast_shows_take_several_steps_for_one_picture():
    assert Pace(50).steps_per_picture == 1
    assert Pace(60).steps_per_picture == 1
    fast = Pace(50, speed=8)
    assert fast.steps_per_picture == 7
    assert 1 / fast.period_s <= 60
    assert fast.steps_per_picture / fast.period_s == pytest.approx(400)


def test_speeds_have_steps_and_ends():
    pace = Pace(30, speed=0.7)
    pace.faster()
    assert pace.speed == 1
    for _ in SPEEDS:
        pace.slower()
    assert pace.speed == SPEEDS[0]
    for _ in SPEEDS:
        pace.faster()
    assert pace.speed == SPEEDS[-1]
    assert [speed_text(speed) for speed in (0.5, 1.0, 16.0)] == ["½×", "1×", "16×"]


SNAKE = {"up": 0, "right": 1, "down": 2, "left": 3}


def test_taps_within_one_step_have_a_step_each_and_two_may_wait():
    keyboard = Keyboard(SNAKE, Discrete(4))
    for key in ("up", "left", "down", "right", "up"):
        keyboard.press(key)
        keyboard.release(key)
    assert [keyboard.action() for _ in range(4)] == [0, 3, 2, 2]
    assert not keyboard.tapped


def test_a_tap_beside_a_held_key_has_its_step_and_then_the_held_one_goes_on():
    keyboard = Keyboard(SNAKE, Discrete(4))
    keyboard.press("right")
    assert keyboard.action() == 1
    for key in ("up", "left"):
        keyboard.press(key)
        keyboard.release(key)
    assert [keyboard.action() for _ in range(3)] == [0, 3, 1]


def test_one_key_tapped_twice_counts_twice():
    keyboard = Keyboard(SIDEWAYS, Discrete(9))
    keyboard.press("right")
    keyboard.release("right")
    keyboard.press("right")
    assert keyboard.action() == 2
    assert keyboard.tapped
    keyboard.release("right")
    assert [keyboard.action(), keyboard.action()] == [2, 1]


def test_a_turn_leaves_the_keys_held():
    keyboard = Keyboard(SNAKE, Discrete(4))
    for key in ("right", "down"):
        keyboard.press(key)
    assert [keyboard.turn(), keyboard.turn()] == [1, 2]
    assert keyboard.arrow == "down"
    keyboard.release("down")
    assert keyboard.arrow == "right"
    keyboard.release_all()
    assert keyboard.arrow is None


def test_a_held_key_counts_again_after_a_while_and_then_steadily():
    repeat = Repeat()
    repeat.pressed(100.0)
    assert repeat.left_s(100.0) == pytest.approx(REPEAT_AFTER_S)
    assert repeat.left_s(100.5) == 0
    repeat.repeated(100.5)
    assert repeat.left_s(100.5) == pytest.approx(REPEAT_EVERY_S)
