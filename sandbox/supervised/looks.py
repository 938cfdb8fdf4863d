"""How a classifier looks at pictures: once as they are, or several times, altered a little each time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from sandbox.core.errors import UsageError
from sandbox.core.seeding import derive_seed
from sandbox.nn.batches import Augment, to_model
from sandbox.supervised.models import Classifier

MOST_COPIES = 1000


@dataclass(frozen=True)
class Looks:
    """Test-time augmentation: the mean of the probabilities of a picture and of altered copies of it.

    Raises:
        UsageError: an impossible number of copies.
    """

    copies: int = 0
    """besides the picture itself"""
    augment: Augment | None = None
    """how copies are altered; needed where there are some"""
    seed: int = 0
    """decides how the copies are altered"""

    def __post_init__(self) -> None:
        if not 0 <= self.copies <= MOST_COPIES:
            raise UsageError(f"--tta must be between 0 and {MOST_COPIES}, not {self.copies}")

    def generator(self, device: torch.device) -> torch.Generator:
        """A new generator, to be handed to `log_probabilities`; always the same for a seed."""
        return torch.Generator(device).manual_seed(derive_seed(self.seed, "looks"))

    def log_probabilities(
        self, model: Classifier, images: Tensor, generator: torch.Generator, temperature: float = 1.0
    ) -> Tensor:
        """Logarithms of probabilities (batch, classes) float32.

        Args:
            model: in evaluation mode.
            images: (batch, channels, height, width) uint8, on the model's device.
            generator: decides how copies are altered.
            temperature: divides the logits.
        """
        total = _log_softmax(model(to_model(images, None, generator)), temperature)
        for _ in range(self.copies):
            altered = to_model(images, self.augment, generator)
            total = torch.logaddexp(total, _log_softmax(model(altered), temperature))
        return total - torch.log(torch.tensor(self.copies + 1.0, device=total.device))


def looks_of(data: str, copies: int | None, seed: int) -> Looks:
    """So many copies, altered as suits the data set `data`."""
    if not copies:
        return Looks(copies or 0)
    from sandbox.data.augment import NONE, preset

    if preset(data) == NONE:
        raise UsageError(f"pictures of {data} are never altered, so that --tta would look at equal ones")
    return Looks(copies, preset(data), seed)


def _log_softmax(logits: Tensor, temperature: float) -> Tensor:
    return F.log_softmax(logits.float() / temperature, 1)
