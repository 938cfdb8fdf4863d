"""Settings for ale-py's games: rl-baselines3-zoo's for Atari, with more environments and larger batches."""

from __future__ import annotations

from typing import Any

_PPO: dict[str, Any] = {
    "steps": 10_000_000,
    "envs": 16,
    "eval_every": 500_000,
    "eval_episodes": 10,
    "checkpoint_every": 200_000,
    "settings": {
        "n_steps": 128,
        "batch_size": 512,
        "n_epochs": 4,
        "learning_rate": "lin_0.0005",
        "clip_range": "lin_0.1",
        "ent_coef": 0.01,
    },
}

_DQN: dict[str, Any] = {
    "steps": 10_000_000,
    "envs": 8,
    "eval_every": 500_000,
    "eval_episodes": 10,
    "checkpoint_every": 200_000,
    "settings": {
        "learning_rate": 1e-4,
        "buffer_size": 100_000,
        "learning_starts": 20_000,
        "batch_size": 64,
        "train_freq": 8,
        "gradient_steps": 1,
        "target_update_interval": 250,
        "exploration_fraction": 0.1,
        "exploration_final_eps": 0.01,
        "double": True,
        "dueling": True,
        "n_step": 3,
    },
}

PPO: dict[str, dict[str, Any]] = {
    "ALE/*": _PPO,
    "ALE/Pong-v5": {**_PPO, "threshold": 18.0},
    "ALE/Breakout-v5": _PPO,
}

DQN: dict[str, dict[str, Any]] = {
    "ALE/*": _DQN,
    "ALE/Pong-v5": {**_DQN, "threshold": 18.0},
    "ALE/Breakout-v5": _DQN,
}
