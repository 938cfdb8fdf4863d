"""Whether a classifier may be trusted with a picture: is it anything like what it learned from?

A network answers to noise as surely as to a digit. What it made of the picture, the input of its last linear
layer, tells them apart: how far is the nearest training picture there (Sun et al. 2022, arXiv:2204.06507, but
with a single neighbour, and lengths count as well as angles)? How large such distances are for pictures of
the same kind, and how often answers at such a distance are right, is known from the validation split. It is
computed once and kept with the run.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from sandbox.core.files import write_atomically
from sandbox.core.run import Run
from sandbox.data.pictures import Pictures, subset
from sandbox.nn.batches import to_model
from sandbox.supervised.calibration import fit_temperature, flattened
from sandbox.supervised.models import Classifier
from sandbox.supervised.prediction.ink import InkForm, ink_form

FILE = "familiarity.safetensors"
SCHEMA = "sandbox.familiarity/1"
NEIGHBOURS, VALIDATED, MOST_NUMBERS = 4_000, 2_000, 8_000_000
"""training pictures to be near to, validation pictures to compare with, and numbers kept, at most"""
FAMILIAR = 0.99
"""the part of the validation pictures that counts as familiar"""
DOUBT = 10
"""pictures, answered by chance, that are added to those from which it is counted what a distance earned"""
_BATCH = 500


@dataclass(frozen=True, eq=False)
class Familiarity:
    """What is known of a classifier besides its weights: how sure it may be, and of what."""

    step: int
    """of the checkpoint that it was computed for"""
    temperature: float
    """divides the logits (see `fit_temperature`)"""
    neighbours: Tensor
    """(pictures, features) float16: some of what it learned from, in `unit`s"""
    unit: float
    """the mean length of their features, so that 16 bits suffice"""
    distances: Tensor
    """(pictures,) float32: those of validation pictures, rising"""
    right: Tensor
    """(pictures,) bool: whether they were answered right"""
    ink: InkForm | None
    """the form in which all its pictures hold handwriting, if they do"""

    @property
    def farthest(self) -> float:
        """The distance up to which pictures are familiar."""
        return float(self.distances.quantile(FAMILIAR))

    def distance(self, features: Tensor) -> Tensor:
        """1 − Tanimoto's coefficient to the nearest of the neighbours: (batch, features) -> (batch,) float32.

        For a and b that is a·b / (|a|² + |b|² − a·b): 1 for equal ones, less where angle or length differ.
        """
        known, squares = self._known
        nearest = []
        for part in (features.float().cpu() / self.unit).split(_BATCH):
            common = part @ known.T  # (batch, pictures)
            apart = part.square().sum(1, keepdim=True) + squares - common
            nearest.append(1 - (common / apart.clamp_min(1e-12)).amax(1))
        return torch.cat(nearest)

    @cached_property
    def _known(self) -> tuple[Tensor, Tensor]:
        """The neighbours (pictures, features) float32, and their squared lengths (pictures,)."""
        known = self.neighbours.float()
        return known, known.square().sum(1)

    def as_far(self, distance: float) -> float:
        """The part of the validation pictures that are at least as far."""
        return float((self.distances >= distance).float().mean())

    def earned(self, distance: float, classes: int) -> float:
        """How sure answers at this distance may be: the part of the validation pictures, at least as far,
        that were answered right, with `DOUBT` more of which chance has its part. Beyond all of them: chance.
        """
        beyond = self.right[self.distances >= distance]
        part = (float(beyond.sum()) + DOUBT / classes) / (len(beyond) + DOUBT)
        return max(part, 1 / classes)

    def tempered(self, scores: Tensor, distance: float) -> tuple[Tensor, bool]:
        """Probabilities (classes,) of log-probabilities, and whether the picture is familiar.

        Where it is not, they are flattened by a higher temperature until none exceeds what was earned.
        """
        if distance <= self.farthest:
            return scores.exp(), True
        return flattened(scores, self.earned(distance, len(scores))), False


@torch.inference_mode()
def seen(model: Classifier, images: Tensor) -> tuple[Tensor, Tensor]:
    """What a classifier makes of pictures: the input of its last linear layer, and its logits.

    Args:
        model: in evaluation mode, with one linear layer at least.
        images: (n, channels, height, width) uint8.

    Returns:
        (n, features) and (n, classes), float32 on the CPU.
    """
    last = [part for part in model.modules() if isinstance(part, nn.Linear)][-1]
    device = next(model.parameters()).device
    generator = torch.Generator(device)  # nothing is drawn
    kept: list[Tensor] = []

    def keep(_layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        kept.append(inputs[0].flatten(1).float().cpu())

    hook = last.register_forward_pre_hook(keep)
    try:
        logits = [
            model(to_model(part.to(device), None, generator)).float().cpu() for part in images.split(_BATCH)
        ]
    finally:
        hook.remove()
    return torch.cat(kept), torch.cat(logits)


def measure_familiarity(model: Classifier, learned: Pictures, validation: Pictures, step: int) -> Familiarity:
    """Compute it anew, for a model in evaluation mode, what it learned from and what chose its weights."""
    probe, _ = seen(model, learned.images[:1])
    rows = max(1, min(NEIGHBOURS, len(learned), MOST_NUMBERS // probe.shape[1]))
    near, _ = seen(model, subset(learned, rows).images)
    unit = max(float(near.norm(dim=1).mean()), 1e-12)
    checked = subset(validation, min(VALIDATED, len(validation)))
    features, logits = seen(model, checked.images)
    labels = checked.labels.cpu()
    found = Familiarity(
        step,
        fit_temperature(logits, labels),
        (near / unit).half(),
        unit,
        torch.zeros(0),
        torch.zeros(0, dtype=torch.bool),
        ink_form(validation.images.cpu().numpy()),
    )
    distances, order = found.distance(features).sort()
    return dataclasses.replace(found, distances=distances, right=(logits.argmax(1) == labels)[order])


def keep_familiarity(
    run: Run, model: Classifier, learned: Pictures, validation: Pictures, step: int
) -> Familiarity:
    """Compute it and write it into the run, as `familiarity.safetensors`."""
    found = measure_familiarity(model.eval(), learned, validation, step)
    write_familiarity(run, found)
    return found


def write_familiarity(run: Run, found: Familiarity) -> None:
    """Keep it with the run; raises OSError where the run cannot be written."""
    ink = None if found.ink is None else dataclasses.asdict(found.ink)
    about = {"step": found.step, "temperature": found.temperature, "unit": found.unit, "ink": ink}
    tensors = {
        "neighbours": found.neighbours,
        "distances": found.distances,
        "right": found.right.to(torch.uint8),
    }
    write_atomically(run.path / FILE, save(tensors, {SCHEMA: json.dumps(about)}))


def kept_familiarity(run: Run, step: int) -> Familiarity | None:
    """What the run keeps for this step; None where that is nothing, of another step, or damaged."""
    try:
        with safe_open(run.path / FILE, "pt") as file:
            about: Any = json.loads((file.metadata() or {})[SCHEMA])
            parts = {name: file.get_tensor(name) for name in ("neighbours", "distances", "right")}
        ink = None if about["ink"] is None else InkForm(**about["ink"])
        found = Familiarity(
            int(about["step"]),
            float(about["temperature"]),
            parts["neighbours"],
            float(about["unit"]),
            parts["distances"].float(),
            parts["right"].bool(),
            ink,
        )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
    fits = found.neighbours.ndim == 2 and found.distances.shape == found.right.shape and len(found.distances)
    sound = found.temperature > 0 and found.unit > 0
    return found if fits and sound and found.step == step else None
