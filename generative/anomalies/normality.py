"""What is usual to a model, and how far a picture is from that: the score, and the statistics behind it.

The score of a picture x, which the model reconstructs as x̂, is the mean of two numbers:

    score(x) = ½ · (e(x) − mean e) / std e  +  ½ · (d(x) − mean d) / std d

    e(x) = log( ‖φ(x) − φ(x̂)‖² / (‖φ(x̂)‖² + floor) )     what the model cannot draw
    d(x) = mean distance of f(x) to the 5 nearest f of training pictures     what it has not seen the like of

Means and standard deviations are those of held-out normal pictures (the validation split of what the run
learned from), so that 0 is usual, 1 is as much more as usual pictures differ, and no unit decides.

e: φ are the deepest features of the encoder's backbone. Compared pixel by pixel, a stroke that is a little
thick counts like one that is missing; features compare what is there (Dosovitskiy and Brox 2016). A picture
with much on it has a larger error than an empty one, however usual both are: the error is relative. It is so
to the reconstruction, or what the model leaves out would excuse itself. The floor, a hundredth of the mean of
training pictures, is for reconstructions of nothing. The logarithm is there because errors differ by factors.

d: f(x) is the code together with mean and standard deviation of each channel of the backbone at every scale.
Strangers may share their code with something usual - it holds only what was needed for usual pictures - but
rarely the edges on the way to it as well. Distances are Mahalanobis's (1936): of the training pictures'
covariance, shrunk (Ledoit and Wolf 2004), so that directions in which usual pictures hardly differ count
most, and one that was poorly measured does not count without limit. They are taken to neighbours instead of
the mean, as usual pictures need not be of one kind.

Both count the same: nothing is known about the anomalies to come, so nothing could say which to trust more.
No picture that is not normal, and no label besides which are, has a part in any of these numbers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from generative.anomalies.parts import Parts, parts_of
from generative.autoencoder import Autoencoder
from generative.vae import VAE
from sandbox.core.errors import UsageError
from sandbox.core.files import write_atomically
from sandbox.core.run import Run
from sandbox.data.pictures import Pictures, subset

FILE = "normality.safetensors"
SCHEMA = "sandbox.normality/1"
NEIGHBOURS, NEAREST = 5_000, 5
"""training pictures that are kept, at most, and how many of them are looked at"""
FLOOR = 0.01
"""part of the mean ‖φ(x̂)‖² of training pictures that is added to each"""
_BATCH = 500


@dataclass(frozen=True, eq=False)
class Scores:
    """Of n pictures."""

    score: Tensor
    """(n,) float32: how unusual; see the module"""
    error: Tensor
    """(n,) float32: e"""
    distance: Tensor
    """(n,) float32: d"""


@dataclass(frozen=True, eq=False)
class Normality:
    """What is usual to a model with certain weights."""

    weights: str
    """what identifies them, see `generative.compression.coding.weights_sum`"""
    strength: float
    """the mean of ‖φ(x̂)‖² over training pictures"""
    mean: Tensor
    """(features,) float32: the mean of the training pictures' features"""
    whitening: Tensor
    """(features, features) float32: W with W Wᵀ the inverse of their shrunk covariance"""
    known: Tensor
    """(pictures, features) float16: whitened features of some of them"""
    errors: Tensor
    """(held out,) float32: e of held-out normal pictures"""
    distances: Tensor
    """(held out,) float32: d of the same pictures"""

    def scores(self, parts: Parts) -> Scores:
        """How unusual pictures are."""
        error = self._error(parts)
        distance = self._distance(parts.features)
        return Scores(self._score(error, distance), error, distance)

    @property
    def usual(self) -> Tensor:
        """The scores of the held-out normal pictures, rising: (held out,) float32."""
        return self._score(self.errors, self.distances).sort().values

    def limit(self, part: float) -> float:
        """The score that a `part` of the held-out normal pictures stays below."""
        return float(self.usual.quantile(part))

    def as_unusual(self, scores: Tensor) -> Tensor:
        """For each score (n,), the part of the held-out pictures that are at least as unusual: (n,)."""
        usual = self.usual
        below = torch.searchsorted(usual, scores.contiguous())  # (n,)
        return 1 - below.float() / len(usual)

    def _score(self, error: Tensor, distance: Tensor) -> Tensor:
        return (_standardised(error, self.errors) + _standardised(distance, self.distances)) / 2

    def _error(self, parts: Parts) -> Tensor:
        relative = parts.error / (parts.strength + FLOOR * self.strength).clamp_min(1e-12)
        return relative.clamp_min(1e-12).log()

    def _distance(self, features: Tensor) -> Tensor:
        known = self.known.float()
        nearest = min(NEAREST, len(known))
        white = (features - self.mean) @ self.whitening
        found = [
            torch.cdist(part, known).topk(nearest, largest=False).values.mean(1)
            for part in white.split(_BATCH)
        ]
        return torch.cat(found)


