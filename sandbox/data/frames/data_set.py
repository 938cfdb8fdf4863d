"""Pictures of an environment that is played: ``frames:ENV``, ``frames:ENV@expert``, ``frames:ENV@RUN``."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from pathlib import Path

import gymnasium
import torch

from sandbox import __version__
from sandbox.core.errors import UsageError
from sandbox.data.form import CHANNELS, Form, check_room
from sandbox.data.frames.players import EXPERT, run_player
from sandbox.data.frames.playing import COPIES, COUNTS, play
from sandbox.data.frames.stage import SIDE, environment_of, ours
from sandbox.data.parsed import Arrays, kept
from sandbox.data.pictures import SPLITS, Dataset, Pictures

VERSION = 1
"""of what the cache keeps; goes up when the same name gives other frames than before"""


def canonical_source(text: str) -> str:
    """``ENV`` or ``ENV@PLAYER`` in full: the environment's name, and the run's path.

    Raises:
        EnvironmentNotFound, RunNotFound: There is no such environment or run.
        UsageError: The environment has no expert, or a name is missing.
    """
    environment, at, player = text.partition("@")
    name = environment_of(environment)
    if not at:
        return name
    if not player:
        raise UsageError(f"frames:{text}: who plays?", hint=f"frames:{name}, frames:{name}@expert or …@RUN")
    if player == EXPERT:
        if ours(name) is None:
            raise UsageError(f"{name} has no expert", hint=f"frames:{name}, or frames:{name}@RUN")
        return f"{name}@{player}"
    from sandbox.core.runs import find_run

    return f"{name}@{find_run(player).path.resolve()}"


def read_frames(text: str, form: Form) -> Dataset:
    """Play an environment and keep some of what is seen: 10 000, 1 000 and 1 000 pictures.

    Nobody named, chance plays, and all pictures are of one class, ``frame``. An expert's or a policy's
    pictures are labelled with the action that was taken on seeing them, if actions are discrete, so that a
    classifier learns to imitate. Actions that never occur are no classes. A run's policy is opened by
    its kind in the table of plugins, so that nothing of the agents is known here; see `run_player`.

    Ours show what an agent sees, 40×40 in colour; others what people see, scaled. Several steps lie between
    two pictures of an episode. The splits come from episodes of their own, with other seeds. A picture is
    kept once: one that comes up in several splits, as the start of every game may, is given to one of them by
    its content. So an environment that cannot look in so many ways gives fewer pictures, and a note.

    The same name gives the same pictures; they are kept in the cache.

    Args:
        text: ``ENV`` or ``ENV@PLAYER``.
        form: Size and colours, if not those.

    Raises:
        EnvironmentNotFound, RunNotFound: There is no such environment or run.
        UsageError: The player does not fit the environment, or it cannot be seen.
        Broken: It shows next to nothing.
        Refused: The pictures do not fit into the memory.
    """
    environment, _, who = text.partition("@")
    name = environment_of(environment)
    shape = (CHANNELS[form.colours or "colour"], form.size or SIDE, form.size or SIDE)
    check_room(sum(COUNTS.values()), shape, COPIES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # environments remark on themselves
        source = canonical_source(text)
        arrays = kept(*_key(source, shape), lambda: play(name, who, shape, run_player))
    return _dataset(source, arrays)


def _key(source: str, shape: tuple[int, int, int]) -> tuple[str, str]:
    """The name in the cache, and a key with everything that decides the pictures."""
    name, _, who = source.partition("@")
    slug = re.sub(r"[^A-Za-z0-9]+", "-", f"{name}-{Path(who).name}").strip("-")[:60]
    short = hashlib.sha256(f"{source} {shape}".encode()).hexdigest()[:8]
    marks = [Path(who, mark) for mark in ("BEST", "LAST")] if Path(who).is_absolute() else []
    policy = [(mark.read_text(), mark.stat().st_mtime_ns) for mark in marks if mark.is_file()]
    parts = [VERSION, __version__, gymnasium.__version__, source, shape, COUNTS, policy]
    return f"frames-{slug}-{short}", json.dumps(parts)


def _dataset(source: str, arrays: Arrays) -> Dataset:
    name, _, who = source.partition("@")
    classes = tuple(str(one) for one in arrays["classes"])

    def pictures(split: str) -> Pictures:
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        return Pictures(torch.from_numpy(images), torch.from_numpy(labels), classes)

    content = hashlib.sha256()
    for split in SPLITS:
        content.update(arrays[f"{split}_images"].tobytes() + arrays[f"{split}_labels"].tobytes())
    player = {"": "chance", EXPERT: "its expert"}.get(who, Path(who).name)
    return Dataset(
        f"frames:{source}",
        *(pictures(split) for split in SPLITS),
        summary=f"{name}, played by {player}",
        source=f"made here, by playing {name}",
        licence="yours",
        sums={"frames": content.hexdigest()},
        notes=tuple(str(note) for note in arrays["notes"]),
    )
