"""Q-learning with a table, beside a network that does the same.

Q(state, action) is what an action is worth: the reward, and what is best from there on, a little discounted.
An agent walks about, and after each step corrects the one number that it has just used. So the worth of the
goal trickles back, cell by cell. A table needs a number for every cell and action; where there are too many,
DQN puts a network in the table's place, and learns it from the very same correction.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from agents.lessons.grid_world import CELLS, FREE, MOVES, GridWorld, Table, exact, move, seen
from sandbox.core.lesson import Desk, Taught
from sandbox.ui.lesson_charts import headed, sheet, value_map

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DISCOUNT, STEPS, EARLY = 0.9, 12_000, 1_000
RATE, CHANCE = 0.5, 0.3  # of the correction; of a random action


def q_learning(draw: np.random.Generator) -> Iterator[Table]:
    """Learn, from random cells on (Watkins 1989); gives the table after each step."""
    table = np.zeros((*CELLS.shape, len(MOVES)))
    while True:
        cell, ended = FREE[draw.integers(len(FREE))], False
        while not ended:
            explores = draw.random() < CHANCE or not table[cell].any()
            action = int(draw.integers(len(MOVES)) if explores else table[cell].argmax())
            after, reward, ended = move(cell, action)
            target = reward if ended else reward + DISCOUNT * table[after].max()
            table[cell][action] += RATE * (target - table[cell][action])
            cell = after
            yield table


def deep_q_learning(seed: int, steps: int = STEPS) -> Table:
    """The same table, read off a DQN that has learned for as many steps."""
    import torch

    from agents import DQN

    agent = DQN(
        "MlpPolicy", GridWorld(), learning_rate=1e-3, learning_starts=500, batch_size=64, gamma=DISCOUNT,
        buffer_size=steps, target_update_interval=200, exploration_fraction=0.5, exploration_final_eps=CHANCE,
        policy_kwargs={"net_arch": [64, 64]}, seed=seed, device="cpu",
    )  # fmt: skip
    agent.learn(steps)
    with torch.no_grad():
        every = torch.tensor(np.stack([seen((r, c)) for r, c in np.ndindex(CELLS.shape)]))
        return agent.policy.q_values(every).double().numpy().reshape(*CELLS.shape, len(MOVES))


def best_in(table: Table, truth: Table) -> int:
    """In how many free cells a table has found an action that is truly one of the best."""
    return sum(
        bool(table[cell].max() > 0 and truth[cell][table[cell].argmax()] > truth[cell].max() - 1e-9)
        for cell in FREE
    )


def teach(desk: Desk) -> Taught:
    """Learn with a table and with a network, and lay the two maps side by side."""
    truth = exact(DISCOUNT)
    begun = time.perf_counter()
    learning = enumerate(q_learning(np.random.default_rng(desk.seed)), start=1)
    tables = {step: table.copy() for step, table in islice(learning, STEPS) if step in (EARLY, STEPS)}
    quick = time.perf_counter() - begun
    desk.note(f"the table has learned; DQN takes the same {STEPS:,} steps")
    begun = time.perf_counter()
    deep = deep_q_learning(desk.seed)
    slow = time.perf_counter() - begun

    figure, (panels,) = sheet(
        "Q-learning with a table, and with a network",
        f"what the best action of each cell is worth, and which that is   ·   the goal gives 1, the pit "
        f"costs 1, both end the episode   ·   a step later is worth {DISCOUNT} of it   ·   black: walls",
        columns=3, width_inches=15, panel_inches=3.1, label_inches=0.0, below_inches=0.25,
    )  # fmt: skip
    titles = (f"Table, after {EARLY:,} steps", f"Table, after {STEPS:,} steps", f"DQN, after {STEPS:,} steps")
    shown = (tables[EARLY], tables[STEPS], deep)
    for axes, title, table in zip(panels, titles, shown, strict=True):
        draw_map(headed(axes, title), table)
    off = {name: worst(table, truth) for name, table in (("table", tables[STEPS]), ("network", deep))}
    same = sum(tables[STEPS][cell].argmax() == deep[cell].argmax() for cell in FREE)
    return Taught(figure, (
        f"Left to middle: the goal's worth has trickled back; the best move is known (arrows) in "
        f"{best_in(tables[EARLY], truth)}, then {best_in(tables[STEPS], truth)} of {len(FREE)} cells.",
        f"Right: DQN knows it in {best_in(deep, truth)}; its arrows and the table's are the same in {same} "
        "(some cells have two best moves).",
        f"Their values are off by {off['table']:.1g} and {off['network']:.1g} at most; the table took "
        f"{quick:.1f} s, the network {slow:.0f} s.",
    ))  # fmt: skip


def worst(table: Table, truth: Table) -> float:
    """How far the value of a free cell is from the true one, at most."""
    return max(abs(float(table[cell].max() - truth[cell].max())) for cell in FREE)


def draw_map(axes: Axes, table: Table) -> None:
    """The value of each cell, and its best move; none where nothing good is known yet."""
    values, arrows = np.full(CELLS.shape, np.nan), np.zeros((*CELLS.shape, 2))
    for cell in FREE:
        values[cell] = table[cell].max()
        up, right = MOVES[table[cell].argmax()] * (-1, 1)
        arrows[cell] = (right, up) if table[cell].max() > 0 else (0, 0)
    ends = {"G": ("goal\n+1", 1.0), "P": ("pit\n−1", 0.0)}
    texts = {}
    for letter, (name, value) in ends.items():
        row, column = np.argwhere(letter == CELLS)[0].tolist()
        values[row, column], texts[row, column] = value, name
    value_map(axes, values, arrows, texts)
