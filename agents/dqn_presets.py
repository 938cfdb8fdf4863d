"""Tuned settings of DQN, one entry a task."""

from __future__ import annotations

from typing import Any

DQN: dict[str, dict[str, Any]] = {
    # Found by random search. What counts is the number of gradient steps: few, with one wide layer behind
    # normalised observations, eight steps at once and a target that follows closely.
    "CartPole-v1": {
        "steps": 50_000,
        "envs": 32,
        "eval_every": 2_000,
        "settings": {
            "learning_rate": 0.006,
            "buffer_size": 5_000,
            "learning_starts": 2_000,
            "batch_size": 128,
            "gamma": 0.98,
            "train_freq": 32,
            "gradient_steps": 8,
            "tau": 0.1,
            "target_update_interval": 64,
            "exploration_fraction": 0.1,
            "exploration_final_eps": 0.1,
            "max_grad_norm": 1.0,
            "n_step": 8,
            "net_arch": [64],
            "normalize_observation": True,
        },
    },
}
