"""The pictures that a person names one by one: of a class, from the test data, or in a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from generative.generate.codes import chosen_row
from generative.opened import Shape
from sandbox.core.errors import Broken, NotFound, UsageError
from sandbox.core.spelling import suggest
from sandbox.data.pictures import Pictures

TEST = "test:"


@dataclass(frozen=True, eq=False)
class End:
    """One picture, such as one end of a way."""

    name: str
    """for people"""
    picture: Tensor
    """(channels, height, width) uint8"""
    label: int | None
    """the class, as an index; None where nobody knows"""


def find_end(
    word: str, pictures: Pictures, classes: Sequence[str], seed: int, side: str, *, ink: bool = True
) -> End:
    """The picture that a word means: a class's, ``test:17``, or that in a file.

    Args:
        pictures: for testing, of `classes`.
        classes: that were learned from.
        seed: chooses among the pictures of a class.
        side: in words; both ends of a way may be of one class.
        ink: see `in_file`; without it a file is scaled and cropped, as a folder of pictures is.

    Raises:
        UsageError: it means nothing, or there is no such test picture.
        NotFound, Broken: there is no such file, or it is no picture.
    """
    folded = [name for name in classes if name.casefold() == word.casefold()]
    name = word if word in classes else folded[0] if len(folded) == 1 else None
    if name is not None:
        label = pictures.classes.index(name)
        row = chosen_row(pictures, label, seed, side)
        return End(f"{name} ({TEST}{row})", pictures.images[row], label)
    if word.startswith(TEST):
        row = _row(word, len(pictures))
        return End(word, pictures.images[row], int(pictures.labels[row]))
    if not _may_be_file(word):
        close = suggest(word, classes)
        raise UsageError(
            f"{word!r} is no class and no file" + (f": did you mean {close!r}?" if close else ""),
            hint=f"a picture file, a test picture such as {TEST}17, or a class: {', '.join(classes)}",
        )
    return in_file(word, pictures.shape, pictures if ink else None)


def in_file(word: str, shape: Shape, pictures: Pictures | None = None) -> End:
    """The picture in a file, as the model sees it.

    Args:
        shape: (channels, height, width) that it is brought to.
        pictures: of the model's data; where all of them are written with ink and cut out, a photo is, too.

    Raises:
        UsageError: it is no name of a file.
        NotFound, Broken: there is no such file, or it is no picture.
    """
    from sandbox.supervised.prediction.given import Skipped, read_given
    from sandbox.supervised.prediction.ink import ink_form

    if not _may_be_file(word):
        raise UsageError(f"{word!r} is no file, and the model's data are not known", hint="a picture file")
    path = Path(word).expanduser()
    form = None if pictures is None else ink_form(pictures.images.numpy())
    found = read_given(str(path), path, shape, form, drawn=False)
    if isinstance(found, Skipped):
        error = NotFound if not path.exists() else Broken
        raise error(f"{path} cannot be used: {found.why}", hint="use a picture such as JPEG or PNG")
    return End(path.name, torch.from_numpy(found.seen.copy()), None)


def _may_be_file(word: str) -> bool:
    path = Path(word).expanduser()
    return path.exists() or bool(path.suffix) or path.name != word


def _row(word: str, count: int) -> int:
    number = word.removeprefix(TEST)
    if not (number.isascii() and number.isdecimal() and int(number) < count):
        raise UsageError(f"{word!r} is no test picture", hint=f"they are {TEST}0 to {TEST}{count - 1}")
    return int(number)
