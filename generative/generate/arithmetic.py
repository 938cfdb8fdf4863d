"""Sums and differences of the mean latents of classes, decoded ("concept arithmetic").

With words it made *queen* of *king − man + woman* (Mikolov et al. 2013), with faces glasses (Radford et al.
2016). Terms count from the mean of all pictures: m + Σ ± (mean of the class − m). Where signs sum to 1, as
in 9 − 4 + 7, m drops out, and this is the plain sum; where they do not, the result stays among the pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from generative.generate.codes import Codes
from generative.generate.formula import Term


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
