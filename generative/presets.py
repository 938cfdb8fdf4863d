"""Tuned settings for each kind of model, and where it differs for a data set. Chosen on validation data."""

from __future__ import annotations

from collections.abc import Sequence
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
        "fit": {"batch_size": 128, "learning_rate": 3e-3, "beta2": 0.99, "clip_norm": 50.0},
    },
    "ddpm": {
        "epochs": 10,
        "guidance": 1.25,
        "fit": {
            "batch_size": 64,
            "learning_rate": 1e-2,
            "beta2": 0.95,
            "clip_norm": 1.0,
            "ema_decay": 0.998,
        },
    },
}

DATA: dict[tuple[str, str], dict[str, Any]] = {
    ("vae", "mnist"): {"likelihood": "bernoulli", "fit": {"learning_rate": 7e-3}},
    ("vae", "digits"): {"epochs": 200},
    ("autoencoder", "digits"): {"epochs": 200},
    ("ddpm", "digits"): {"epochs": 200},
}
"""(kind, data set, or "folder" or "frames") -> what differs"""


ONE_CLASS: dict[str, Any] = {
    "backbone": "tiny",
    "noise": 0.2,
    "epochs": 30,
    "fit": {"batch_size": 64, "learning_rate": 2e-3},
}
"""what differs for an autoencoder of one class: it is to find other things unusual, not to draw them well"""


def preset(kind: str, data: str, only: Sequence[str] = ()) -> dict[str, Any]:
    """Changes of the default config, as in a config file, and the budget as `epochs`.

    Args:
        kind: of model.
        data: name of the data set.
        only: classes to learn from.
    """
    found = {"fit": {}}
    own = DATA.get((kind, data.partition(":")[0]), {})
    for changes in (KINDS[kind], own, ONE_CLASS if kind == "autoencoder" and len(only) == 1 else {}):
        found = {**found, **changes, "fit": {**found["fit"], **changes.get("fit", {})}}
    return found
