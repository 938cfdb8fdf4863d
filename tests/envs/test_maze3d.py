"""Maze3D: what one sees, where one can walk, what one finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.experts.maze3d import distances, things
from envs.maze3d import AHEAD, NOTHING, RADIUS, STRAFE_LEFT, STRAFE_RIGHT, TURN_LEFT, TURN_RIGHT, Maze3D
from envs.pictures.maze3d_view import BAD, FLOOR, GOAL, GOOD, LIGHT, MATERIALS, SKY, fog
from envs.pictures.raycast import FREE, PITCH
from tests.envs.test_mazes import flood

EAST, SOUTH, WEST, NORTH = 0, 3, 6, 9
NOWHERE = -100.0


def hall(num_envs: int = 1, **arguments: Any) -> Maze3D:
    """Walls of the first material around 5 × 5 cells, no things; one stands in the middle, facing east."""
    env = Maze3D(num_envs, autoreset_mode="Disabled", **arguments)
    env.reset(seed=0)
    plan = np.zeros((env.blocks, env.blocks), np.uint8)
    plan[1:-1, 1:-1] = FREE
    env.maps[...] = plan.reshape(-1)
    env.position[...] = env.blocks / 2
    env.heading[...] = EAST
    env.things[...] = NOWHERE
    return env


def put_wall(env: Maze3D, x: slice, y: slice, material: int) -> None:
    plans = env.maps.reshape(env.num_envs, 2, env.blocks, env.blocks)
    plans[:, 0, x, y] = material
    plans[:, 1, y, x] = material


def seen(env: Maze3D) -> np.ndarray:
    """The picture of the first episode, (40, 40, 3)."""
    pixels = np.zeros((env.num_envs, 3, 40, 40), np.uint8)
    env.paint(pixels)
    return pixels[0].transpose(1, 2, 0)


def walk(env: Maze3D, *actions: int) -> tuple[float, bool]:
    """Sum of rewards and end of the first episode."""
    total, ended = 0.0, False
    for action in actions:
        _, reward, terminated, _, _ = env.step(np.full(env.num_envs, action))
        total, ended = total + float(reward[0]), bool(terminated[0])
    return total, ended


# What one sees


def test_a_wall_five_units_away_is_eight_pixels_high() -> None:
    env = hall()
    env.position[0] = 15, 10.5
    picture = seen(env)
    wall = MATERIALS[0] * LIGHT[0] * fog(np.array(5.0))
    middle = picture[16:24, 20:21]  # the wall's plain part, not its pillars
    assert np.abs(middle - wall).max() <= 1
    assert np.abs(picture[0] - np.array(SKY[1])).max() <= 6
    assert (picture[:16, :, 2] > 230).all()  # sky
    assert np.abs(picture[-1] - np.array(FLOOR[1])).max() <= 6
    assert (picture[24:].astype(int).max(2) < 115).all()  # floor
    assert (picture[16:24] == picture[16]).all()  # no fish-eye: as high in every column


@pytest.mark.parametrize(("away", "height"), [(2, 20), (4, 10), (8, 5), (10, 4), (2.5, 16)])
def test_walls_are_forty_pixels_high_by_distance(away: float, height: float) -> None:
    env = hall()
    env.position[0] = 20 - away, 10.5
    assert distances(seen(env).transpose(2, 0, 1)[None]) == pytest.approx(away, rel=0.02)
    column = seen(env)[:, 20].astype(int)
    wall = column[20]
    sky = (column[:20, 2] > 225).sum()
    assert 20 - sky == pytest.approx(height / 2, abs=0.51)
    assert (column[20 - int(height / 2) : 20] == wall).all()


def test_each_side_has_its_shade() -> None:
    env = hall()
    shades = []
    for heading in (EAST, WEST, SOUTH, NORTH):
        env.heading[0] = heading
        shades.append(seen(env)[20, 20] / (MATERIALS[0] * fog(np.array(9.5))))
    assert np.array(shades) == pytest.approx(np.tile(LIGHT[:, None], 3), abs=0.02)


def test_the_materials_tell_places_apart() -> None:
    env = hall()
    colors = []
    for material in range(len(MATERIALS)):
        put_wall(env, slice(16, 17), slice(1, 20), material)
        colors.append(tuple(seen(env)[20, 20].tolist()))
        expected = MATERIALS[material] * fog(np.array(16 - 10.5))
        assert np.array(colors[-1]) == pytest.approx(expected, abs=2)
    assert len(set(colors)) == len(MATERIALS)


def columns_of(picture: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    """Where a thing of this colour is seen, in any shade."""
    kind = (GOAL, GOOD, BAD).index(color)
    pixels = picture.transpose(2, 0, 1)[None]
    return np.flatnonzero(things(pixels)[kind][0].any(0))


@pytest.mark.parametrize(("thing", "color"), [(0, GOAL), (1, GOOD), (4, BAD)])
@pytest.mark.parametrize(("ahead", "aside"), [(8, 0), (8, 4), (6, -3), (4, 2)])
def test_a_thing_is_seen_in_its_direction_and_size(
    thing: int, color: tuple[int, int, int], ahead: float, aside: float
) -> None:
    env = hall()
    env.things[0, thing] = env.position[0] + (ahead, aside)
    columns = columns_of(seen(env), color)
    assert columns.mean() + 0.5 == pytest.approx(20 + 20 * aside / ahead, abs=0.51)
    if thing < 2:  # a thorn is narrower than a pixel at its tip, and as wide as the others at its foot
        assert len(columns) == pytest.approx(20 * 1.4 / ahead, abs=1)
    env.heading[0] = WEST
    assert not len(columns_of(seen(env), color))


def test_walls_hide_things_behind_them_and_only_those() -> None:
    env = hall()
    env.things[0, 0] = env.position[0] + (6, 0)
    put_wall(env, slice(16, 17), slice(8, 13), 2)  # 5.5 ahead
    assert not len(columns_of(seen(env), GOAL))
    env.things[0, 0] = env.position[0] + (5, 0)
    assert len(columns_of(seen(env), GOAL))


def test_a_thing_half_behind_a_wall_is_half_seen() -> None:
    env = hall()
    env.position[0] = 10.5, 11
    env.things[0, 0] = env.position[0] + (7, 0)  # 0.7 units, so 2 pixels, to each side of the middle
    assert columns_of(seen(env), GOAL).tolist() == [18, 19, 20, 21]
    put_wall(env, slice(16, 17), slice(11, 14), 2)  # from straight ahead to the right
    assert columns_of(seen(env), GOAL).tolist() == [18, 19]
    put_wall(env, slice(16, 17), slice(8, 11), 2)
    assert not len(columns_of(seen(env), GOAL))


def test_the_nearer_thing_hides_the_farther_one_but_for_what_stands_out() -> None:
    env = hall()
    env.things[0, 0] = env.position[0] + (6, 0)
    env.things[0, 1] = env.position[0] + (3, 0)
    goal, good, _ = (kind[0] for kind in things(seen(env).transpose(2, 0, 1)[None]))
    assert good[20, 20]
    assert not goal[20, 20]
    env.things[0, 1] = NOWHERE
    alone = things(seen(env).transpose(2, 0, 1)[None])[0][0]
    assert alone[20, 20]
    np.testing.assert_array_equal(goal, alone & ~good)


def test_the_picture_follows_from_the_state_alone() -> None:
    env = Maze3D(24)
    env.reset(seed=3)
    rng = np.random.default_rng(0)
    painted, fresh = np.zeros((2, 24, 3, 40, 40), np.uint8)
    for _ in range(60):
        env.step(rng.choice([TURN_LEFT, TURN_RIGHT, AHEAD, AHEAD, AHEAD], 24))
        env.paint(painted)
        who = rng.random(24) < 0.3
        env.repaint(fresh, who)
        np.testing.assert_array_equal(fresh[who], painted[who])


# Where one can walk


def test_actions_turn_and_move() -> None:
    env = hall()
    walk(env, AHEAD, TURN_RIGHT, TURN_RIGHT, TURN_RIGHT, AHEAD, STRAFE_LEFT, NOTHING)
    assert env.heading[0] == SOUTH
    np.testing.assert_allclose(env.position[0], (10.5 + 2 + 1, 10.5 + 2), atol=1e-5)
    walk(env, *[TURN_LEFT] * 4)
    assert env.heading[0] == 11
    walk(env, AHEAD, STRAFE_RIGHT)  # 30° to the north of east, and at right angles to it
    north_east = (2 * np.cos(np.pi / 6) + np.sin(np.pi / 6), np.cos(np.pi / 6) - 2 * np.sin(np.pi / 6))
    np.testing.assert_allclose(env.position[0], (13.5 + north_east[0], 12.5 + north_east[1]), atol=1e-5)


def test_who_walks_into_a_wall_stops_at_it() -> None:
    for heading, stop in ((EAST, (20 - RADIUS, 10.5)), (NORTH, (10.5, 1 + RADIUS))):
        env = hall()
        env.heading[0] = heading
        walk(env, *[AHEAD] * 8)
        np.testing.assert_allclose(env.position[0], stop, atol=1e-4)


def test_who_walks_along_a_wall_slides() -> None:
    env = hall()
    env.position[0] = 5, 20 - RADIUS - 0.4
    env.heading[0] = 1  # 30° to the south of east: each step leads 1.73 to the east and 1 to the south
    walk(env, AHEAD)
    np.testing.assert_allclose(env.position[0], (5 + 3**0.5, 20 - RADIUS), atol=1e-4)
    walk(env, AHEAD)
    np.testing.assert_allclose(env.position[0], (5 + 2 * 3**0.5, 20 - RADIUS), atol=1e-4)


def test_the_end_of_a_wall_stops_a_shoulder() -> None:
    env = hall()
    put_wall(env, slice(16, 17), slice(12, 13), 0)  # a pillar
    env.position[0] = 13, 12 - RADIUS + 0.1
    walk(env, AHEAD, AHEAD)
    np.testing.assert_allclose(env.position[0], (16 - RADIUS, 12 - RADIUS + 0.1), atol=1e-4)
    env.position[0] = 13, 12 - RADIUS - 0.1
    walk(env, AHEAD, AHEAD)
    np.testing.assert_allclose(env.position[0], (17, 12 - RADIUS - 0.1), atol=1e-4)


def overlaps(env: Maze3D) -> np.ndarray:
    """By how much each person stands inside of a wall at most, (num_envs,)."""
    plans = env.maps[:, 0].reshape(env.num_envs, env.blocks, env.blocks)
    deepest = np.zeros(env.num_envs)
    for row, (x, y) in enumerate(env.position.tolist()):
        walls = np.argwhere(plans[row] != FREE) + 0.5
        inside = RADIUS + 0.5 - np.abs(walls - (x, y)).max(1)
        deepest[row] = inside.max()
    return deepest


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.integers(3, 6))
def test_nobody_is_ever_inside_of_a_wall(seed: int, size: int) -> None:
    env = Maze3D(8, size=size, good=1, bad=1, autoreset_mode="NextStep")
    env.reset(seed=seed)
    rng = np.random.default_rng(seed)
    for _ in range(60):
        env.step(rng.choice([1, 2, 3, 3, 3, 3, 4, 5], 8))
        assert overlaps(env).max() < 0.02


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), length=st.floats(0.01, 3.99))
def test_steps_of_any_length_end_at_the_first_wall(seed: int, length: float) -> None:
    env = Maze3D(16)
    env.reset(seed=seed % 1000)
    rng = np.random.default_rng(seed)
    env.position[...] += rng.uniform(-0.75, 0.75, (16, 2))
    start = env.position.copy()
    axis, sign = int(rng.integers(2)), float(rng.choice([-1, 1]))
    arrived = env._slide(axis, np.full(16, sign * length, np.float32))
    for part in np.linspace(0, 1, 30):  # all the way is free
        env.position[:, axis] = start[:, axis] + (arrived - start[:, axis]) * part
        assert overlaps(env).max() < 0.02
    stopped = np.abs(arrived - start[:, axis]) < length - 1e-3
    env.position[:, axis] = arrived + sign * 0.05
    assert (overlaps(env)[stopped] > 0.03).all()  # who stopped had a reason


# What one finds


@pytest.mark.parametrize(("thing", "reward", "ends"), [(0, 1.0, True), (1, 0.2, False), (4, -0.2, False)])
def test_what_is_touched_counts_once(thing: int, reward: float, ends: bool) -> None:
    env = hall()
    env.things[0, thing] = env.position[0] + (3, 0.5)
    assert walk(env, NOTHING) == (0.0, False)
    assert walk(env, AHEAD) == ((0.0, False) if thing == 4 else (reward, ends))
    if thing:
        total, ended = walk(env, AHEAD, NOTHING)
        assert (total, ended) == ((reward, False) if thing == 4 else (0.0, False))
        assert not len(columns_of(seen(env), BAD))
        assert (env.things[0, thing] == NOWHERE).all()


def test_a_step_does_not_jump_over_things() -> None:
    env = hall()
    env.things[0, 4] = env.position[0] + (1, 0.5)  # more than 1.1 away before and after
    assert walk(env, AHEAD)[0] == pytest.approx(-0.2)


def test_the_middle_of_a_corridor_is_safe_from_bad_things_and_reaches_good_ones() -> None:
    env = hall()
    env.things[0, 4] = env.position[0] + (4.9, 0.9)
    env.things[0, 1] = env.position[0] + (4.9, -0.9)
    assert walk(env, AHEAD, AHEAD, AHEAD, AHEAD)[0] == pytest.approx(0.2)


def test_walls_do_not_hide_what_is_touched_at_once() -> None:
    env = hall()
    env.things[0, :3] = env.position[0] + (1, 0)
    total, ended = walk(env, AHEAD)
    assert (total, ended) == (pytest.approx(1.4), True)


# How episodes begin


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.integers(2, 7))
def test_episodes_begin_in_a_connected_maze_far_from_the_goal(seed: int, size: int) -> None:
    env = Maze3D(6, size=size, good=1, bad=size - 2)
    env.reset(seed=seed)
    cells = np.floor(np.concatenate([env.position[:, None], env.things], 1) / PITCH).astype(int)
    for row in range(6):
        plan = env.maps[row, 0].reshape(env.blocks, env.blocks)
        np.testing.assert_array_equal(plan.T.reshape(-1), env.maps[row, 1])
        free = plan == FREE
        np.testing.assert_array_equal(flood(free, (2, 2)), free)
        assert len(np.unique(cells[row], axis=0)) == len(cells[row])
        away = _passages_from(cells[row, 0], free)
        assert away[tuple(cells[row, 1])] >= min(size, away.max())
    assert (overlaps(env) <= 0).all()
    assert set((env.heading % 3).tolist()) == {0}


def _passages_from(start: np.ndarray, free: np.ndarray) -> np.ndarray:
    """How many passages lead from cell `start` to each cell, (size, size)."""
    lines = free[:: PITCH // 2, :: PITCH // 2]  # odd: cells, even: the walls between them
    away = np.where(lines, 10_000, 20_000)
    away[tuple(2 * start + 1)] = 0
    for _ in range(lines.size):
        wider = away.copy()
        for axis, shift in ((0, 1), (0, -1), (1, 1), (1, -1)):
            wider = np.minimum(wider, np.roll(away, shift, axis) + 1)
        away = np.where(lines, wider, 20_000)
    return away[1::2, 1::2] // 2


def test_starts_and_goals_are_everywhere() -> None:
    env = Maze3D(2000)
    env.reset(seed=0)
    for places in (env.position, env.things[:, 0], env.things[:, 6]):
        cells = (places // PITCH).astype(int)
        counts = np.bincount(cells[:, 0] * 5 + cells[:, 1], minlength=25)
        assert counts.min() > 20
    assert np.bincount(env.heading // 3).min() > 400


# The map for people, the expert, arguments


def test_the_map_remembers_where_one_has_been() -> None:
    env = hall()
    env.visited[...] = False
    walk(env, NOTHING, AHEAD, AHEAD, TURN_LEFT, TURN_LEFT, TURN_LEFT, AHEAD, AHEAD)
    assert np.argwhere(env.visited[0]).tolist() == [[2, 2], [3, 1], [3, 2]]
    before = env.picture(0)
    env.visited[...] = True
    assert not np.array_equal(before, env.picture(0))


def test_the_expert_measures_distances_in_the_picture() -> None:
    env = Maze3D(200, good=0, bad=0)
    env.reset(seed=1)
    env.things[...] = NOWHERE
    env.heading[...] = np.random.default_rng(0).integers(0, 12, 200)
    pixels = np.zeros((200, 3, 40, 40), np.uint8)
    env.paint(pixels)
    exact = env._seer._rays.cast(env._spot, env.heading, env.maps)[0]
    error = np.abs(distances(pixels) - exact)
    assert (error < 0.05 + 0.004 * exact**2).all()


def test_the_expert_explores_until_it_finds_the_goal() -> None:
    env = Maze3D(32, size=6, autoreset_mode="NextStep")
    observation, _ = env.reset(seed=0)
    memory: dict[str, Any] = {"first": np.ones(32, np.bool_)}
    found = np.zeros(32, np.bool_)
    for _ in range(env.max_episode_steps or 0):
        observation, _, terminated, truncated, _ = env.step(env.expert(observation, memory))
        memory["first"] = terminated | truncated
        found |= terminated
    assert found.all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"size": 0}, "size.*0"),
        ({"size": 1}, "size.*1"),
        ({"size": 15}, "size.*15"),
        ({"size": 4.5}, r"size.*4\.5"),
        ({"good": -1}, "good.*-1"),
        ({"bad": "two"}, "bad.*two"),
        ({"size": 3, "good": 4, "bad": 4}, "bad must be a whole number from 0 to 3, got 4"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"Maze3D.*{said}"):
        Maze3D(2, **arguments)


def test_the_smallest_and_the_largest_maze_can_be_seen_and_walked() -> None:
    for size, good, bad in ((2, 1, 1), (2, 0, 0), (14, 100, 94)):
        env = Maze3D(3, size=size, good=good, bad=bad)
        env.reset(seed=0)
        rng = np.random.default_rng(0)
        for _ in range(20):
            observation, *_ = env.step(rng.integers(0, 6, 3))
        assert (observation.std((1, 2, 3)) > 0).all()
        assert env.picture(0).shape == (400, 640, 3)
