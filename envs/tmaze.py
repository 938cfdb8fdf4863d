"""TMaze: a cue at the start of a corridor tells which way to turn at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from gymnasium.spaces import Box, Discrete

from envs import palette
from envs.arguments import MANY, whole
from envs.base import BatchedEnv
from envs.controls import Controls
from envs.options import CoreOptions
from envs.sight import Area, around
from envs.single import SingleEnv
from envs.task import Array, Mask
from envs.views import PIXELS

if TYPE_CHECKING:
    from envs.canvas import Canvas

FORWARD, BACK, NORTH, SOUTH = range(4)
BUMP = -0.01

CELL_PX, SIGHT = 8, 2  # the walker sees this many cells in each direction: 5 · 8 = 40 pixels
AMBER, BLUE = (255, 180, 40), (50, 120, 255)  # north, south
WALL, FLOOR, WALKER = (96, 104, 132), (16, 18, 28), (255, 255, 255)
CENTER_PX = SIGHT * CELL_PX

# By action + 4 · (at the junction).
_MOVES = np.array([1, 0, 0, 0, 0, 0, 1, 2])
_REWARDS = np.array([0.0, BUMP, BUMP, BUMP, BUMP, BUMP, 0.0, 0.0])


class TMaze(BatchedEnv):
    """Remember the cue at the start of a corridor until it forks, and turn the right way.

    The walker starts at the western end of a corridor. Only there a light shines: amber means that the prize
    lies in the northern arm at the far end, blue in the southern one. After Bakker, "Reinforcement Learning
    with Long Short-Term Memory" (2002), with a door that falls shut behind each step.

    ## Action space
    `Discrete(4)`:

    | action | effect                                                          |
    |--------|-----------------------------------------------------------------|
    | 0      | forward, to the east; a bump at the junction                    |
    | 1      | back, to the west; always a bump, as the way back is shut       |
    | 2      | north: into the northern arm at the junction; elsewhere a bump  |
    | 3      | south: into the southern arm at the junction; elsewhere a bump  |

    ## Observation space
    `obs="pixels"`: `Box`, uint8 of shape (3, 40, 40): the 5 by 5 cells around the walker, of 8 by 8 pixels.
    The walker is white, walls are grey and the floor is dark, but shines in the colour of the cue while the
    walker is at the start; the northern arm is amber, the southern one blue. All cells of the corridor look
    alike, but for the walls and arms at its ends.

    `obs="features"`: `Box`, float32 of shape (4,), one of them 1 and the others 0 (in an arm: all 0).

    | number | quantity                           | min | max |
    |--------|------------------------------------|-----|-----|
    | 0      | at the start, the cue is "north"   | 0   | 1   |
    | 1      | at the start, the cue is "south"   | 0   | 1   |
    | 2      | in the corridor                    | 0   | 1   |
    | 3      | at the junction                    | 0   | 1   |

    ## Reward
    1 for the right arm, 0 for the wrong one, -0.01 for each bump.

    Without memory the best mean return is 0.5, that of a coin. Past the start nothing that is seen depends on
    the cue, so the agent turns north with the same probability p under both cues, and wins at most
    (p + (1 - p)) / 2. Nothing replaces memory: steps back, which could write the cue into the way that is
    walked, are shut; waiting costs 0.01 and is not seen. A wrong arm costs nothing, as otherwise it would pay
    to walk on after one cue only and to sit out the other.

    ## Start
    At the western end, with either cue at even odds.

    ## End
    - Terminated: in an arm.
    - Truncated: after twice `length` steps; the shortest way takes `length` + 1.

    ## Arguments
    | name   | default  | meaning                                         |
    |--------|----------|-------------------------------------------------|
    | obs    | "pixels" | "pixels" or "features"                          |
    | length | 10       | steps from the start to the junction, 1 to 10⁶  |

    Beside those of every environment: `max_episode_steps`, `render_mode` and, for batches, `num_envs` and
    `autoreset_mode`.

    ## Solved
    At a mean return of 0.85. The expert, which remembers the cue, reaches 1; random actions -0.147.

    ## Versions
    - v0: the first one.
    """

    state_names = ("position", "cue")
    render_fps = 8
    picture_size = (640, 360)
    controls = Controls(
        {"right": FORWARD, "left": BACK, "up": NORTH, "down": SOUTH},
        ("forward", "back", "north", "south"),
        turn_based=True,
    )
    actions = Discrete(4)
    feature_space = Box(0, 1, (4,), np.float32)
    pixel_space = PIXELS

    def __init__(
        self, num_envs: int = 1, obs: str = "pixels", length: int = 10, **core: Unpack[CoreOptions]
    ) -> None:
        self.length = whole(self.name, "length", length, 1, MANY)
        if core.get("max_episode_steps") is None:
            core["max_episode_steps"] = 2 * self.length
        super().__init__(num_envs, obs, **core)
        self.position = np.zeros(num_envs, np.int64)  # 0 to length; in the arms length + 1, length + 2
        self.cue = np.zeros(num_envs, np.int64)  # 0: north, 1: south
        self._cells = min(self.length, 2 * SIGHT + 2)  # a corridor of this length shows all that can be seen
        self._pictures, self._features = _pictures(self._cells), _features(self._cells)

    def spawn(self, who: Mask) -> None:
        self.position[who] = 0
        self.cue[who] = self.rng.integers(0, 2, np.count_nonzero(who))

    def advance(self, action: Array) -> tuple[Array, Array]:
        case = action + 4 * (self.position == self.length)
        self.position += _MOVES.take(case)
        reward = _REWARDS.take(case)
        reward += self.position == self.cue + (self.length + 1)
        return reward, self.position > self.length

    def _views(self) -> Array:
        """Which of the few different views each walker has, (num_envs,): a row of the tables."""
        position = self.position
        place = np.maximum(np.minimum(position, SIGHT + 1), position - (self.length - self._cells))
        return place + np.where(position == 0, self.cue, 1)

    def features(self, out: Array) -> None:
        self._features.take(self._views(), axis=0, out=out, mode="clip")

    def paint(self, pixels: Array) -> None:
        self._pictures.take(self._views(), axis=0, out=pixels, mode="clip")

    def repaint(self, pixels: Array, who: Mask) -> None:
        pixels[who] = self._pictures[self._views()[who]]

    def draw(self, one: int, canvas: Canvas) -> None:
        position, cue = int(self.position[one]), int(self.cue[one])
        _draw_maze(canvas, self.length, position, cue)
        if self.max_episode_steps is not None:
            _draw_time(canvas, 1 - int(self.elapsed[one]) / self.max_episode_steps)
        arrived = position > self.length
        bumps = int(self.elapsed[one]) - min(position, self.length) - arrived
        won = position == self.length + 1 + cue
        palette.scoreboard(canvas, round(won + BUMP * bumps, 2))
        palette.scoreboard(canvas, max(0, self.length - position), "TO GO", right=True)
        if arrived:
            text, color = ("RIGHT", palette.GREEN) if won else ("WRONG", palette.RED)
            canvas.text(text, (canvas.width / 2, 64), 52, color, anchor="center")

    def sight(self, one: int) -> Area:
        return around(_middle(self.length, int(self.position[one])), _TILE / CELL_PX)

    def expert(self, observation: Array, memory: dict[str, Any]) -> Array:
        """Keep the cue in memory, walk to the junction, turn as the cue said."""
        if observation.ndim == 2:
            north, south, junction = observation[:, 0] > 0, observation[:, 1] > 0, observation[:, 3] > 0
        else:
            light = observation[:, :, CENTER_PX, CENTER_PX]  # the floor beside the walker
            north, south = (light == AMBER).all(1), (light == BLUE).all(1)
            junction = (observation[:, :, CENTER_PX - CELL_PX, CENTER_PX] == AMBER).all(1)
        turn = memory.setdefault("turn", np.full(len(observation), NORTH))
        turn[north] = NORTH
        turn[south] = SOUTH
        return np.where(junction, turn, FORWARD)


def _features(cells: int) -> Array:
    """All compact observations, by view: the two starts, the places 1 to `cells`, the arms."""
    kinds = [0, 1, *[2] * (cells - 1), 3]
    return np.concatenate([np.eye(4, dtype=np.float32)[kinds], np.zeros((2, 4), np.float32)])


def _pictures(cells: int) -> Array:
    """All pictures, by view as above, (views, 3, 40, 40) uint8."""
    places = [(0, cell) for cell in range(cells + 1)] + [(-1, cells), (1, cells)]
    lit = [(AMBER, places[0]), (BLUE, places[0]), *((FLOOR, place) for place in places[1:])]
    views = np.stack([_look(cells, light, *place) for light, place in lit])
    pictures = views.repeat(CELL_PX, 1).repeat(CELL_PX, 2).transpose(0, 3, 1, 2)
    body = slice(CENTER_PX + 2, CENTER_PX + CELL_PX - 2)
    pictures[:, :, body, body] = WALKER[0]
    return np.ascontiguousarray(pictures)


def _look(cells: int, light: tuple[int, int, int], row: int, cell: int) -> Array:
    """The colours of the cells around a place, (5, 5, 3) uint8; the corridor is row 0, north of it -1."""
    maze = np.full((2 * SIGHT + 3, cells + 1 + 2 * SIGHT, 3), WALL, np.uint8)
    middle, end = SIGHT + 1, SIGHT + cells
    maze[middle - 1, end], maze[middle + 1, end] = AMBER, BLUE
    maze[middle, SIGHT : end + 1] = light
    return maze[middle + row - SIGHT : middle + row + SIGHT + 1, cell : cell + 2 * SIGHT + 1]


_TILE, _COLUMNS = 44, 13  # of the picture for people
_TOP, _LEFT = 182, 34


def _draw_maze(canvas: Canvas, length: int, position: int, cue: int) -> None:
    """The part of the maze around the walker; all of it where it fits."""
    canvas.fill(palette.SKY_TOP, palette.SKY_BOTTOM)
    first, shift = _first_column(length, position)
    cue_color = (palette.AMBER, palette.BLUE)[cue]

    def tile(cell: int, row: int, color: tuple[int, int, int], inset: float = 1.5) -> None:
        x, size = _LEFT + (cell - first + shift) * _TILE, _TILE - 2 * inset
        canvas.rectangle(x + inset, _TOP + row * _TILE + inset, size, size, color, 7)

    for cell in range(first, min(first + _COLUMNS, length + 1)):
        tile(cell, 0, palette.UPRIGHT, 0)
        tile(cell, 0, palette.GROUND)
        if cell == length:
            for row, color in ((-1, palette.AMBER), (1, palette.BLUE)):
                tile(cell, row, palette.UPRIGHT, 0)
                tile(cell, row, color)
    if position == 0:
        glow = (_LEFT + (shift + 0.5) * _TILE, _TOP + _TILE / 2)
        for radius, opacity in ((76, 26), (56, 40), (38, 60)):
            canvas.circle(glow, radius, (*cue_color, opacity))
        tile(0, 0, cue_color)
    x, y = _middle(length, position)
    canvas.circle((x, y), 15, palette.GROUND)
    canvas.circle((x, y), 13, palette.WHITE)
    canvas.circle((x + 4, y - 3), 2.5, palette.GROUND)
    canvas.circle((x + 4, y + 3), 2.5, palette.GROUND)


def _first_column(length: int, position: int) -> tuple[int, float]:
    """The cell at the left of the picture, and how many tiles it is moved to the right."""
    first = min(max(min(position, length) - _COLUMNS // 2, 0), max(length + 1 - _COLUMNS, 0))
    return first, max(0, _COLUMNS - length - 1) / 2  # short mazes stand in the middle


def _middle(length: int, position: int) -> tuple[float, float]:
    """Where the walker stands in the picture."""
    first, shift = _first_column(length, position)
    row = position - length if position > length else 0
    x = _LEFT + (min(position, length) - first + shift + 0.5) * _TILE
    return x, _TOP + (0, -1, 1)[row] * _TILE + _TILE / 2


def _draw_time(canvas: Canvas, left: float) -> None:
    """A bar at the bottom that shrinks with the time that is left, 1 to 0."""
    width, y = canvas.width - 2 * _LEFT, canvas.height - 30
    canvas.rectangle(_LEFT, y, width, 6, palette.GROUND, 3)
    if left > 0:
        canvas.rectangle(_LEFT, y, width * left, 6, palette.PALE, 3)


class TMazeEnv(SingleEnv):
    batched = TMaze
