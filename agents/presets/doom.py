"""Tuned settings for ViZDoom's scenarios."""

from __future__ import annotations

from typing import Any

_SEEN: dict[str, Any] = {
    # Four tics an action, as usual; drawn at a quarter of the pixels, which the engine does twice as fast.
    "env_args": {"frame_skip": 4, "screen_resolution": "RES_160X120"},
    # How much ammunition is left does not matter: the fewer shots, the more points, at any rate.
    "wrap": ["only:screen", "grayscale", "resize:30x40", "channels_first"],
}

PPO: dict[str, dict[str, Any]] = {
    "VizdoomBasic-v1": {
        **_SEEN,
        "threshold": 70.0,
        "steps": 100_000,
        "envs": 16,
        "vec": "async",
        "eval_every": 5_000,
        "settings": {
            "n_steps": 32,
            "batch_size": 128,
            "n_epochs": 6,
            "learning_rate": "lin_0.001",
            "ent_coef": 0.01,
            "normalize_reward": True,
        },
    },
}

DQN: dict[str, dict[str, Any]] = {
    "VizdoomBasic-v1": {
        **_SEEN,
        "threshold": 70.0,
        "steps": 100_000,
        "envs": 16,
        "vec": "async",
        "eval_every": 5_000,
        # Each tic costs a point: with a longer horizon, values would first have to fall to some -200.
        "settings": {
            "learning_rate": "lin_0.001",
            "buffer_size": 20_000,
            "learning_starts": 1_000,
            "batch_size": 64,
            "gamma": 0.9,
            "train_freq": 16,
            "gradient_steps": 4,
            "tau": 0.05,
            "target_update_interval": 16,
            "exploration_fraction": 0.1,
            "exploration_final_eps": 0.05,
            "double": True,
            "dueling": True,
            "n_step": 3,
        },
    },
}
