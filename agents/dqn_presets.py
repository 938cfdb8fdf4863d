"""Tuned settings of DQN, one entry a task."""

from __future__ import annotations

from typing import Any

DQN: dict[str, dict[str, Any]] = {
    "CartPole-v1": {
        "steps": 50_000,
        "envs": 16,
        "eval_every": 2_000,
        "settings": {
            "learning_rate": 1e-3,
            "buffer_size": 50_000,
            "learning_starts": 500,
            "batch_size": 256,
            "train_freq": 8,
            "target_update_interval": 500,
            "exploration_fraction": 0.2,
            "exploration_final_eps": 0.04,
            "double": True,
            "n_step": 3,
        },
    },
}
