"""Tuned settings for each model, and where it differs for a data set. Chosen on validation data alone."""

from __future__ import annotations

from typing import Any

from sandbox.core.plugins import DATA as OURS

COURSE: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "schedule": "constant",
    "batch_size": 32,
}
"""what an introductory course trains with"""

MODELS: dict[str, dict[str, Any]] = {
    "linear": {"epochs": 5, "fit": {"optimizer": "adam", "learning_rate": 1e-3, "schedule": "cosine"}},
    "mlp": {"epochs": 20, "fit": COURSE},
    "cnn": {"epochs": 20, "fit": COURSE},
    "backbone": {
        "epochs": 1,
        "fit": {
            "learning_rate": 0.01,
            "batch_size": 96,
            "weight_decay": 0.2,
            "beta2": 0.98,
            "ema_decay": 0.98,
        },
    },
    "hf": {
        "epochs": 10,
        "fit": {"learning_rate": 1e-3, "batch_size": 32, "weight_decay": 0.01, "ema_decay": 0.98},
    },
}

DATA: dict[tuple[str, str], dict[str, Any]] = {
    ("linear", "digits"): {"epochs": 50},
    ("mlp", "digits"): {"epochs": 30},
    ("backbone", "digits"): {"epochs": 40},
    ("backbone", "sign_mnist"): {"epochs": 10, "fit": {"ema_decay": 0.99}},
    ("backbone", "folder"): {"epochs": 20},
    ("backbone", "frames"): {"epochs": 10},
    ("cnn", "folder"): {"epochs": 30},
}
"""(model, data set, or "folder" or "frames") -> what differs; other packages' data sets are as folders are"""


def preset(model: str, data: str) -> dict[str, Any]:
    """Changes of the default config, as in a config file, and the budget as `epochs`."""
    kind = data.partition(":")[0]  # folder, frames, or the name itself
    if kind not in ("frames", *OURS):
        kind = "folder"
    base, own = MODELS.get(model, {}), DATA.get((model, kind), {})
    return {**base, **own, "fit": {**base.get("fit", {}), **own.get("fit", {})}}
