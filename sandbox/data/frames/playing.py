"""Collecting pictures of an environment at play: different ones, none of them in two splits."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np

from sandbox.core.errors import Broken
from sandbox.core.seeding import derive_seed
from sandbox.data.frames.players import EXPERT, Act, MakesPlayer, Player, by_chance, by_expert, by_policy
from sandbox.data.frames.stage import Stage, ours
from sandbox.data.parsed import Arrays
from sandbox.data.pictures import SPLITS, Split

COUNTS: dict[Split, int] = {"train": 10_000, "validation": 1_000, "test": 1_000}
SPARE: dict[Split, float] = {"train": 1.05, "validation": 2.0, "test": 2.0}
"""so many times more are collected, because some turn out to be in another split as well"""
COPIES = 4
"""of all pictures are in the memory at the worst: what was seen, with what is to spare, what of it each split
gets, and what of that has a label"""
PATIENCE, WINDOW, NEW = 4, 800, 0.1
"""Looks at up to so many pictures for each that is wanted. Takes what there is already when, of the last so
many pictures, less than this part was new."""
FEWEST, MOST = 2, 6
"""steps from one picture of an episode to the next; drawn, so that no rhythm of the game is caught"""
BATCH, SINGLES = 16, 4
"""episodes side by side, of our environments and of others"""

Shape = tuple[int, int, int]


class Seen(NamedTuple):
    """What was collected for one split."""

    images: np.ndarray
    """(n, channels, height, width) uint8"""
    actions: np.ndarray
    """(n,) int64, what was done on seeing each; 0 where actions are no numbers"""
    contents: list[bytes]
    """sha256 of each picture"""

    def take(self, rows: np.ndarray) -> Seen:
        """Those at ``rows`` (k,) int64."""
        return Seen(self.images[rows], self.actions[rows], [self.contents[row] for row in rows])


def play(name: str, who: str, shape: Shape, maker: MakesPlayer) -> Arrays:
    """Play the environment ``name`` and keep pictures of it; see `sandbox.data.frames.data_set.read_frames`.

    Args:
        name: From `sandbox.data.frames.stage.environment_of`.
        who: Empty for chance, ``expert``, or what ``maker`` is to make a player of.
        shape: (channels, height, width) of the pictures.
        maker: Makes the player.

    Returns:
        ``train_images``, ``train_labels`` and so on for each split, ``classes`` and ``notes``.
    """
    player = None if who in ("", EXPERT) else maker(who)
    count = BATCH if ours(name) is not None else SINGLES
    arguments, wrappers = (player.env_args, player.wrap) if player else ({}, ())
    stage = Stage(name, count, arguments, wrappers, pixels=not who)
    try:
        names = stage.action_names() if who else ()
        first = stage.first_action
        seen: dict[Split, Seen] = {
            split: _collect(stage, _act(stage, who, player, split), shape, split) for split in SPLITS
        }
    finally:
        stage.close()
    return _labelled(name, _parted(seen), names, first)


def _act(stage: Stage, who: str, player: Player | None, split: Split) -> Act:
    if player is not None:
        return by_policy(player.policy, stage.env, who)
    return by_expert(stage.env) if who else by_chance(stage.env, derive_seed(0, "actions", split))


def _collect(stage: Stage, act: Act, shape: Shape, split: Split) -> Seen:
    """Play until enough different pictures were seen, or nothing new seems to come any more."""
    rng = np.random.default_rng(derive_seed(0, "pauses", split))
    wanted = round(COUNTS[split] * SPARE[split])
    found: dict[bytes, tuple[np.ndarray, int]] = {}
    looked, checked, had = 0, 0, 0
    stage.begin(derive_seed(0, "episodes", split))
    while len(found) < wanted and looked < PATIENCE * wanted:
        pictures = stage.look(shape)
        actions = act(stage.observations, stage.first)
        for picture, action in zip(pictures, np.asarray(actions), strict=True):
            label = int(action) if np.ndim(action) == 0 and action.dtype.kind in "iu" else 0
            # A copy: a view would keep the whole batch in the memory.
            found.setdefault(hashlib.sha256(picture.tobytes()).digest(), (picture.copy(), label))
        looked += len(pictures)
        if looked - checked >= WINDOW:
            if len(found) - had < NEW * WINDOW:
                break
            checked, had = looked, len(found)
        stage.step(actions)
        for _ in range(rng.integers(FEWEST, MOST + 1) - 1):
            stage.step(act(stage.observations, stage.first))
    images = np.stack([picture for picture, _ in found.values()])
    return Seen(images, np.array([action for _, action in found.values()], np.int64), list(found))


def _parted(seen: dict[Split, Seen]) -> dict[Split, Seen]:
    """Give every picture to one split, and keep as many of each as are wanted."""
    finders: dict[bytes, list[Split]] = {}
    for split, some in seen.items():
        for content in some.contents:
            finders.setdefault(content, []).append(split)
    rows = {
        split: [
            row for row, content in enumerate(some.contents) if _owner(content, finders[content]) == split
        ]
        for split, some in seen.items()
    }
    return {
        split: some.take(np.array(rows[split][: COUNTS[split]], np.int64)) for split, some in seen.items()
    }


def _owner(content: bytes, finders: list[Split]) -> Split:
    """Which of the splits that found a picture gets it: as good as random, by their sizes."""
    drawn = int.from_bytes(content[:6], "big") / 2**48 * sum(COUNTS[split] for split in finders)
    for split in finders:
        drawn -= COUNTS[split]
        if drawn < 0:
            return split
    return finders[-1]


def _labelled(name: str, seen: dict[Split, Seen], names: tuple[str, ...], first: int) -> Arrays:
    """Turn actions into labels, 0 for the first that occurs in training; ``first``: the smallest action."""
    learned = np.unique(seen["train"].actions)
    classes = ["frame"]
    if names:
        seen = {
            split: some.take(np.flatnonzero(np.isin(some.actions, learned))) for split, some in seen.items()
        }
        classes = [names[action - first] for action in learned]
    arrays: dict[str, np.ndarray] = {"classes": np.array(classes)}
    for split, some in seen.items():
        labels = np.searchsorted(learned, some.actions) if names else np.zeros(len(some.actions))
        arrays |= {f"{split}_images": some.images, f"{split}_labels": labels.astype(np.int64)}
    return {**arrays, "notes": np.array(_notes(name, seen), dtype=str)}


def _notes(name: str, seen: dict[Split, Seen]) -> list[str]:
    """What to say about how many pictures there are; raises Broken where a split has none."""
    counts = {split: len(some.images) for split, some in seen.items()}
    if not all(counts.values()):
        raise Broken(f"{name} looks the same all the time: {sum(counts.values())} different pictures")
    if all(counts[split] >= COUNTS[split] * 0.99 for split in SPLITS):
        return []
    return [f"{name} was seen in {sum(counts.values()):,} different ways only, and has no more pictures"]
