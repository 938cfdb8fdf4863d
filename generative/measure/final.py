"""What is measured when training ends."""

from __future__ import annotations

from typing import Any

import torch

from generative.autoencoder import Autoencoder
from generative.measure.bounds import collapse_warning, described, measure_bound
from generative.measure.fidelity import measure_fidelity
from generative.vae import VAE
from sandbox.data.pictures import Splits
from sandbox.ui.console import Console


def final_look(
    model: Autoencoder | VAE, splits: Splits, device: torch.device, console: Console
) -> dict[str, Any]:
    """Measure a trained model on the test pictures, or those of validation where there are no others.

    Args:
        model: on the device.
        console: is warned where a VAE's posterior has collapsed.

    Returns:
        The `evaluation` of run.json: split, n, and of an autoencoder mse, of a VAE nats, elbo and its terms.
    """
    split = "test" if len(splits.test) else "validation"
    pictures = getattr(splits, split)
    model.eval()
    found: dict[str, Any] = {"split": split, "n": len(pictures)}
    if isinstance(model, Autoencoder):
        return found | measure_fidelity(model, pictures, device).summary()
    bound = measure_bound(model, described(model, pictures), device)
    warning = collapse_warning(int(bound.active.sum()), len(bound.kl))
    if warning:
        console.note(f"warning: {warning}")
    return found | bound.summary()
