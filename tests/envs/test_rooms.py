"""Rooms: what keys and doors do, that every level can be solved, and only with its keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.levels.dungeon import AGENT, DOOR, FLOOR, GOAL, KEY, MAX_KEYS, WALL, Dungeon
from envs.rooms import DOWN, LEFT, RIGHT, UP, Rooms

LETTERS = {".": FLOOR, "#": WALL, "G": GOAL, "a": KEY, "b": KEY + 1, "A": DOOR, "B": DOOR + 1}
WINDOWS = (3, 5, 7, 9)


def batch(num_envs: int = 1, **arguments: Any) -> Rooms:
    env = Rooms(num_envs, autoreset_mode=AutoresetMode.DISABLED, **arguments)
    env.reset(seed=0)
    return env


def scene(*lines: str) -> Rooms:
    """One episode on a level drawn with letters, in which "@" is the agent; walls all around."""
    env = batch()
    side = int(env.cells.shape[1] ** 0.5)
    level = np.full((side, side), WALL, np.uint8)
    for row, line in enumerate(lines, 3):
        for column, letter in enumerate(line, 3):
            if letter == "@":
                env.position[0] = row * side + column
            level[row, column] = LETTERS.get(letter, FLOOR)
    env.cells[0] = level.ravel()
    env.hand[0] = 0
    env.load_state_dict(env.state_dict())  # so that the picture follows
    return env


def play(env: Rooms, *actions: int) -> list[tuple[float, bool]]:
    """Rewards and ends of one episode."""
    results = [env.step(np.array([action])) for action in actions]
    return [(float(reward[0]), bool(terminated[0])) for _, reward, terminated, _, _ in results]


# The rules


def test_a_key_opens_its_door_and_is_used_up() -> None:
    env = scene("@aAG")
    assert play(env, RIGHT) == [(0.2, False)]
    assert env.hand.tolist() == [1]
    assert play(env, RIGHT) == [(0.2, False)]
    assert env.hand.tolist() == [0]
    assert np.isin(env.cells, [FLOOR, WALL, GOAL]).all()
    assert play(env, LEFT, LEFT, RIGHT, RIGHT) == [(0.0, False)] * 4  # nothing is paid twice
    assert play(env, RIGHT) == [(1.0, True)]


def test_walls_and_doors_without_their_key_block() -> None:
    env = scene("#A#", "B@#", "#b#")
    before = env.state_dict()["episodes"]
    assert play(env, UP, RIGHT, LEFT) == [(0.0, False)] * 3
    after = env.state_dict()["episodes"]
    for name in env.state_names:
        np.testing.assert_array_equal(after[name], before[name])
    assert play(env, DOWN, UP, UP) == [(0.2, False), (0.0, False), (0.0, False)]  # b does not open A
    assert play(env, LEFT) == [(0.2, False)]


def test_each_action_moves_by_one_cell() -> None:
    env = scene("...", ".@.", "...")
    side = int(env.cells.shape[1] ** 0.5)
    for action, step in ((UP, -side), (DOWN, side), (RIGHT, 1), (LEFT, -1)):
        before = int(env.position[0])
        play(env, action)
        assert env.position[0] - before == step


def test_several_keys_can_be_carried() -> None:
    env = scene("@abBAG")
    assert play(env, *[RIGHT] * 5) == [(0.2, False)] * 4 + [(1.0, True)]


# Levels


def explored(level: np.ndarray, start: int, side: int, keys: set[int]) -> set[int]:
    """All places that can be reached, taking keys on the way, where only `keys` may be taken."""
    reached, hand = {start}, set[int]()
    while True:
        beside = {place + step for place in reached for step in (1, -1, side, -side)} - reached
        new = {
            place
            for place in beside
            if level[place] != WALL and (level[place] < DOOR or int(level[place]) - DOOR in hand)
        }
        hand |= {int(level[place]) - KEY for place in new if KEY <= level[place] < DOOR} & keys
        reached |= new
        if not new:
            return reached


@settings(max_examples=60)
@given(rooms=st.integers(2, 6), keys=st.integers(0, MAX_KEYS), seed=st.integers(0, 2**31))
def test_every_level_can_be_solved_and_only_with_all_keys(rooms: int, keys: int, seed: int) -> None:
    keys = min(keys, rooms * rooms - 1)
    dungeon = Dungeon(rooms, keys, border=2)
    levels, starts = dungeon.build(np.random.default_rng(seed), 4)
    for level, start in zip(levels, starts.tolist(), strict=True):
        things = sorted(level[level > WALL].tolist())
        assert things == [GOAL, *range(KEY, KEY + keys), *range(DOOR, DOOR + keys)]
        assert level[start] == FLOOR
        goal = int(np.flatnonzero(level == GOAL)[0])
        everywhere = explored(level, start, dungeon.side, set(range(keys)))
        assert everywhere == set(np.flatnonzero(level != WALL).tolist())
        for lost in range(keys):
            assert goal not in explored(level, start, dungeon.side, set(range(keys)) - {lost})


def test_solid_walls_surround_every_level() -> None:
    for border in (1, 2, 4):
        dungeon = Dungeon(3, 2, border)
        level = dungeon.build(np.random.default_rng(0), 50)[0].reshape(50, dungeon.side, dungeon.side)
        inside = slice(border + 1, -border - 1)
        assert (level[:, inside, inside] != WALL).any()
        level[:, inside, inside] = WALL
        assert (level == WALL).all()


def test_levels_differ_and_use_all_rooms() -> None:
    dungeon = Dungeon(3, 2, border=2)
    levels, starts = dungeon.build(np.random.default_rng(0), 2000)
    assert len(np.unique(levels, axis=0)) == 2000
    assert len(np.unique(starts)) == 9 * 9
    for code in (GOAL, KEY, KEY + 1):
        assert len(np.unique((levels == code).argmax(1))) == 9 * 9
    for code in (DOOR, DOOR + 1):  # 12 pairs of rooms with 3 places each
        assert len(np.unique((levels == code).argmax(1))) == 12 * 3
    joints = 2000 * (9 * 9 + 9 - 1)
    assert (levels != WALL).sum() > joints  # more doorways than a tree has: there are round trips


def test_new_episodes_leave_the_others_alone() -> None:
    env = batch(6)
    before = env.state_dict()["episodes"]
    who = np.array([True, False, False, True, False, True])
    env.reset(options={"reset_mask": who})
    changed = (env.cells != before["cells"]).any(1)
    np.testing.assert_array_equal(changed, who)


# What is seen


def cells_around(env: Rooms) -> np.ndarray:
    """The codes of what the agents should see, read from the state with slow loops, (n, window²)."""
    side, reach = int(env.cells.shape[1] ** 0.5), env.window // 2
    seen = []
    for level, position, hand in zip(env.cells, env.position.tolist(), env.hand.tolist(), strict=True):
        row, column = divmod(position, side)
        window = level.reshape(side, side)[row - reach :, column - reach :][: env.window, : env.window].copy()
        window[reach, reach] = AGENT + hand
        seen.append(window.ravel())
    return np.stack(seen)


@pytest.mark.parametrize("window", WINDOWS)
@settings(max_examples=12)
@given(seed=st.integers(0, 2**31), keys=st.integers(0, 3), rooms=st.integers(2, 4))
def test_the_picture_shows_the_window(window: int, seed: int, keys: int, rooms: int) -> None:
    env = Rooms(4, window=window, rooms=rooms, keys=keys, max_episode_steps=25)
    observation, _ = env.reset(seed=seed)
    actions = np.random.default_rng(seed).integers(0, 4, (60, 4))
    for action in actions:
        np.testing.assert_array_equal(env._decode(observation), cells_around(env))  # pyright: ignore[reportPrivateUsage]
        afresh = np.full_like(observation, 7)
        env.repaint(afresh, np.ones(4, np.bool_))
        np.testing.assert_array_equal(observation, afresh)
        observation = env.step(action)[0]


@pytest.mark.parametrize("window", WINDOWS)
def test_no_two_things_look_alike(window: int) -> None:
    env = batch(16, window=window, keys=2)
    env.hand[...] = np.arange(16)
    env.load_state_dict(env.state_dict())
    shown = env.observation()
    px, reach = 40 // window, window // 2
    corner = (40 - window * px) // 2 + reach * px
    agents = shown[:, :, corner : corner + px, corner : corner + px]
    assert len(np.unique(agents.reshape(16, -1), axis=0)) == 16
    tiles = env._tiles.view(np.uint8)  # pyright: ignore[reportPrivateUsage]
    assert len(np.unique(tiles, axis=0)) == len(tiles)


def test_colours_of_what_is_seen() -> None:
    seen = scene("#a.", "A@G", "#..").observation()[0]

    def at(row: int, column: int) -> list[int]:
        """The colour in the upper left pixel of a cell and in its middle, counted from the agent's cell."""
        return seen[:, 16 + 8 * row + 4, 16 + 8 * column + 4].tolist()

    assert at(0, 0) == [255, 255, 255]
    assert at(-1, 0) == [255, 180, 40]
    assert at(0, 1) == [190, 255, 200]
    assert at(-1, -1) == [96, 104, 132]
    assert at(0, -1) == at(1, 1) == [16, 18, 28]
    assert seen[:, 16, 8].tolist() == [255, 180, 40]  # the door, around its hole


