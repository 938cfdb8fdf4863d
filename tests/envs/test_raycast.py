"""Rays meet the walls that a slow walk along them meets, at distances that can be computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.levels.mazes import blocks, carve
from envs.pictures.raycast import FORWARD, FREE, HEADINGS, PITCH, RIGHT, Raycaster

EAST, SOUTH, WEST, NORTH = 0, 3, 6, 9
STONE = 4


def maps_of(walls: np.ndarray) -> np.ndarray:
    """The maps for `Raycaster` of one maze, (1, 2, blocks²), all walls of one material."""
    plan = np.where(walls, STONE, FREE).astype(np.uint8)
    return np.stack([plan, plan.T]).reshape(1, 2, -1)


def hall(size: int) -> np.ndarray:
    """Nothing but the walls around, (blocks, blocks) bool."""
    walls = np.ones((PITCH * size + 1,) * 2, np.bool_)
    walls[1:-1, 1:-1] = False
    return walls


def cast(walls: np.ndarray, x: float, y: float, heading: int, columns: int = 40) -> tuple[np.ndarray, ...]:
    size = (len(walls) - 1) // PITCH
    spot, headings = np.array([[x], [y]], np.float32), np.array([heading])
    return tuple(part[0] for part in Raycaster(size, columns).cast(spot, headings, maps_of(walls)))


@pytest.mark.parametrize(
    ("heading", "ahead"), [(EAST, 20 - 15), (WEST, 15 - 1), (SOUTH, 20 - 9), (NORTH, 9 - 1)]
)
def test_the_middle_of_the_view_is_as_far_as_the_wall_ahead(heading: int, ahead: float) -> None:
    distance, _, _ = cast(hall(5), 15, 9, heading)
    np.testing.assert_allclose(distance[19:21], ahead, rtol=1e-4)


def test_a_flat_wall_looks_flat() -> None:
    distance, surface, along = cast(hall(5), 15, 10.5, EAST)
    np.testing.assert_allclose(distance, 5, rtol=1e-4)
    assert set(surface) == {STONE * 4}
    # From 45° to the left, 5 units to the north, to as much on the right; columns have a width.
    np.testing.assert_allclose(along, 10.5 + 5 * (np.arange(40) - 19.5) / 20, atol=1e-3)


def test_a_ray_at_an_angle_is_measured_along_the_view() -> None:
    # Looking 30° to the south of east at a wall 6 units to the east: 6 / cos 30° along the middle of the
    # view. The ray 45° to the left of it goes 15° to the north of east and is 6 / cos 15° long, of which
    # cos 45° are along the view.
    distance, _, _ = cast(hall(5), 14, 8, 1, columns=4000)
    assert distance[2000] == pytest.approx(6 / np.cos(np.pi / 6), rel=1e-3)
    assert distance[0] == pytest.approx(6 / np.cos(np.pi / 12) * np.cos(np.pi / 4), rel=1e-3)


@pytest.mark.parametrize(("heading", "side"), [(EAST, 0), (WEST, 1), (SOUTH, 2), (NORTH, 3)])
def test_the_side_of_a_wall_is_told(heading: int, side: int) -> None:
    _, surface, _ = cast(hall(3), 6.5, 6.5, heading)
    assert surface[20] == STONE * 4 + side


def test_a_corner_shows_two_sides() -> None:
    # From the middle, looking 30° to the south of east: the east wall to the left, the south wall beyond the
    # corner, which lies at 45°, so 15° to the right of the middle of the view.
    _, surface, _ = cast(hall(3), 6.5, 6.5, 1)
    corner = 20 + 20 * np.tan(np.pi / 12)
    np.testing.assert_array_equal(surface, np.where(np.arange(40) + 0.5 < corner, STONE * 4, STONE * 4 + 2))


def test_a_wall_hides_what_is_behind_it() -> None:
    walls = hall(5)
    walls[12, 9:12] = True  # between the cells (2, 2) and (3, 2)
    distance, _, _ = cast(walls, 10.5, 10.5, EAST, columns=4000)
    # Its face, 1.5 ahead, reaches 1.5 to the left and to the right: it fills the view.
    np.testing.assert_allclose(distance[1:-1], 1.5, rtol=1e-3)
    beside, _, _ = cast(walls, 10.5, 6.5, EAST)
    assert beside[20] == pytest.approx(20 - 10.5, rel=1e-3)


def slow_distance(walls: np.ndarray, x: float, y: float, heading: int, slant: float) -> float:
    """Small steps along the ray until a block is solid."""
    step = 0.004
    way = np.arange(0, 2.5 * len(walls), step)
    xs = (x + way * (FORWARD[0, heading] + RIGHT[0, heading] * slant)).clip(0, len(walls) - 0.5)
    ys = (y + way * (FORWARD[1, heading] + RIGHT[1, heading] * slant)).clip(0, len(walls) - 0.5)
    return float(way[walls[xs.astype(int), ys.astype(int)].argmax()])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.integers(2, 9))
def test_rays_meet_what_a_slow_walk_meets(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    walls = blocks(*carve(rng, 1, size, 0.3), PITCH)[0]
    x, y = rng.integers(0, size, 2) * PITCH + 2.5 + rng.uniform(-1.2, 1.2, 2)
    heading = int(rng.integers(0, HEADINGS))
    distance, surface, _ = cast(walls, x, y, heading, columns=10)
    slants = (np.arange(10) + 0.5) / 5 - 1
    slow = [slow_distance(walls, x, y, heading, slant) for slant in slants]
    # A ray that grazes a corner may pass it in one of the two ways.
    assert (np.abs(distance - slow) < 0.02).sum() >= 9
    assert set(surface >> 2) == {STONE}


def test_every_episode_sees_its_own_maze() -> None:
    rng = np.random.default_rng(0)
    walls = blocks(*carve(rng, 20, 4, 0.2), PITCH)
    spot = (rng.integers(0, 4, (2, 20)) * PITCH + 2.5).astype(np.float32)
    heading = rng.integers(0, HEADINGS, 20)
    maps = np.concatenate([maps_of(plan) for plan in walls])
    together = Raycaster(4, 40).cast(spot, heading, maps)
    for row in range(20):
        alone = cast(walls[row], *spot[:, row].tolist(), int(heading[row]))
        for part, expected in zip(together, alone, strict=True):
            np.testing.assert_array_equal(part[row], expected)
