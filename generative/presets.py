"""Tuned settings for each kind of model, and where it differs for a data set. Chosen on validation data."""

from __future__ import annotations

from typing import Any

KINDS: dict[str, dict[str, Any]] = {
    "autoencoder": {
        "epochs": 20,
        "fit": {"batch_size": 64, "learning_rate": 6e-3, "beta2": 0.99},
    },
    "vae": {
        "epochs": 20,
        "latent": 40,
        "hidden": 512,
        "fit": {"batch_size": 128, "learning_rate": 7e-3, "beta2": 0.99, "clip_norm": 50.0},
    },
}

DATA: dict[tuple[str, str], dict[str, Any]] = {
    ("vae", "mnist"): {"likelihood": "bernoulli"},
    ("vae", "digits"): {"epochs": 200},
    ("autoencoder", "digits"): {"epochs": 200},
}
"""(kind, data set, or "folder" or "frames") -> what differs"""


def preset(kind: str, data: str) -> dict[str, Any]:
    """Changes of the default config, as in a config file, and the budget as `epochs`."""
    base, own = KINDS[kind], DATA.get((kind, data.partition(":")[0]), {})
    return {**base, **own, "fit": {**base["fit"], **own.get("fit", {})}}
