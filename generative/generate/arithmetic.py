"""Sums and differences of the mean latents of classes, such as ``9-4+7``, decoded ("concept arithmetic").

With words it made *queen* of *king − man + woman* (Mikolov et al. 2013), with faces glasses (Radford et al.
2016). Terms count from the mean of all pictures: m + Σ ± (mean of the class − m). Where signs sum to 1, as
in 9 − 4 + 7, m drops out, and this is the plain sum; where they do not, the result stays among the pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from generative.generate.codes import Codes
from sandbox.core.errors import UsageError
from sandbox.core.names import resolve

SIGNS = {"+": 1, "-": -1, "−": -1, "–": -1}
QUOTES = ('"', "'")


class Term(NamedTuple):
    """A class that is added or taken away."""

    sign: int
    """1 or -1"""
    name: str


def parse_formula(text: str, classes: Sequence[str]) -> list[Term]:
    """The terms of a formula, in their order.

    Names are found by what classes there are: the longest one that fits is meant, so that of the classes
    "well", "done" and "well-done" ``well-done`` is the last, and ``well - done`` a difference. Case counts
    only where names differ in nothing else. Quotes around a name are allowed.

    Raises:
        UnknownName: a word is no class.
        UsageError: there is no term, or no sign between two.
    """
    terms: list[Term] = []
    rest = text.strip()
    while rest:
        sign = SIGNS.get(rest[0])
        if sign is None and terms:
            raise UsageError(f"{text!r}: there must be + or - before {rest!r}", hint=_example(classes))
        rest = rest if sign is None else rest[1:].lstrip()
        name, rest = _name(text, rest, classes)
        terms.append(Term(sign or 1, name))
        rest = rest.lstrip()
    if not terms:
        raise UsageError("the formula is empty", hint=_example(classes))
    return terms


def written(terms: Sequence[Term]) -> str:
    """A formula with its signs set as in print: ``9 − 4 + 7``."""
    parts = [f"{'+' if term.sign > 0 else '−'} {term.name}" for term in terms]
    return " ".join(parts).removeprefix("+ ")


@dataclass(frozen=True, eq=False)
class Sum:
    """What a formula comes to."""

    terms: Tensor
    """(terms, latent): the mean latents of each term's class"""
    result: Tensor
    """(latent,)"""
    nearest: str
    """the class whose mean is nearest to the result"""


def summed(codes: Codes, terms: list[Term], classes: Sequence[str]) -> Sum:
    """Evaluate a formula.

    Args:
        codes: of test pictures.
        terms: of the formula.
        classes: whose means the result may be nearest to.

    Raises:
        NotFound: a class of the formula has no test picture.
    """
    middle = codes.latents.mean(0)
    used = torch.stack([codes.mean_of(term.name) for term in terms])  # (terms, latent)
    signs = torch.tensor([float(term.sign) for term in terms])[:, None]
    result = middle + (signs * (used - middle)).sum(0)
    seen = [name for name in classes if (codes.pictures.labels == codes.pictures.classes.index(name)).any()]
    far = [float((codes.mean_of(name) - result).norm()) for name in seen]
    return Sum(used, result, seen[far.index(min(far))])


def _name(text: str, rest: str, classes: Sequence[str]) -> tuple[str, str]:
    """The class that `rest` begins with, and what stands behind it."""
    if rest[:1] in QUOTES and rest[1:].find(rest[0]) >= 0:
        inner, _, behind = rest[1:].partition(rest[0])
        return resolve(inner, classes, "class"), behind
    fitting = [name for name in classes if _begins(rest, name)]
    if fitting:
        # Of names that differ in their case alone, the one as it is written.
        longest = max(fitting, key=lambda name: (len(name), rest.startswith(name)))
        return longest, rest[len(longest) :]
    ends = [at for at in map(rest.find, SIGNS) if at >= 0]
    word = rest[: min(ends, default=len(rest))].strip()
    if not word:
        raise UsageError(f"{text!r}: there must be a class behind every + and -", hint=_example(classes))
    return resolve(word, classes, "class"), rest[len(word) :]


def _begins(rest: str, name: str) -> bool:
    """Whether `rest` begins with a name, and not with a longer word."""
    behind = rest[len(name) :]
    ends = not behind.strip() or behind[0].isspace() or behind[0] in SIGNS
    return ends and rest[: len(name)].casefold() == name.casefold()


def _example(classes: Sequence[str]) -> str:
    return f"such as '{' - '.join(classes[:2])}'; known: {', '.join(classes)}"
