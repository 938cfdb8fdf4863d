"""Maze3D: find the way out of a maze that is seen in first person, and remember where one has been."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from gymnasium.spaces import Discrete

from envs.arguments import whole
from envs.base import BatchedEnv
from envs.controls import Controls
from envs.experts.maze3d import play
from envs.levels.mazes import blocks, carve, spread
from envs.options import CoreOptions
from envs.pictures.maze3d import Scene, draw_map, draw_numbers
from envs.pictures.maze3d_view import MATERIALS, View
from envs.pictures.raycast import FORWARD, FREE, HEADINGS, MAX_SIZE, PITCH, RIGHT, next_side
from envs.sight import Area, around
from envs.single import SingleEnv
from envs.task import Array, Mask
from envs.views import PIXELS

if TYPE_CHECKING:
    from envs.canvas import Canvas

NOTHING, TURN_LEFT, TURN_RIGHT, AHEAD, STRAFE_LEFT, STRAFE_RIGHT = range(6)
STEP, SIDESTEP = 2.0, 1.0
RADIUS = 0.75
"""Half the width of a person, whose outline is a square."""
SLACK = 0.01  # so that who slides along a wall touches it neither less nor more by rounding
LOOPS = 0.15
ZONES = 3  # in each direction: the walls of a zone are of one material

GOAL_REWARD, GOOD_REWARD, BAD_REWARD = 1.0, 0.2, -0.2
REACH = np.array([1.2, 1.4, 0.6])  # of goal, good, bad: how near one has to come
ASIDE = 0.9  # good and bad things stand this far from the middle lines of their cells
GONE = -100.0

_OUTLINE = np.array([[SLACK - RADIUS], [0], [RADIUS - SLACK]], np.float32)
_TURN = np.array([0, -1, 1, 0, 0, 0])
_AHEAD = np.array([0, 0, 0, STEP, 0, 0], np.float32)
_SIDEWAYS = np.array([0, 0, 0, 0, -SIDESTEP, SIDESTEP], np.float32)


class Maze3D(BatchedEnv):
    """Find the goal of a maze in first person; collect the good, avoid the bad.

    One stands in a maze of square cells, made anew for each episode, and sees what is in front: walls, the
    golden goal, green balls, red thorns. One picture shows neither what is behind a corner nor where one
    came from, so an agent needs eyes and memory. Walls have six colours, one for each ninth of the maze,
    drawn at random; which way a wall faces shows in its shade (seen by who goes east, it is lightest; west,
    70 %; south, 85 %; north, 55 %), so that places and directions can be recognised.

    The unit of length is the thickness of a wall. Cells are 4 units apart, corridors 3 wide, walls 2 high,
    eyes at height 1. A person is a square of 1.5 units that slides along walls.

    ## Action space
    `Discrete(6)`:

    | action | effect                  |
    |--------|-------------------------|
    | 0      | nothing                 |
    | 1      | turn left by 30°        |
    | 2      | turn right by 30°       |
    | 3      | 2 units forward         |
    | 4      | 1 unit to the left      |
    | 5      | 1 unit to the right     |

    There is no way to walk backwards.

    ## Observation space
    `obs="pixels"`: `Box`, uint8 of shape (3, 40, 40), 0 to 255: red, green and blue of a view of 90° from
    left to right and from top to bottom. A wall at a distance of z units is 40 / z pixels high, the distance
    being measured straight ahead.

    ## Reward
    | reward | for                                                            |
    |--------|----------------------------------------------------------------|
    | 1      | coming within 1.2 units of the goal                            |
    | 0.2    | coming within 1.4 units of something good, which is then gone  |
    | -0.2   | coming within 0.6 units of something bad, which is then gone   |

    What counts is the nearest point of the straight way that a step leads.

    ## Start
    A random spanning tree connects the cells, and 15 % of the other walls between them are open too. One
    starts in the middle of a random cell, looking in one of the four directions of the walls. The goal is in
    the middle of a cell at least `size` passages away (or as far as the maze allows); good and bad things are
    in other cells, each 0.9 units beside both of its middle lines, so that one can pass.

    ## End
    - Terminated: at the goal.
    - Truncated: after 400 steps; larger mazes ask for a larger `max_episode_steps` (with `size=14` the expert
      finds 3 of 5 goals in 400).

    ## Arguments
    | name | default  | meaning                                          |
    |------|----------|--------------------------------------------------|
    | obs  | "pixels" | "pixels"                                         |
    | size | 5        | cells in each row and column, 2 to 14            |
    | good | 3        | green things to collect                          |
    | bad  | 3        | red things to avoid; with the good ones at most `size`² - 2 |

    Beside those of every environment: `max_episode_steps`, `render_mode` and, for batches, `num_envs` and
    `autoreset_mode`.

    ## Solved
    At a mean return of 1.2; 1.6 is the most one can get. The expert, which draws a map from the pictures and
    takes the shortest ways, but doesn't look for all that is good once it knows the goal, reaches 1.41 in 69
    steps; random actions reach 0.16 in 378, and the goal in 13 % of the episodes.

    ## Versions
    - v0: the first one.
    """

    state_names = ("position", "heading", "maps", "things", "visited")
    default_max_episode_steps = 400
    render_fps = 10
    picture_size = (640, 400)
    controls = Controls(
        {"": 0, "left": 1, "right": 2, "up": 3, "a": 4, "d": 5},
        ("nothing", "turn left", "turn right", "forward", "strafe left", "strafe right"),
    )
    actions = Discrete(6)
    pixel_space = PIXELS

    def __init__(
        self,
        num_envs: int = 1,
        obs: str = "pixels",
        size: int = 5,
        good: int = 3,
        bad: int = 3,
        **core: Unpack[CoreOptions],
    ) -> None:
        self.size = whole(self.name, "size", size, 2, MAX_SIZE)
        room = size**2 - 2  # cells that are neither the start nor the goal
        self.good = whole(self.name, "good", good, 0, room)
        self.bad = whole(self.name, "bad", bad, 0, room - good)
        self.kinds = np.repeat([0, 1, 2], [1, good, bad])  # of the things
        super().__init__(num_envs, obs, **core)
        self.blocks = PITCH * size + 1
        self._spot = np.zeros((2, num_envs), np.float32)
        self._places = np.zeros((2, num_envs, len(self.kinds)), np.float32)
        self.position, self.things = self._spot.T, self._places.transpose(1, 2, 0)  # (num_envs, …, 2)
        self.heading = np.zeros(num_envs, np.int64)
        self.maps = np.full((num_envs, 2, self.blocks**2), FREE, np.uint8)
        self.visited = np.zeros((num_envs, size, size), np.bool_)
        self._rows = np.arange(num_envs)
        self._scene: Scene | None = None
        self._seer = View(size, self.kinds)
        self._worth = np.array([GOAL_REWARD, GOOD_REWARD, BAD_REWARD])[self.kinds]
        self._reach = (REACH**2).astype(np.float32)[self.kinds]

    def spawn(self, who: Mask) -> None:
        rows = np.flatnonzero(who)
        passages = carve(self.rng, len(rows), self.size, LOOPS)
        self._build(rows, blocks(*passages, PITCH))
        cells = self._deal(*passages)  # (rows, 1 + things): the start, the goal, good, bad
        middles = np.stack(np.divmod(cells, self.size)) * PITCH + (PITCH + 1) / 2
        aside = self.rng.choice([-ASIDE, ASIDE], middles.shape)
        aside[:, :, :2] = 0
        self._spot[:, rows], self._places[:, rows] = middles[..., 0], (middles + aside)[..., 1:]
        self.heading[rows] = self.rng.integers(0, 4, len(rows)) * (HEADINGS // 4)
        self.visited[rows] = False
        self._visit()

    def _build(self, rows: Array, walls: Array) -> None:
        """Fill the maps of `rows` with walls (rows, blocks, blocks) of random materials."""
        colors = self.rng.integers(0, len(MATERIALS), (len(rows), ZONES, ZONES)).astype(np.uint8)
        zone = np.arange(self.blocks) * ZONES // self.blocks
        there = np.where(walls, colors[:, zone[:, None], zone], np.uint8(FREE))
        self.maps[rows, 0] = there.reshape(len(rows), -1)
        self.maps[rows, 1] = there.swapaxes(1, 2).reshape(len(rows), -1)

    def _deal(self, east: Array, south: Array) -> Array:
        """Different random cells, the goal's at least `size` passages from the start, or as far as can be."""
        count, cells = len(east), self.size**2
        order = self.rng.random((count, cells))
        every = np.arange(count)
        start = order.argmax(1)
        near = np.zeros((count, cells), np.bool_)
        near[every, start] = True
        near, far = near.reshape(-1, self.size, self.size), np.zeros((count, cells))
        for _ in range(self.size):
            far += ~near.reshape(count, -1)
            near = spread(near, east, south)
        order[every, start] = 2
        goal = (far + order * (order < 1)).argmax(1)
        order[every, goal] = 2
        rest = np.argsort(order, 1)[:, : len(self.kinds) - 1]
        return np.concatenate([start[:, None], goal[:, None], rest], 1)

    def advance(self, action: Array) -> tuple[Array, Array]:
        self.heading += _TURN.take(action)
        self.heading %= HEADINGS
        before = self._spot.copy()
        move = FORWARD.take(self.heading, 1) * _AHEAD.take(action)
        move += RIGHT.take(self.heading, 1) * _SIDEWAYS.take(action)
        for axis in (0, 1):
            self._spot[axis] = self._slide(axis, move[axis])
        self._visit()
        touched = self._touched(before)
        self._places[:, touched] = GONE
        return touched @ self._worth, touched[:, 0]

    def _slide(self, axis: int, move: Array) -> Array:
        """The coordinate after moving along one axis, to the next wall at most, (num_envs,) float32.

        Moves are shorter than `PITCH`, so there is one line of walls to think of.
        """
        here, across = self._spot[axis], self._spot[1 - axis]
        back = move < 0
        place = np.where(back, self.blocks - here, here)  # looking back, the maze is mirrored
        side = next_side(place + np.float32(RADIUS - SLACK))
        row = np.where(back, self.blocks - 1 - side, side).astype(np.int64) * self.blocks
        row += (2 * self._rows + axis) * self.blocks**2
        wide = (across + _OUTLINE).astype(np.int64)  # (3, num_envs): no block lies between them
        wall = self.maps.take(row + wide, mode="clip").min(0) != FREE
        place += np.abs(move)
        place = np.where(wall, np.minimum(place, side - np.float32(RADIUS)), place)
        return np.where(back, self.blocks - place, place)

    def _visit(self) -> None:
        x, y = (self._spot / PITCH).astype(np.int64)
        self.visited[self._rows, x, y] = True

    def _touched(self, before: Array) -> Array:
        """The things that were in reach somewhere on the straight way from `before`, (num_envs, things)."""
        way = (self._spot - before)[..., None]
        off = self._places - before[..., None]  # (2, num_envs, things)
        length = way[0] ** 2 + way[1] ** 2
        share = off[0] * way[0] + off[1] * way[1]
        share /= np.maximum(length, np.float32(1e-6))
        off -= way * share.clip(0, 1)
        return off[0] ** 2 + off[1] ** 2 < self._reach

    def repaint(self, pixels: Array, who: Mask) -> None:
        rows = np.flatnonzero(who)
        seen = (self._spot[:, rows], self.heading[rows], self.maps[rows], self._places[:, rows])
        pixels[rows] = self._seer.draw(*seen)

    def paint(self, pixels: Array) -> None:
        pixels[...] = self._seer.draw(self._spot, self.heading, self.maps, self._places)

    def draw(self, one: int, canvas: Canvas) -> None:
        spot, heading, things = self.position[one], int(self.heading[one]), self.things[one]
        self._scene = self._scene or Scene(self.size, self.kinds)
        view = self._scene.picture(spot, heading, self.maps[one], things, int(self.elapsed[one]))
        canvas.image(view, 0, 0, canvas.width, canvas.height, smooth=True)
        here = (things / PITCH).astype(np.int64).clip(0)
        known = (things[:, 0] > 0) & self.visited[one][here[:, 0], here[:, 1]]
        marks = [(things[thing], int(self.kinds[thing])) for thing in np.flatnonzero(known)]
        draw_map(canvas, self._scene.map(self.maps[one], self.visited[one]), spot, heading, marks)
        draw_numbers(canvas, self._worth @ (things[:, 0] < 0), int(self.elapsed[one]))

    def sight(self, one: int) -> Area:
        # Both show 90° from left to right; from top to bottom people see less.
        width, height = self.picture_size
        return around((width / 2, height / 2), width / 40)

    def expert(self, observation: Array, memory: dict[str, Any]) -> Array:
        """Draw a map from the pictures, and explore it cell by cell."""
        return play(observation, memory, self.size)


class Maze3DEnv(SingleEnv):
    batched = Maze3D