def test_the_key_in_hand_is_shown_on_the_agent() -> None:
    env = scene("@a..b")
    empty = env.observation()[0, :, 16:24, 16:24]
    play(env, RIGHT)
    one = env.observation()[0, :, 16:24, 16:24]
    play(env, RIGHT, RIGHT, RIGHT)
    two = env.observation()[0, :, 16:24, 16:24]
    assert (empty[:, 1:7, 1:7] == 255).all()
    assert one[:, 2, 2].tolist() == two[:, 2, 2].tolist() == [255, 180, 40]
    assert one[:, 2, 5].tolist() == [255, 255, 255]
    assert two[:, 2, 5].tolist() == [50, 120, 255]


def test_people_see_what_is_carried_and_how_far_the_agent_sees() -> None:
    env = scene("@a...G")
    play(env, RIGHT)
    with_key = env.picture()
    env.hand[0] = 0
    assert (env.picture()[:80] != with_key[:80]).any()
    cell = 480 / 13
    row, column = round(80 + 1.5 * cell), round(6.5 * cell)  # the middle of the goal
    far = env.picture()[row, column]
    play(env, RIGHT, RIGHT)
    near = env.picture()[row, column]
    assert (near > far * 1.5).all()


# The expert, and wrong input


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"keys": 0},
        {"rooms": 2, "keys": 3},
        {"rooms": 5, "keys": 4},
        *({"window": size} for size in WINDOWS),
    ],
)
def test_the_expert_solves_every_level(arguments: dict[str, Any]) -> None:
    env = Rooms(24, **arguments)
    observation, _ = env.reset(seed=3)
    memory: dict[str, Any] = {"first": np.ones(24, np.bool_)}
    running, returns = np.ones(24, np.bool_), np.zeros(24)
    while running.any():
        observation, reward, terminated, truncated, _ = env.step(env.expert(observation, memory))
        assert not truncated[running].any()
        memory["first"] = terminated | truncated
        returns += reward * running
        running &= ~terminated
    assert returns == pytest.approx(1 + 0.4 * env.keys)


def test_the_expert_sees_only_the_picture() -> None:
    env, blind = batch(3), batch(3)
    blind.cells[...], blind.position[...], blind.hand[...] = WALL, 0, 0
    memories: list[dict[str, Any]] = [{"first": np.ones(3, np.bool_)} for _ in range(2)]
    observation = env.observation()
    for _ in range(15):
        action = env.expert(observation, memories[0])
        np.testing.assert_array_equal(action, blind.expert(observation, memories[1]))
        observation = env.step(action)[0]
        memories[0]["first"] = memories[1]["first"] = np.zeros(3, np.bool_)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *(("rooms", value) for value in (1, 9, 2.0, None)),
        *(("keys", value) for value in (-1, 5, True)),
        *(("window", value) for value in (4, 11, "small")),
    ],
)
def test_a_bad_argument_is_named(argument: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"Rooms.*{argument}.*{value}"):
        Rooms(**{argument: value})


def test_more_keys_than_rooms_can_hold_are_refused() -> None:
    Rooms(rooms=2, keys=3)
    with pytest.raises(ValueError, match=r"Rooms: keys must be a whole number from 0 to 3, got 4"):
        Rooms(rooms=2, keys=4)
