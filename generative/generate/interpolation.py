"""From one picture to another through the space of latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from generative.generate.codes import chosen_row
from generative.passes import Coder, decoded, embedded, fitting_labels, unlabelled
from sandbox.core.errors import Broken, NotFound, UsageError
from sandbox.core.names import suggest
from sandbox.data.pictures import Pictures

TEST = "test:"


@dataclass(frozen=True, eq=False)
class End:
    """One end of the way."""

    name: str
    """for people"""
    picture: Tensor
    """(channels, height, width) uint8"""
    label: int | None
    """the class, as an index; None where nobody knows"""


def find_end(word: str, pictures: Pictures, classes: Sequence[str], seed: int, side: str) -> End:
    """The picture that a word means: a class's, ``test:17``, or that in a file.

    Args:
        pictures: for testing, of `classes`.
        classes: that were learned from.
        seed: chooses among the pictures of a class.
        side: in words; both ends may be of one class.

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
    path = Path(word).expanduser()
    if path.exists() or path.suffix or path.name != word:
        return End(path.name, _read(path, pictures), None)
    close = suggest(word, classes)
    raise UsageError(
        f"{word!r} is no class and no file" + (f": did you mean {close!r}?" if close else ""),
        hint=f"a picture file, a test picture such as {TEST}17, or a class: {', '.join(classes)}",
    )


def _row(word: str, count: int) -> int:
    number = word.removeprefix(TEST)
    if not (number.isascii() and number.isdecimal() and int(number) < count):
        raise UsageError(f"{word!r} is no test picture", hint=f"they are {TEST}0 to {TEST}{count - 1}")
    return int(number)


def _read(path: Path, pictures: Pictures) -> Tensor:
    """A picture as the model sees it; a photo of handwriting is cut out where all pictures were."""
    from sandbox.supervised.prediction.given import Skipped, read_given
    from sandbox.supervised.prediction.ink import ink_form

    found = read_given(str(path), path, pictures.shape, ink_form(pictures.images.numpy()), drawn=False)
    if isinstance(found, Skipped):
        error = NotFound if not path.exists() else Broken
        raise error(f"{path} cannot be used: {found.why}", hint="use a picture such as JPEG or PNG")
    return torch.from_numpy(found.seen.copy())


def way(
    model: Coder, ends: tuple[End, End], learned: tuple[str, ...], steps: int
) -> list[tuple[int | None, Tensor]]:
    """Pictures (steps, channels, height, width) uint8 on the straight line between the latents of two.

    A class-conditional model draws the whole way once as either class, where they differ: its latents say how
    something looks, and not what it is.

    Args:
        learned: the classes that were learned from; a picture of unknown class is taken for the one of them
            that fits best.

    Returns:
        (class, pictures) for each; class None where the model is not told any.
    """
    images = torch.stack([end.picture for end in ends])
    if not model.classes:
        return [(None, _line(model, unlabelled(images), None, steps))]
    guessed = fitting_labels(model, images, learned).tolist()
    labels = [guess if end.label is None else end.label for end, guess in zip(ends, guessed, strict=True)]
    pictures = Pictures(images, torch.tensor(labels), model.classes)
    return [(label, _line(model, pictures, label, steps)) for label in dict.fromkeys(labels)]


def _line(model: Coder, ends: Pictures, shown_as: int | None, steps: int) -> Tensor:
    """Both ends are encoded as what they are; all between is decoded as one class."""
    first, last = embedded(model, ends)
    latents = first + torch.linspace(0, 1, steps)[:, None] * (last - first)  # (steps, latent)
    return decoded(model, latents, None if shown_as is None else torch.full((steps,), shown_as))
