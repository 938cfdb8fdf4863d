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
        "eval_episodes": 100,
        "settings": {
            "learning_rate": "lin_0.008",
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
    # Random actions never reach the flag: 0 of 1536 episodes do. Repeated four times, the agent's own first
    # guesses push it up the hills; so one step here is four of the car, 120 thousand in all.
    "MountainCar-v0": {
        "steps": 30_000,
        "envs": 16,
        "eval_every": 1_000,
        "wrap": ["action_repeat:4"],
        "settings": {
            "learning_rate": "lin_0.005",
            "buffer_size": 30_000,
            "learning_starts": 1_000,
            "batch_size": 128,
            "gamma": 0.98,
            "train_freq": 16,
            "gradient_steps": 8,
            "tau": 0.1,
            "target_update_interval": 32,
            "exploration_fraction": 0.2,
            "exploration_final_eps": 0.05,
            "double": True,
            "n_step": 3,
            "normalize_observation": True,
        },
    },
    "Acrobot-v1": {
        "steps": 100_000,
        "envs": 16,
        "eval_every": 2_000,
        "settings": {
            "learning_rate": "lin_0.001",
            "buffer_size": 50_000,
            "learning_starts": 2_000,
            "batch_size": 64,
            "gamma": 0.995,
            "train_freq": 32,
            "gradient_steps": 8,
            "tau": 0.03,
            "target_update_interval": 32,
            "exploration_fraction": 0.02,
            "exploration_final_eps": 0.05,
            "dueling": True,
            "n_step": 3,
            "net_arch": [128, 128],
            "activation": "Tanh",
        },
    },
    # Nine torques are enough; what decides is three steps at once and a target that follows closely.
    "Pendulum-v1": {
        "steps": 40_000,
        "envs": 16,
        "eval_every": 2_000,
        "eval_episodes": 100,
        "wrap": ["discretize:9"],
        "settings": {
            "learning_rate": "lin_0.003",
            "buffer_size": 50_000,
            "gamma": 0.95,
            "train_freq": 16,
            "gradient_steps": 8,
            "tau": 0.1,
            "target_update_interval": 64,
            "exploration_final_eps": 0.02,
            "double": True,
            "n_step": 3,
        },
    },
    # One step here is four of the lander's: 500 thousand in all, and `--steps 25k` are the 100 thousand that
    # others take. With single ones it learns to hover: a landing is too far away to be worth the risk.
    "LunarLander-v3": {
        "steps": 125_000,
        "envs": 8,
        "eval_every": 1_250,
        "wrap": ["action_repeat:4"],
        "settings": {
            "learning_rate": "lin_0.002",
            "buffer_size": 125_000,
            "learning_starts": 1_000,
            "train_freq": 8,
            "gradient_steps": 4,
            "tau": 0.01,
            "target_update_interval": 8,
            "exploration_fraction": 0.12,
            "double": True,
            "dueling": True,
            "n_step": 5,
            "net_arch": [128, 128],
            "normalize_observation": True,
        },
    },
    # Pictures of half the size cost a third of the time and still show each cell. Three rewards at once carry
    # the catch up to where the ball was a few steps before; larger batches need fewer steps at equal time.
    "Sandbox/Catch-v0 obs=pixels": {
        "steps": 20_000,
        "envs": 32,
        "eval_every": 2_000,
        "wrap": ["resize:20"],
        "settings": {
            "learning_rate": 0.002,
            "buffer_size": 20_000,
            "batch_size": 128,
            "gamma": 0.97,
            "train_freq": 32,
            "gradient_steps": 2,
            "tau": 0.1,
            "target_update_interval": 32,
            "exploration_fraction": 0.5,
            "exploration_final_eps": 0.1,
            "n_step": 3,
            "net_arch": [],
            "features_dim": 128,
        },
    },
    # Three pictures show velocities. In a single tick a slow cart moves by a twentieth of a pixel, less than
    # pictures can show; in two it is seen, and the pole still reacts soon enough.
    "Sandbox/CartPole-v0 obs=pixels": {
        "steps": 40_000,
        "envs": 32,
        "eval_every": 2_000,
        "wrap": ["action_repeat:2", "resize:20", "frame_stack:3"],
        "settings": {
            "learning_rate": "lin_0.002",
            "buffer_size": 30_000,
            "batch_size": 128,
            "gamma": 0.97,
            "train_freq": 32,
            "gradient_steps": 2,
            "tau": 0.1,
            "target_update_interval": 32,
            "exploration_fraction": 0.3,
            "exploration_final_eps": 0.05,
            "n_step": 5,
            "net_arch": [],
            "features_dim": 128,
        },
    },
}
