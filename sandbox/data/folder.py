"""Pictures of one's own: ``folder:PATH``, with a folder for each class."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from sandbox.core.errors import Broken, NotFound
from sandbox.data.folder_listing import Example, File, Listing, canonical_path, list_folder
from sandbox.data.form import CHANNELS, Form, check_room
from sandbox.data.parsed import Arrays, kept
from sandbox.data.picture_file import (
    NoPicture,
    check_size,
    opened,
    read_picture,
    read_pixels,
)
from sandbox.data.pictures import SPLITS, Dataset, Pictures

__all__ = ["canonical_path", "read_folder", "read_picture"]

SIZE = 64
"""of pictures, if none is asked for, and they do not share a smaller one"""
VERSION = 1
"""of what the cache keeps; goes up when pictures are read otherwise than before"""
AT_ONCE = 1_024
"""files given to the threads, so that Ctrl-C and a short memory do not wait for all"""


def read_folder(text: str, form: Form, data_dir: Path | None = None) -> Dataset:
    """Read the pictures in the folder that ``text`` names: one folder for each class.

    **Which learn, which choose, which report.** Either PATH/<class>/… or PATH/train/<class>/…,
    PATH/valid/<class>/… (or validation, or val) and PATH/test/<class>/…, all with the same classes.

    - With train, valid and test: as they are named.
    - With train and valid: train learns; of each class in valid the first half, in the order of file names,
      chooses, and the second reports.
    - With train and test: of each class in train the first 80 % learn and the last 20 % choose.
    - Without: of each class the first 64 % learn, the next 16 % choose and the last 20 % report.

    Always in unbroken blocks of the natural order of file names (IMG_2 before IMG_10), because neighbours,
    such as a burst of photographs or one person's, belong together: cut at random, a test picture would
    have its twin in training.

    **Which files.** All in the folder of a class, and in folders below it, that Pillow can read, whatever
    they are called; hidden ones and other files are passed over. One that is called a picture and is none is
    skipped, and `Dataset.notes` says so.

    **How.** See `read_picture`. The size is 64, unless all pictures are squares of one smaller size: then it
    is theirs. In colour, unless no picture has any.

    Args:
        text: The folder.
        form: What differs from that.
        data_dir: Where there is no folder at its place any more: the folder, or one that holds it.

    Raises:
        NotFound: There is no such folder.
        UsageError: It is a file.
        Broken: It has no classes, a class without pictures, or too few for three splits.
        Refused: The pictures do not fit into the memory, or a folder cannot be read.
    """
    root = _moved(text, data_dir)
    with warnings.catch_warnings():
        # Of the pictures' size, which is checked, and of their EXIF data, which may be wrong.
        warnings.simplefilter("ignore")
        listing = list_folder(root)
        name, key = f"folder-{_slug(root)}-{_short_sum(f'{root} {form}')}", _key(listing)
        size = form.size or int(kept(f"{name}-size", key, lambda: _common_size(listing))["size"])
        check_room(len(listing.everything), (CHANNELS[form.colours or "colour"], size, size))
        arrays = kept(name, f"{size} {key}", lambda: _decode(listing, size, form))
    return _dataset(root, arrays)


def _moved(text: str, data_dir: Path | None) -> Path:
    try:
        return canonical_path(text)
    except NotFound:
        if data_dir is None or not data_dir.is_dir():
            raise
        inside = data_dir / Path(text).name
        return canonical_path(str(inside if inside.is_dir() else data_dir))


def _dataset(root: Path, arrays: Arrays) -> Dataset:
    classes = tuple(str(name) for name in arrays["classes"])
    images, labels = torch.from_numpy(arrays["images"]), torch.from_numpy(arrays["labels"])
    ends = np.cumsum(arrays["counts"]).tolist()
    parts = [
        Pictures(images[start:end], labels[start:end], classes)
        for start, end in zip([0, *ends[:-1]], ends, strict=True)
    ]
    return Dataset(
        f"folder:{root}",
        *parts,
        summary=f"pictures in {root.name}/",
        source=str(root),
        licence="not known",
        sums={"pictures": str(arrays["sum"])},
        notes=tuple(str(note) for note in arrays["notes"]),
    )


class Decoded(NamedTuple):
    """What became of one file."""

    problem: str | None
    """why it is skipped"""
    content: str = ""
    """sha256"""
    coloured: bool = False


def _decode(listing: Listing, size: int, form: Form) -> Arrays:
    """Read all pictures: images (n, channels, size, size), labels (n,), counts (3,) of the splits, texts."""
    examples = listing.everything
    channels = CHANNELS[form.colours or "colour"]
    images = np.empty((len(examples), channels, size, size), np.uint8)
    results = _read_all(examples, images)
    good = np.array([result.problem is None for result in results])
    splits = np.repeat(np.arange(3), [len(getattr(listing, split)) for split in SPLITS])
    labels = np.array([example.label for example in examples], np.int64)
    _check_left(listing, labels[good], splits[good], results)
    if form.colours is None and not any(result.coloured for result in results):
        channels = 1
    _keep(images, np.flatnonzero(good), channels)
    notes = [*listing.notes, *_skipped(examples, results), *_leaks(examples, results, splits)]
    return {
        "images": images,
        "labels": labels[good],
        "counts": np.bincount(splits[good], minlength=3),
        "classes": np.array(listing.classes),
        "sum": np.array(_sum(examples, results)),
        "notes": np.array(notes, dtype=str),
    }


def _read_all(examples: Sequence[Example], images: np.ndarray) -> list[Decoded]:
    """Read every file into its row of ``images`` (n, channels, height, width), on all cores."""

    def read(row: int) -> Decoded:
        return _read(examples[row].file, images[row])

    results: list[Decoded] = []
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
        for start in range(0, len(examples), AT_ONCE):
            results += pool.map(read, range(start, min(start + AT_ONCE, len(examples))))
    return results


def _read(file: File, out: np.ndarray) -> Decoded:
    """Read one file into ``out`` (channels, height, width)."""
    if file.size == 0:
        return Decoded("it is empty")
    try:
        with file.path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
            content.seek(0)
            out[:] = read_pixels(content, out.shape)  # type: ignore[arg-type] # of three numbers
    except NoPicture as error:
        return Decoded(str(error))
    except OSError as error:
        return Decoded(f"it cannot be read: {error.strerror or error}")
    return Decoded(None, digest, bool((out != out[:1]).any()))


def _keep(images: np.ndarray, rows: np.ndarray, channels: int) -> None:
    """Keep of ``images`` those at ``rows``, in their order, and the first ``channels`` of each.

    They are moved together where they lie: for a second copy there may be no memory.
    """
    shape = (len(rows), channels, *images.shape[2:])
    packed = images.reshape(-1)[: math.prod(shape)].reshape(shape)
    for to, row in enumerate(rows.tolist()):
        packed[to] = images[row, :channels]  # never beyond the end of ``row``
    images.resize(shape, refcheck=False)


def _common_size(listing: Listing) -> Arrays:
    """``size``: the side of all pictures, if they are squares of one size up to `SIZE`; else `SIZE`."""
    common = None
    for example in listing.everything:
        try:
            with opened(example.file.path) as image:
                check_size(image)
                width, height = image.size
        except (NoPicture, OSError):
            continue
        if width != height or not 1 < width <= SIZE or common not in (None, width):
            return {"size": np.array(SIZE)}
        common = width
    return {"size": np.array(common or SIZE)}


def _check_left(listing: Listing, labels: np.ndarray, splits: np.ndarray, results: list[Decoded]) -> None:
    """Refuse a class without a picture to learn from, and a split without any."""
    learned = np.bincount(labels[splits == 0], minlength=len(listing.classes))
    for label in np.flatnonzero(learned == 0):
        reason = next(
            result.problem
            for example, result in zip(listing.everything, results, strict=True)
            if example.label == label and result.problem
        )
        raise Broken(f"no picture of the class {listing.classes[label]!r} can be used: {reason}")
    for number, split in enumerate(SPLITS):
        if not (splits == number).any():
            raise Broken(
                f"{len(splits):,} pictures are too few: none is left for {split}",
                hint="have five or more of each class",
            )


def _skipped(examples: Sequence[Example], results: list[Decoded]) -> list[str]:
    bad = [(one.file.name, result.problem) for one, result in zip(examples, results, strict=True)]
    told = [f"{name} ({problem})" for name, problem in bad if problem]
    if not told:
        return []
    among = ", among them " if len(told) > 3 else ": "
    return [f"{_files(len(told))} skipped{among}{', '.join(told[:3])}"]


def _leaks(examples: Sequence[Example], results: list[Decoded], splits: np.ndarray) -> list[str]:
    """A note about files that stand, byte for byte, in an earlier split too."""
    first: dict[str, int] = {}
    leaked: list[str] = []
    for example, result, split in zip(examples, results, splits.tolist(), strict=True):
        if result.problem is None and first.setdefault(result.content, split) != split:
            leaked.append(example.file.name)
    if not leaked:
        return []
    what = f"{_files(len(leaked))} for validation or test equal to one in an earlier split"
    return [f"{what}, as {leaked[0]}: scores will flatter"]


def _files(count: int) -> str:
    return "1 file is" if count == 1 else f"{count:,} files are"


def _sum(examples: Sequence[Example], results: list[Decoded]) -> str:
    """One sha256 over the sorted names and contents of the pictures that are used."""
    used = [
        (one.file.name, result.content)
        for one, result in zip(examples, results, strict=True)
        if result.content
    ]
    text = "".join(f"{content}  {name}\n" for name, content in sorted(used))
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _key(listing: Listing) -> str:
    """What the cache is keyed by: what decides the pictures, but for their size and the files' contents."""
    from PIL import __version__

    parts = [
        [(one.file.name, one.file.size, one.file.changed) for one in getattr(listing, split)]
        for split in SPLITS
    ]
    return json.dumps([VERSION, __version__, listing.classes, parts])


def _slug(root: Path) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", root.name).strip("-")[:40] or "pictures"


def _short_sum(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:8]