def _standardised(values: Tensor, usual: Tensor) -> Tensor:
    return (values - usual.mean()) / usual.std().clamp_min(1e-6)


def measure_normality(
    model: Autoencoder | VAE, learned: Pictures, held_out: Pictures, weights: str
) -> Normality:
    """Compute the statistics anew.

    Args:
        model: in evaluation mode.
        learned: normal pictures that it learned from.
        held_out: normal pictures that it did not learn from.
        weights: what identifies the model's weights.

    Raises:
        UsageError: there are too few pictures.
    """
    if len(learned) < 2 or len(held_out) < 2:
        raise UsageError(
            f"{len(learned)} training and {len(held_out)} validation pictures are too few to know what is "
            "usual: it takes two of each"
        )
    parts = parts_of(model, learned if len(learned) <= NEIGHBOURS else subset(learned, NEIGHBOURS))
    mean, whitening = whitening_of(parts.features)
    white = (parts.features - mean) @ whitening
    nothing = torch.zeros(0)
    strength = float(parts.strength.mean())
    found = Normality(weights, strength, mean, whitening, white.half(), nothing, nothing)
    seen = parts_of(model, held_out)
    errors, distances = found._error(seen), found._distance(seen.features)
    return Normality(weights, strength, mean, whitening, found.known, errors, distances)


def whitening_of(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (features,), and W (features, features) with W Wᵀ the inverse of the shrunk covariance.

    Args:
        features: (n, features), n at least 2.
    """
    from sklearn.covariance import ledoit_wolf

    exact = features.double()
    mean = exact.mean(0)
    # Each in units of its own spread first: what is shrunk towards equal variances has to have equal units.
    unit = exact.std(0).clamp_min(1e-6)
    covariance, _ = ledoit_wolf(((exact - mean) / unit).numpy(), assume_centered=True)
    spread, directions = torch.linalg.eigh(torch.from_numpy(covariance))
    white = directions / spread.clamp_min(1e-6).sqrt()  # the columns are the directions
    return mean.float(), (white / unit[:, None]).float()


def write_normality(run: Run, found: Normality) -> None:
    """Keep it with the run; raises OSError where the run cannot be written."""
    tensors = {name: getattr(found, name).contiguous() for name in _TENSORS}
    about = {"weights": found.weights, "strength": found.strength}
    write_atomically(run.path / FILE, save(tensors, {SCHEMA: json.dumps(about)}))


_TENSORS = ("mean", "whitening", "known", "errors", "distances")


def kept_normality(run: Run, weights: str) -> Normality | None:
    """What the run keeps for these weights; None where that is nothing, of other weights, or damaged."""
    try:
        with safe_open(run.path / FILE, "pt") as file:
            about: Any = json.loads((file.metadata() or {})[SCHEMA])
            tensors = {name: file.get_tensor(name) for name in _TENSORS}
        found = Normality(str(about["weights"]), float(about["strength"]), **tensors)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
    return found if found.weights == weights and _sound(found) else None


def _sound(found: Normality) -> bool:
    features, held_out = found.mean.shape, found.errors.shape
    shapes = found.whitening.shape == (*features, *features) and found.known.shape[1:] == features
    counts = found.distances.shape == held_out and len(found.errors) > 1 and len(found.known) > 0
    return shapes and counts and all(getattr(found, name).isfinite().all() for name in _TENSORS)
