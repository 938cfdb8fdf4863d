"""What is measured when training ends."""

from __future__ import annotations

from typing import Any

import torch

from generative.autoencoder import Autoencoder
from generative.measure.bounds import collapse_warning, described, measure_bound
from generative.measure.fidelity import measure_fidelity
from generative.vae import VAE
from sandbox.data.pictures import Pictures
from sandbox.ui.console import Console


def final_look(
    model: Autoencoder | VAE, test: Pictures, device: torch.device, console: Console
) -> dict[str, Any]:
    """Measure a trained model on the test pictures.

    Args:
        model: on the device.
        test: the pictures.
        console: is warned where a VAE's posterior has collapsed.

    Returns:
        The `evaluation` of run.json: split, n, and of an autoencoder mse, of a VAE nats, elbo and its terms.
    """
    model.eval()
    found: dict[str, Any] = {"split": "test", "n": len(test)}
    if isinstance(model, Autoencoder):
        return found | measure_fidelity(model, test, device).summary()
    bound = measure_bound(model, described(model, test), device)
    warning = collapse_warning(int(bound.active.sum()), len(bound.kl))
    if warning:
        console.note(f"warning: {warning}")
    return found | bound.summary()
