"""Snake: eat apples, grow, and keep out of your own way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from gymnasium.spaces import Box, Discrete

from envs.arguments import whole
from envs.base import BatchedEnv
from envs.controls import Controls
from envs.experts.flood import FAR, distances
from envs.options import CoreOptions
from envs.pictures.snake import BOARD_PX, LEFT, TOP, draw_snake
from envs.pictures.tiles import Tiles, plain
from envs.sight import Area, around
from envs.single import SingleEnv
from envs.task import Array, Mask
from envs.views import PIXELS

if TYPE_CHECKING:
    from envs.canvas import Canvas

SMALLEST, LARGEST = 4, 11
"""Cells along a side of the board; larger ones would be drawn with fewer than three pixels."""
START_LENGTH = 3

STEPS = ((-1, 0), (0, 1), (1, 0), (0, -1))
"""Rows and columns of the directions: up, right, down, left."""

# What a cell holds. A part of the snake knows where the part behind it came from (`into`, the direction of
# that move) and where the part before it went to (`out`): so the cells are a list linked from tail to head.
WALL, EMPTY, APPLE, DEAD = range(4)
HEAD = 4  # + into
TAIL = 8  # + out
BODY = 12  # + 4 · into + out
KINDS = 28

_ALL = np.arange(KINDS)
_IS_HEAD, _IS_TAIL, _IS_BODY = (_ALL // 4 == 1), (_ALL // 4 == 2), (_ALL >= BODY)
_HEADING = np.where(_IS_HEAD, _ALL - HEAD, 1)
_OUT = np.where(_IS_TAIL | _IS_BODY, _ALL % 4, -1)
_WAY = np.array(STEPS).take(_HEADING, axis=0)  # rows and columns, (KINDS, 2)
_BLOCKED = ~((_ALL == EMPTY) | (_ALL == APPLE))
_CUT = np.where(_IS_BODY, TAIL + _ALL % 4, _ALL).astype(np.uint8)  # what becomes of the part behind the tail

# By 4 · kind of the head's cell + action: a reversal goes straight on.
_ACTION, _FROM = np.tile(np.arange(4), KINDS), np.repeat(_HEADING, 4)
_TURN = np.where(_ACTION == (_FROM + 2) % 4, _FROM, _ACTION)
_NEW_HEAD = (HEAD + _TURN).astype(np.uint8)
_NECK = (BODY + 4 * _FROM + _TURN).astype(np.uint8)

# They differ in red, by which the expert tells them apart; that of an empty cell is 0.
_COLORS = {WALL: (110, 110, 130), APPLE: (255, 40, 40), DEAD: (180, 0, 255)}
_COLORS |= {HEAD: (240, 240, 80), TAIL: (40, 110, 255), BODY: (20, 200, 70)}
_KIND_OF_RED = np.full(256, EMPTY)
_KIND_OF_RED[[color[0] for color in _COLORS.values()]] = list(_COLORS)


class Snake(BatchedEnv):
    """Steer a snake to the apples; each makes it longer, and it must hit neither the wall nor itself.

    ## Action space
    `Discrete(4)`:

    | action | effect   |
    |--------|----------|
    | 0      | go up    |
    | 1      | go right |
    | 2      | go down  |
    | 3      | go left  |

    The snake moves by a cell every step. It cannot turn around on the spot: the direction opposite to the
    one in which it moves is ignored, and it goes straight on.

    ## Observation space
    `obs="pixels"`: `Box`, uint8 of shape (3, 40, 40): the board in a grey wall, the apple in red, the snake
    with a yellow head, a green body and a blue tail. Its parts are joined where it is one piece and leave a
    gap where it only lies beside itself, so that one picture shows the whole state.

    `obs="features"`: `Box`, float32 of shape (11,).

    | number | quantity                                                             | min | max |
    |--------|----------------------------------------------------------------------|-----|-----|
    | 0 – 3  | 1 where a step up, right, down, left would be the end                | 0   | 1   |
    | 4, 5   | rows and columns from the head to the apple, in parts of the board   | -1  | 1   |
    | 6, 7   | rows and columns of the direction in which the head moves            | -1  | 1   |
    | 8, 9   | rows and columns from the head to the tail, in parts of the board    | -1  | 1   |
    | 10     | the part of the board that the snake covers                          | 0   | 1   |

    They do not show where the body lies beyond the next step.

    ## Reward
    1 for an apple, -1 for running into the wall or the snake, else 0.

    ## Start
    A snake of length 3 in the middle of the board that moves to the right. Apples, the first one too, are
    dealt uniformly among the cells that the snake does not cover.

    ## End
    - Terminated: the head ran into the wall or the snake (it is then drawn in violet, where it was before);
      or the snake covers the whole board, which is a win. The cell that the tail leaves in the same step
      is free to enter.
    - Truncated: after 2,000 steps.

    ## Arguments
    | name | default  | meaning                                                |
    |------|----------|--------------------------------------------------------|
    | obs  | "pixels" | "pixels" or "features"                                 |
    | size | 8        | cells along a side of the board inside the wall, 4–11  |

    The wall makes the default fill the picture with cells of 4 × 4 pixels; for other sizes a cell has
    `40 // (size + 2)` pixels along a side.

    Beside those of every environment: `max_episode_steps`, `render_mode` and, for batches, `num_envs` and
    `autoreset_mode`.

    ## Solved
    At a mean return of 18. The expert, which takes the shortest way to the apple and follows its tail
    while there is none, reaches about 22; it needs pixels, as features do not show the body. Random actions
    reach about -0.9.

    ## Versions
    - v0: the first one.
    """

    state_names = ("cells", "head", "tail", "apple", "length")
    default_max_episode_steps = 2_000
    render_fps = 7
    picture_size = (480, 560)
    controls = Controls({"up": 0, "right": 1, "down": 2, "left": 3}, ("up", "right", "down", "left"))
    actions = Discrete(4)
    feature_space = Box(np.array([0] * 4 + [-1] * 6 + [0], np.float32), np.float32(1), (11,), np.float32)
    pixel_space = PIXELS

    def __init__(
        self, num_envs: int = 1, obs: str = "pixels", size: int = 8, **core: Unpack[CoreOptions]
    ) -> None:
        self.size = whole(self.name, "size", size, SMALLEST, LARGEST)
        super().__init__(num_envs, obs, **core)
        self.side = size + 2  # with the wall
        self._steps = np.array([row * self.side + column for row, column in STEPS])
        self._start, self._start_head = self._empty_board()
        self._step_by = self._steps.take(_TURN)  # by 4 · kind of the head's cell + action
        self._tail_by = np.append(self._steps, 0).take(_OUT)  # by kind of the tail's cell

        self.cells = np.zeros((num_envs, self.side**2), np.uint8)
        """What is in each cell, (num_envs, side · side), row by row; the wall stands around the board."""
        self.length = np.zeros(num_envs, np.intp)
        places = np.zeros((3, num_envs), np.intp)
        self.head, self.tail, self.apple = places
        """Numbers of cells, (num_envs,) each."""

        self._flat, self._places = self.cells.reshape(-1), places
        self._first = np.arange(num_envs) * self.side**2
        self._changed = np.zeros((5, num_envs), np.intp)  # in `_flat`: head and tail, then both anew, apple
        self._tiles = Tiles(_atlas(40 // self.side), self.side, self.side, num_envs)
        row, column = np.divmod(np.arange(self.side**2), self.side)
        self._scaled = np.stack([row, column], 1) / size

    def _empty_board(self) -> tuple[Array, int]:
        """The cells at the start but for the apple, and the number of the head's."""
        board = np.full((self.side, self.side), WALL, np.uint8)
        board[1:-1, 1:-1] = EMPTY
        row, column = 1 + self.size // 2, 1 + self.size // 2
        board[row, column - 2 : column + 1] = (TAIL + 1, BODY + 4 + 1, HEAD + 1)
        return board.ravel(), row * self.side + column

    def spawn(self, who: Mask) -> None:
        rows = np.flatnonzero(who)
        self.cells[rows] = self._start
        self.head[rows], self.length[rows] = self._start_head, START_LENGTH
        self.tail[rows] = self._start_head - START_LENGTH + 1
        self._deal(rows)

    def _deal(self, rows: Array) -> None:
        """Put an apple into these boards, which have none, each free cell being equally likely."""
        free = np.flatnonzero(self.cells[rows] == EMPTY)  # board after board
        counts = self.size**2 - self.length[rows]
        chosen = free[counts.cumsum() - counts + self.rng.integers(0, counts)] % self.side**2
        self.apple[rows] = chosen
        self.cells[rows, chosen] = APPLE

    def advance(self, action: Array) -> tuple[Array, Array]:
        flat, changed = self._flat, self._changed
        np.add(self._places[:2], self._first, out=changed[:2])
        head, tail = changed[:2]
        kinds = flat.take(changed[:2]).astype(np.intp)
        choice = 4 * kinds[0] + action
        new_head = head + self._step_by.take(choice)
        ahead = flat.take(new_head)
        eats = ahead == APPLE
        dies = _BLOCKED.take(ahead)
        dies &= new_head != tail  # which gives way, unless the snake grows: but then an apple is ahead
        new_tail = tail + self._tail_by.take(kinds[1]) * ~(eats | dies)
        rear = _CUT.take(flat.take(new_tail))
        flat[tail] = EMPTY
        flat[new_tail] = rear
        flat[head] = _NECK.take(choice)
        new_head = np.where(dies, head, new_head)
        flat[new_head] = np.where(dies, DEAD, _NEW_HEAD.take(choice))
        np.subtract(new_head, self._first, out=self.head)
        np.subtract(new_tail, self._first, out=self.tail)
        reward = np.subtract(eats, dies, dtype=np.float64)
        if np.count_nonzero(eats):
            dies |= self._grow(eats)
        np.add(self._places, self._first, out=changed[2:])
        return reward, dies

    def _grow(self, eats: Mask) -> Mask:
        """Lengthen these snakes and deal the next apples. Returns which of all the snakes fill the board."""
        self.length += eats
        wins = self.length == self.size**2
        rows = np.flatnonzero(eats & ~wins)
        if rows.size:
            self._deal(rows)
        np.copyto(self.apple, self.head, where=wins)  # there is none any more
        return wins

    def features(self, out: Array) -> None:
        head = self.head + self._first
        around = self._flat.take(head[:, None] + self._steps)
        out[:, :4] = _BLOCKED.take(around) & ~_IS_TAIL.take(around)
        here = self._scaled.take(self.head, axis=0)
        np.subtract(self._scaled.take(self.apple, axis=0), here, out=out[:, 4:6], casting="same_kind")
        out[:, 6:8] = _WAY.take(self._flat.take(head), axis=0)
        np.subtract(self._scaled.take(self.tail, axis=0), here, out=out[:, 8:10], casting="same_kind")
        np.divide(self.length, self.size**2, out=out[:, 10], casting="same_kind")

    def paint(self, pixels: Array) -> None:
        self._tiles.put(pixels, self._changed, self._flat.take(self._changed))

    def repaint(self, pixels: Array, who: Mask) -> None:
        self._tiles.lay(pixels, who, self.cells[who])

    def body(self, one: int) -> list[int]:
        """The numbers of the cells that a snake covers, from its tail to its head."""
        parts = [int(self.tail[one])]
        while (out := _OUT[self.cells[one, parts[-1]]]) >= 0:
            parts.append(parts[-1] + int(self._steps[out]))
        return parts

    def draw(self, one: int, canvas: Canvas) -> None:
        parts = self.body(one)
        places = [(part // self.side - 1, part % self.side - 1) for part in [*parts, int(self.apple[one])]]
        apple = None if self.apple[one] == self.head[one] else places.pop()
        dead = self.cells[one, self.head[one]] == DEAD
        (row, column), (next_row, next_column) = places[len(parts) - 2 : len(parts)]
        heading = (next_row - row, next_column - column)
        score = int(self.length[one]) - START_LENGTH
        draw_snake(canvas, self.size, places[: len(parts)], apple, heading, bool(dead), score)

    def sight(self, one: int) -> Area:
        scale = BOARD_PX / (self.size * (40 // self.side))  # the observation's wall is the picture's frame
        return around((LEFT + BOARD_PX / 2, TOP + BOARD_PX / 2), scale)

    def expert(self, observation: Array, memory: dict[str, Any]) -> Array:
        """Take the shortest way to the apple; without one, the step from which the tail is farthest.

        Raises:
            ValueError: the observations are features, which do not show where the body lies.
        """
        if observation.ndim == 2:
            raise ValueError(f'{self.name}: the expert needs obs="pixels"')
        seen = self._seen(observation)
        free = (seen == EMPTY) | (seen == APPLE) | (seen == TAIL)
        around = (seen == HEAD).argmax(1)[:, None] + self._steps  # (num_envs, 4) cells
        each = np.arange(len(seen))[:, None]
        to_apple = distances(free, seen == APPLE, self.side)[each, around]
        to_tail = distances(free, seen == TAIL, self.side)[each, around]
        room = free[each, around] * (1 + np.where(to_tail < FAR, to_tail, 0))
        return np.where(to_apple.min(1) < FAR, to_apple.argmin(1), room.argmax(1))

    def _seen(self, pixels: Array) -> Array:
        """Kinds of cells as the middles of their tiles show them, without directions, (num_envs, cells)."""
        px = 40 // self.side
        start = (40 - px * self.side) // 2 + px // 2
        red = pixels[:, 0, start::px, start::px][:, : self.side, : self.side]
        return _KIND_OF_RED.take(red.reshape(len(pixels), -1))


def _atlas(px: int) -> Array:
    """What the kinds of cells look like, (KINDS, 3, px, px) uint8."""
    atlas = np.zeros((KINDS, 3, px, px), np.uint8)
    for kind in (*range(APPLE, TAIL), WALL):
        atlas[kind] = plain(_COLORS[min(kind, HEAD)], px, px)
    # Parts of the body leave a dark edge, except towards the parts before and behind them.
    inner = slice(1, -1)
    edges = ((0, inner), (inner, -1), (-1, inner), (inner, 0))  # up, right, down, left
    for kind in range(TAIL, KINDS):
        color = np.array(_COLORS[min(kind // 4 * 4, BODY)])
        atlas[kind, :, inner, inner] = color[:, None, None]
        for way in {kind % 4, (kind // 4 - 1) % 4 if kind >= BODY else kind % 4}:
            atlas[(kind, slice(None), *edges[way])] = color[:, None]
    return atlas


class SnakeEnv(SingleEnv):
    batched = Snake
