"""`list envs` says what each environment shows, takes and needs."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import gymnasium as gym
import pytest
from gymnasium import spaces

import envs
from agents.listing import environments, space_text


def rows() -> dict[str, dict[str, Any]]:
    listing = environments()
    return {row[0]: dict(zip(listing["columns"], row, strict=True)) for row in listing["rows"]}


def test_ours_come_first_with_all_that_is_to_know() -> None:
    listed = list(rows().values())[: len(envs.listing())]
    assert [row["name"] for row in listed] == [entry.name for entry in envs.listing()]
    for row, entry in zip(listed, envs.listing(), strict=True):
        assert row["needs"] == (", ".join(entry.needs) or None)
        assert row["threshold"] == entry.reward_threshold
        assert ("pixels" in row["observation"]) == ("pixels" in entry.observations)
    assert listed[0]["observation"] == "4 or pixels"
    assert listed[0]["actions"] == "one of 2"
    assert rows()["TMaze"]["max steps"] == 20  # twice its length
    assert listed[0]["id"] == "CartPole-v1"


def test_gymnasiums_say_what_is_known_without_building_them() -> None:
    known = rows()
    assert known["FrozenLake"]["observation"] == "one of 16"
    assert known["LunarLander"]["needs"] == "[box2d]"
    assert known["LunarLander"]["observation"] is None
    assert known["CartPole-v1"]["observation"] == "4 numbers"


def test_a_game_of_the_same_name_has_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    other = gym.envs.registration.EnvSpec("Pong-v4", entry_point="ale_py.env:AtariEnv")
    monkeypatch.setitem(gym.registry, "Pong-v4", other)
    assert rows()["Pong-v4"]["needs"] == "[atari]"
    assert rows()["Pong"]["id"] == "Sandbox/Pong-v0"


def test_listing_imports_nothing_slow() -> None:
    code = "import sys; from agents.listing import environments; environments(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"torch", "Box2D", "mujoco", "jax"} & set(done.stdout.split())


@pytest.mark.parametrize(
    ("space", "text"),
    [
        (spaces.Discrete(3), "one of 3"),
        (spaces.Box(-1, 1, (1,)), "1 number"),
        (spaces.Box(-1, 1, (2, 3)), "6 numbers"),
        (envs.PIXELS, "pixels"),
        (spaces.Tuple((spaces.Discrete(2), spaces.Discrete(3))), "2 parts"),
        (spaces.Dict({"a": spaces.Discrete(2)}), "1 parts"),
        (spaces.MultiBinary(3), "MultiBinary"),
    ],
)
def test_spaces_in_a_word_or_two(space: Any, text: str) -> None:
    assert space_text(space) == text
