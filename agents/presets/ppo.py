"""Tuned settings of PPO, one entry a task."""

from __future__ import annotations

from typing import Any

PPO: dict[str, dict[str, Any]] = {
    # Found by random search for the shortest training of the slowest of 12 seeds; all of 24 solve it.
    "CartPole-v1": {
        "steps": 100_000,
        "envs": 64,
        "eval_every": 6_144,
        "settings": {
            "n_steps": 32,
            "batch_size": 512,
            "n_epochs": 4,
            "learning_rate": 0.015,
            "clip_range": 0.3,
            "max_grad_norm": 1.0,
            "net_arch": [32],
        },
    },
    # Found by random search; all of 11 seeds solve it, in 100 thousand steps for most. The rate that falls to
    # 0 takes them to -98 by the end: the best possible is about -97.6.
    "MountainCar-v0": {
        "steps": 1_000_000,
        "envs": 32,
        "eval_every": 8_192,
        "settings": {
            "n_steps": 64,
            "batch_size": 512,
            "n_epochs": 8,
            "learning_rate": "lin_0.012",
            "gamma": 0.995,
            "gae_lambda": 0.98,
            "ent_coef": 0.01,
            "max_grad_norm": 2.0,
            "net_arch": [32, 32],
            "normalize_observation": True,
            "normalize_reward": True,
        },
    },
    # A second layer takes returns from about -76 to -68.
    "Acrobot-v1": {
        "steps": 400_000,
        "envs": 32,
        "eval_every": 8_192,
        "settings": {
            "n_steps": 64,
            "batch_size": 512,
            "n_epochs": 10,
            "learning_rate": "lin_0.004",
            "gae_lambda": 0.94,
            "max_grad_norm": 1.0,
            "target_kl": 0.03,
            "net_arch": [64, 64],
            "normalize_observation": True,
            "normalize_reward": True,
        },
    },
    "LunarLander-v3": {
        "steps": 1_000_000,
        "envs": 16,
        "eval_every": 32_768,
        "settings": {
            "n_steps": 512,
            "batch_size": 512,
            "n_epochs": 6,
            "learning_rate": "lin_0.002",
            "gamma": 0.999,
            "gae_lambda": 0.98,
            "ent_coef": 0.01,
            "max_grad_norm": 1.0,
            "normalize_observation": True,
            "normalize_reward": True,
        },
    },
    # Rollouts of whole episodes: those of parts, in step in all environments, show the start or the upright
    # pole, and the policy forgets the other.
    "Pendulum-v1": {
        "steps": 100_000,
        "envs": 8,
        "eval_every": 4_800,
        "settings": {
            "n_steps": 200,
            "batch_size": 200,
            "n_epochs": 10,
            "learning_rate": "lin_0.003",
            "gamma": 0.95,
            "gae_lambda": 0.9,
            "max_grad_norm": 1.0,
            "target_kl": 0.03,
            "activation": "ReLU",
            "log_std_init": 0.5,
            "normalize_observation": True,
            "normalize_reward": True,
        },
    },
    # Noise of one matrix for a whole rollout, strong at first, swings the car up by chance; with weaker noise
    # some seeds learn to stand still. All of 15 seeds pass 90, most within 6 thousand steps.
    "MountainCarContinuous-v0": {
        "steps": 20_000,
        "envs": 8,
        "eval_every": 1_024,
        "settings": {
            "n_steps": 128,
            "batch_size": 256,
            "n_epochs": 10,
            "learning_rate": "lin_0.003",
            "gamma": 0.999,
            "gae_lambda": 0.98,
            "max_grad_norm": 1.0,
            "ortho_init": False,
            "use_sde": True,
            "log_std_init": 0.5,
            "normalize_observation": True,
            "normalize_reward": True,
        },
    },
    # Pictures of half the size show every cell and cost a quarter of the time. Each ball is a matter of ten
    # steps, and only its end says anything: a short horizon, and advantages without bootstrapping.
    "Sandbox/Catch-v0 obs=pixels": {
        "steps": 100_000,
        "envs": 128,
        "eval_every": 10_240,
        "wrap": ["resize:20"],
        "settings": {
            "n_steps": 16,
            "batch_size": 256,
            "n_epochs": 2,
            "learning_rate": 0.003,
            "gamma": 0.9,
            "gae_lambda": 1.0,
            "ent_coef": 0.01,
            "max_grad_norm": 1.0,
            "features_dim": 128,
        },
    },
    # Two frames of half the size still show how fast the pole falls: its edges are smooth. Critic and policy
    # share the eyes: with rewards as they are, errors in returns of up to 50 would be all they learn from.
    "Sandbox/CartPole-v0 obs=pixels": {
        "steps": 250_000,
        "envs": 64,
        "eval_every": 20_480,
        "wrap": ["resize:20", "frame_stack:2"],
        "settings": {
            "n_steps": 32,
            "batch_size": 512,
            "n_epochs": 2,
            "learning_rate": "lin_0.002",
            "gamma": 0.98,
            "gae_lambda": 0.9,
            "max_grad_norm": 1.0,
            "normalize_reward": True,
            "features_dim": 128,
        },
    },
    # Two frames show where the ball flies.
    "Sandbox/Breakout-v0 obs=pixels": {
        "steps": 500_000,
        "envs": 64,
        "eval_every": 51_200,
        "wrap": ["resize:20", "frame_stack:2"],
        "settings": {
            "n_steps": 32,
            "batch_size": 512,
            "n_epochs": 2,
            "learning_rate": "lin_0.002",
            "gamma": 0.98,
            "ent_coef": 0.01,
            "max_grad_norm": 1.0,
            "normalize_reward": True,
            "features_dim": 128,
        },
    },
    # One frame shows everything.
    "Sandbox/Snake-v0 obs=pixels": {
        "steps": 700_000,
        "envs": 64,
        "eval_every": 51_200,
        "wrap": ["resize:20"],
        "settings": {
            "n_steps": 32,
            "batch_size": 512,
            "n_epochs": 2,
            "learning_rate": "lin_0.003",
            "gamma": 0.97,
            "ent_coef": 0.01,
            "max_grad_norm": 1.0,
            "normalize_reward": True,
            "features_dim": 128,
        },
    },
    # The last points, from 16 to 17, take as long as all before them: they are won by aiming, with the rate
    # already small.
    "Sandbox/Pong-v0 obs=pixels": {
        "steps": 1_500_000,
        "envs": 64,
        "eval_every": 102_400,
        "wrap": ["resize:20", "frame_stack:2"],
        "settings": {
            "n_steps": 32,
            "batch_size": 256,
            "n_epochs": 2,
            "learning_rate": "lin_0.002",
            "gamma": 0.98,
            "ent_coef": 0.003,
            "max_grad_norm": 1.0,
            "normalize_reward": True,
            "features_dim": 128,
        },
    },
}

CONTINUOUS: dict[str, Any] = {
    "steps": 1_000_000,
    "settings": {"normalize_observation": True, "normalize_reward": True},
}
"""for continuous actions without an entry: torques and speeds come in all sizes"""
