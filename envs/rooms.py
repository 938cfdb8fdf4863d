"""Rooms: find keys, doors and the goal in a maze of rooms that is seen only through a small window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from gymnasium.spaces import Discrete

from envs import palette
from envs.arguments import one_of, whole
from envs.base import BatchedEnv
from envs.controls import Controls
from envs.experts.episodes import begins
from envs.levels.dungeon import AGENT, CODES, DOOR, FLOOR, GOAL, KEY, MAX_KEYS, WALL, Dungeon
from envs.options import CoreOptions
from envs.pictures.rooms import HEADER, INKS, draw_key, draw_level, tiles_of
from envs.sight import Area, around
from envs.single import SingleEnv
from envs.task import Array, Mask
from envs.views import PIXELS

if TYPE_CHECKING:
    from envs.canvas import Canvas

UP, RIGHT, DOWN, LEFT = range(4)
FAR = 2**15 - 1  # in the maps of the expert
KEY_REWARD, DOOR_REWARD, GOAL_REWARD = 0.2, 0.2, 1.0

_LOCKS = 1 << np.arange(MAX_KEYS)  # the bits of keys in a hand
_NEEDS = np.zeros(CODES + 1, np.uint8)  # bits that a hand needs for entering a cell, by what is in it
_NEEDS[[WALL, CODES]] = 1 << MAX_KEYS  # never in a hand; CODES is what the expert does not know
_NEEDS[DOOR : DOOR + MAX_KEYS] = _LOCKS
_TURNS = np.zeros(CODES, np.uint8)  # bits that change in the hand upon entering: taken, used up
_TURNS[KEY : KEY + MAX_KEYS] = _TURNS[DOOR : DOOR + MAX_KEYS] = _LOCKS
_REWARDS = np.zeros(CODES)
_REWARDS[GOAL] = GOAL_REWARD
_REWARDS[KEY : KEY + MAX_KEYS], _REWARDS[DOOR : DOOR + MAX_KEYS] = KEY_REWARD, DOOR_REWARD


class Rooms(BatchedEnv):
    """Find the goal behind locked doors, in rooms that are laid out anew in each episode.

    The agent sees only the few cells around it and must remember where it has been, and where it saw what.
    Rooms of 3 by 3 cells stand on a grid; doorways and locked doors join them. Walking over a key takes it,
    walking into a locked door with the key of its colour opens it and uses the key up. Each level can be
    solved, and only by taking all keys, one after another (`envs.levels.dungeon` tells how they are made).

    ## Action space
    `Discrete(4)`; walls, and doors without their key, block:

    | action | effect                  |
    |--------|-------------------------|
    | 0      | up by one cell          |
    | 1      | right by one cell       |
    | 2      | down by one cell        |
    | 3      | left by one cell        |

    ## Observation space
    `obs="pixels"`: `Box`, uint8 of shape (3, 40, 40): the `window` by `window` cells around the agent,
    each of `40 // window` pixels a side, in the middle of the picture. Walls do not block the sight.

    | what        | looks                                                                               |
    |-------------|-------------------------------------------------------------------------------------|
    | floor, wall | dark, grey                                                                          |
    | key         | a small square on the floor: first amber, then blue, magenta, red                   |
    | locked door | a cell in the colour of its key, with a dark hole                                   |
    | goal        | a green cell with a bright middle                                                   |
    | agent       | white, in the centre; a quarter of it has the colour of each key in hand            |

    ## Reward
    0.2 for each key, 0.2 for each door that is opened, 1 for the goal.

    ## Start
    In a random cell of a random room of a new level, with empty hands.

    ## End
    - Terminated: at the goal.
    - Truncated: after 300 steps; more rooms ask for a larger `max_episode_steps` (8 by 8 rooms with 4 keys:
      the shortest way may take 375).

    ## Arguments
    | name   | default  | meaning                                                      |
    |--------|----------|--------------------------------------------------------------|
    | obs    | "pixels" | only "pixels"                                                |
    | rooms  | 3        | rooms in each direction, 2 to 8                              |
    | keys   | 2        | keys, and locked doors, 0 to 4, less than there are rooms    |
    | window | 5        | cells in each direction that the agent sees: 3, 5, 7 or 9    |

    Beside those of every environment: `max_episode_steps`, `render_mode` and, for batches, `num_envs` and
    `autoreset_mode`.

    ## Solved
    At a mean return of 1.5. The expert, which draws a map and walks to the nearest thing of use or else to
    the nearest edge of what it knows, reaches 1.8; random actions 0.2.

    ## Versions
    - v0: the first one.
    """

    state_names = ("cells", "position", "hand")
    default_max_episode_steps = 300
    render_fps = 8
    picture_size = (480, 560)
    controls = Controls(
        {"up": UP, "right": RIGHT, "down": DOWN, "left": LEFT},
        ("up", "right", "down", "left"),
        turn_based=True,
    )
    actions = Discrete(4)
    pixel_space = PIXELS

    def __init__(
        self,
        num_envs: int = 1,
        obs: str = "pixels",
        rooms: int = 3,
        keys: int = 2,
        window: int = 5,
        **core: Unpack[CoreOptions],
    ) -> None:
        self.rooms = whole(self.name, "rooms", rooms, 2, 8)
        self.keys = whole(self.name, "keys", keys, 0, min(MAX_KEYS, rooms * rooms - 1))
        self.window = one_of(self.name, "window", window, (3, 5, 7, 9))
        super().__init__(num_envs, obs, **core)
        self._dungeon = Dungeon(rooms, keys, border=window // 2)
        side = self._dungeon.side
        self.cells = np.full((num_envs, side * side), WALL, np.uint8)
        self.position = np.zeros(num_envs, np.int64)  # in the row of `cells`
        self.hand = np.zeros(num_envs, np.uint8)  # a bit for each key
        self._flat, self._rows = self.cells.reshape(-1), np.arange(num_envs) * side * side
        self._moves = np.array([-side, 1, side, -1])
        self._sight = _square(window, side)
        self._moved = np.zeros(num_envs, np.bool_)

        self._cell_px = px = 40 // window
        margin = (40 - window * px) // 2
        self._seen_px = slice(margin, margin + window * px)
        bars = f"V{px}"  # a row of pixels of a cell in one channel, moved as one item
        self._tiles = tiles_of(px).reshape(CODES, -1).view(bars)  # (CODES, 3 · px)
        self._looks = np.zeros((num_envs, 3, window, px, window), bars)

    def spawn(self, who: Mask) -> None:
        self.cells[who], self.position[who] = self._dungeon.build(self.rng, int(np.count_nonzero(who)))
        self.hand[who] = 0

    def advance(self, action: Array) -> tuple[Array, Array]:
        target = self.position + self._moves.take(action)
        found = self._flat.take(target + self._rows)
        free = np.equal(_NEEDS.take(found) & ~self.hand, 0, out=self._moved)
        found *= free  # who cannot enter finds nothing: code 0 is the floor
        np.copyto(self.position, target, where=free)
        turned = _TURNS.take(found)
        if np.count_nonzero(turned):
            self.hand ^= turned
            self._flat[(self.position + self._rows)[turned > 0]] = FLOOR
        return _REWARDS.take(found), found == GOAL

    def paint(self, pixels: Array) -> None:
        self._look(pixels, np.flatnonzero(self._moved))

    def repaint(self, pixels: Array, who: Mask) -> None:
        pixels[who] = 0
        self._look(pixels, np.flatnonzero(who))

    def _look(self, pixels: Array, rows: Array) -> None:
        """Paint what is seen in some rows, given by number."""
        window, px = self.window, self._cell_px
        center = self.position[rows] + self._rows[rows]
        seen = self._flat.take(center[:, None] + self._sight)  # (some, window²)
        seen[:, window * window // 2] = AGENT + self.hand[rows]
        looks = self._looks[: len(rows)]
        tiles = self._tiles.take(seen, axis=0).reshape(-1, window, window, 3, px)
        looks[...] = tiles.transpose(0, 3, 1, 4, 2)
        pixels[rows, :, self._seen_px, self._seen_px] = looks.view(np.uint8).reshape(
            -1, 3, window * px, window * px
        )

    def draw(self, one: int, canvas: Canvas) -> None:
        level = self.cells[one].reshape(self._dungeon.side, -1)
        place = np.array(divmod(int(self.position[one]), self._dungeon.side))
        hand = [number for number in range(MAX_KEYS) if self.hand[one] >> number & 1]
        draw_level(canvas, level, place, self.window)
        canvas.text("KEYS", (canvas.width - 24, 22), 18, palette.PALE, anchor="topright")
        for number, lock in enumerate(reversed(hand)):
            draw_key(canvas, (canvas.width - 40 - 38 * number, 54), 32, INKS[lock])
        keys, doors = ((level >= first) & (level < first + MAX_KEYS) for first in (KEY, DOOR))
        score = KEY_REWARD * (self.keys - keys.sum()) + DOOR_REWARD * (self.keys - doors.sum())
        palette.scoreboard(canvas, round(score + GOAL_REWARD * (level[*place] == GOAL), 1))

    def sight(self, one: int) -> Area:
        side = self._dungeon.side
        cell = self.picture_size[0] / (side - 2 * (self.window // 2))
        row, column = (place - self.window // 2 + 0.5 for place in divmod(int(self.position[one]), side))
        return around((column * cell, HEADER + row * cell), cell / self._cell_px)

    def expert(self, observation: Array, memory: dict[str, Any]) -> Array:
        """Draw a map; walk to the nearest thing of use, else to the nearest edge of what is known."""
        seen = self._decode(observation)  # (n, window²)
        hand = seen[:, self.window * self.window // 2] - AGENT
        seen[:, self.window * self.window // 2] = FLOOR
        # The start is the middle of the map, as the agent does not know where in the level it is.
        width = 2 * self._dungeon.side + 1
        if "map" not in memory:
            memory["map"] = np.zeros((len(seen), width * width), np.uint8)
            memory["at"] = np.zeros(len(seen), np.int64)
        known, at, each = memory["map"], memory["at"], np.arange(len(seen))
        first = begins(memory, len(seen))
        known[first], at[first] = CODES, width * width // 2
        known[each[:, None], at[:, None] + _square(self.window, width)] = seen

        free = (_NEEDS[known] & ~hand[:, None]) == 0
        useful = free & (known >= GOAL)
        edges = free & _beside(known == CODES, width)
        found = _distances(useful, free, at, width)[each, at] < FAR
        distance = _distances(np.where(found[:, None], useful, edges), free, at, width)
        moves = np.array([-width, 1, width, -1])
        action = distance[each[:, None], at[:, None] + moves].argmin(1)
        at += np.where(free[each, at + moves[action]], moves[action], 0)
        return action

    def _decode(self, observation: Array) -> Array:
        """What is in the cells of the window, (n, window²) uint8 codes."""
        window, px = self.window, self._cell_px
        cells = observation[:, :, self._seen_px, self._seen_px].reshape(-1, 3, window, px, window, px)
        cells = cells.transpose(0, 2, 4, 1, 3, 5).reshape(len(observation), window * window, -1)
        weights = np.random.default_rng(0).integers(0, 2**32, 3 * px * px).astype(np.float64)  # exact sums
        sums = self._tiles.view(np.uint8) @ weights
        order = sums.argsort()
        return order[np.searchsorted(sums[order], cells @ weights)].astype(np.uint8)


def _distances(targets: Array, free: Array, at: Array, width: int) -> Array:
    """Steps to the nearest target through free cells, (n, width²) int16, as far out as the agents need."""
    each, wave, steps = np.arange(len(at)), targets, 0
    distance = np.where(targets, 0, FAR).astype(np.int16)
    while wave.any() and (distance[each, at] == FAR).any():
        wave = _beside(wave, width) & free & (distance == FAR)
        steps += 1
        distance[wave] = steps
    return distance


def _beside(cells: Array, width: int) -> Array:
    """The neighbours of the marked cells, (n, width²) bool; nothing is marked along the rim of the maps."""
    near = np.zeros_like(cells)
    for step in (1, width):
        near[:, step:] |= cells[:, :-step]
        near[:, :-step] |= cells[:, step:]
    return near


def _square(window: int, width: int) -> Array:
    """The steps from a cell to those of the window around it, in flat maps of this width, (window²,)."""
    reach = np.arange(window) - window // 2
    return (reach[:, None] * width + reach).ravel()


class RoomsEnv(SingleEnv):
    batched = Rooms
