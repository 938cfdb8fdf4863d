"""rl-baselines3-zoo's tuned settings of the stock algorithms, for the classic tasks and LunarLander.

Written down from its `hyperparams/*.yml`; a value that is also SB3's default may be left out. One environment
where the zoo does not say how many. What it gives for LunarLander-v2 and Pendulum-v0 serves v3 and v1; its
entries for tasks without velocities serve the LSTM on the tasks themselves, whose velocities
`--wrap mask_velocity` hides. Of an algorithm with continuous actions only, the LunarLander-v3 is the
one with `--env-arg continuous=true`.
"""

from __future__ import annotations

from typing import Any

Entry = dict[str, Any]


def _entry(steps: int, envs: int = 1, *, normalize: bool = False, **settings: Any) -> Entry:
    both = {"normalize_observation": True, "normalize_reward": True} if normalize else {}
    return {"steps": steps, "envs": envs, "eval_every": steps // 20, "settings": {**settings, **both}}


_LANDER_PPO = _entry(
    1_000_000, 16, n_steps=1024, batch_size=64, gae_lambda=0.98, gamma=0.999, n_epochs=4, ent_coef=0.01
)
PPO: dict[str, Entry] = {
    "CartPole-v1": _entry(
        100_000, 8, n_steps=32, batch_size=256, gae_lambda=0.8, gamma=0.98, n_epochs=20,
        learning_rate="lin_0.001", clip_range="lin_0.2",
    ),
    "MountainCar-v0": _entry(1_000_000, 16, normalize=True, n_steps=16, gae_lambda=0.98, n_epochs=4),
    "MountainCarContinuous-v0": _entry(
        20_000, normalize=True, batch_size=256, n_steps=8, gamma=0.9999, learning_rate=7.77e-05,
        ent_coef=0.00429, clip_range=0.1, n_epochs=10, gae_lambda=0.9, max_grad_norm=5.0, vf_coef=0.19,
        use_sde=True, log_std_init=-3.29, ortho_init=False,
    ),
    "Acrobot-v1": _entry(1_000_000, 16, normalize=True, n_steps=256, gae_lambda=0.94, n_epochs=4),
    "Pendulum-v1": _entry(
        100_000, 4, n_steps=1024, gae_lambda=0.95, gamma=0.9, n_epochs=10, learning_rate=1e-3, clip_range=0.2,
        use_sde=True, sde_sample_freq=4,
    ),
    "LunarLander-v3": _LANDER_PPO,
    "LunarLanderContinuous-v3": _LANDER_PPO,
}  # fmt: skip

A2C: dict[str, Entry] = {
    "CartPole-v1": _entry(500_000, 8),
    "MountainCar-v0": _entry(1_000_000, 16, normalize=True),
    "MountainCarContinuous-v0": _entry(
        100_000, 4, normalize=True, n_steps=100, use_sde=True, sde_sample_freq=16, ortho_init=False
    ),
    "Acrobot-v1": _entry(500_000, 16, normalize=True),
    "Pendulum-v1": _entry(
        1_000_000, 8, normalize=True, n_steps=8, gae_lambda=0.9, vf_coef=0.4, learning_rate="lin_7e-4",
        use_sde=True, log_std_init=-2.0, ortho_init=False,
    ),
    "LunarLander-v3": _entry(200_000, 8, gamma=0.995, n_steps=5, learning_rate="lin_0.00083", ent_coef=1e-5),
    "LunarLanderContinuous-v3": _entry(
        5_000_000, 4, normalize=True, n_steps=8, gae_lambda=0.9, vf_coef=0.4, learning_rate="lin_7e-4",
        use_sde=True, log_std_init=-2.0, ortho_init=False,
    ),
}  # fmt: skip

_CARTPOLE_Q: Entry = {
    "learning_rate": 2.3e-3, "batch_size": 64, "buffer_size": 100_000, "learning_starts": 1000, "gamma": 0.99,
    "target_update_interval": 10, "train_freq": 256, "gradient_steps": 128, "exploration_fraction": 0.16,
    "exploration_final_eps": 0.04, "net_arch": [256, 256],
}  # fmt: skip
_MOUNTAIN_CAR_Q: Entry = {
    "learning_rate": 4e-3, "batch_size": 128, "buffer_size": 10_000, "learning_starts": 1000, "gamma": 0.98,
    "target_update_interval": 600, "train_freq": 16, "gradient_steps": 8, "exploration_fraction": 0.2,
    "exploration_final_eps": 0.07, "net_arch": [256, 256],
}  # fmt: skip
_ACROBOT_Q: Entry = {
    "learning_rate": 6.3e-4, "batch_size": 128, "buffer_size": 50_000, "learning_starts": 0, "gamma": 0.99,
    "target_update_interval": 250, "train_freq": 4, "gradient_steps": -1, "exploration_fraction": 0.12,
    "exploration_final_eps": 0.1, "net_arch": [256, 256],
}  # fmt: skip

DQN: dict[str, Entry] = {
    "CartPole-v1": _entry(50_000, **_CARTPOLE_Q),
    "MountainCar-v0": _entry(120_000, **_MOUNTAIN_CAR_Q),
    "Acrobot-v1": _entry(100_000, **_ACROBOT_Q),
    "LunarLander-v3": _entry(100_000, **_ACROBOT_Q),
}

QRDQN: dict[str, Entry] = {
    "CartPole-v1": _entry(50_000, **_CARTPOLE_Q, n_quantiles=10),
    "MountainCar-v0": _entry(120_000, **_MOUNTAIN_CAR_Q, n_quantiles=25),
    "Acrobot-v1": _entry(100_000, **_ACROBOT_Q, n_quantiles=25),
    "LunarLander-v3": _entry(
        100_000, learning_rate="lin_1.5e-3", batch_size=128, buffer_size=100_000, learning_starts=10_000,
        gamma=0.995, target_update_interval=1, train_freq=256, gradient_steps=-1, exploration_fraction=0.24,
        exploration_final_eps=0.18, net_arch=[256, 256], n_quantiles=170,
    ),
}  # fmt: skip

_SOFT_HILL: Entry = {
    "learning_rate": 3e-4, "buffer_size": 50_000, "batch_size": 512, "ent_coef": 0.1, "train_freq": 32,
    "gradient_steps": 32, "gamma": 0.9999, "tau": 0.01, "learning_starts": 0, "use_sde": True,
    "log_std_init": -3.67, "net_arch": [64, 64],
}  # fmt: skip
_SOFT_LANDER: Entry = {
    "batch_size": 256, "learning_rate": "lin_7.3e-4", "buffer_size": 1_000_000, "ent_coef": "auto",
    "gamma": 0.99, "tau": 0.01, "train_freq": 1, "gradient_steps": 1, "learning_starts": 10_000,
    "net_arch": [400, 300],
}  # fmt: skip

SAC: dict[str, Entry] = {
    "MountainCarContinuous-v0": _entry(50_000, **_SOFT_HILL),
    "Pendulum-v1": _entry(20_000, learning_rate=1e-3),
    "LunarLander-v3": _entry(500_000, **_SOFT_LANDER),
    "LunarLanderContinuous-v3": _entry(500_000, **_SOFT_LANDER),
}

TQC: dict[str, Entry] = {
    "MountainCarContinuous-v0": _entry(50_000, **_SOFT_HILL),
    "Pendulum-v1": _entry(
        20_000, learning_rate=1e-3, use_sde=True, gradient_steps=64, train_freq=64, log_std_init=-2.0,
        net_arch=[64, 64],
    ),
    "LunarLander-v3": _entry(500_000, **_SOFT_LANDER),
    "LunarLanderContinuous-v3": _entry(500_000, **_SOFT_LANDER),
}  # fmt: skip

CROSSQ: dict[str, Entry] = {
    "MountainCarContinuous-v0": _entry(
        50_000, learning_rate=7e-4, buffer_size=50_000, train_freq=32, gradient_steps=32, gamma=0.9999,
        learning_starts=100, use_sde=True, policy_delay=2, use_expln=True, log_std_init=-1.0,
        net_arch=[64, 64],
    ),
    "Pendulum-v1": _entry(20_000, policy_delay=2, net_arch=[256, 256]),
    "LunarLander-v3": _entry(200_000, buffer_size=1_000_000, learning_starts=10_000),
    "LunarLanderContinuous-v3": _entry(200_000, buffer_size=1_000_000, learning_starts=10_000),
}  # fmt: skip

_DETERMINISTIC: Entry = {
    "gamma": 0.98, "buffer_size": 200_000, "learning_starts": 10_000, "noise_type": "normal",
    "noise_std": 0.1, "gradient_steps": -1, "train_freq": [1, "episode"], "learning_rate": 1e-3,
    "net_arch": [400, 300],
}  # fmt: skip

TD3: dict[str, Entry] = {
    "MountainCarContinuous-v0": _entry(300_000, noise_type="ornstein-uhlenbeck", noise_std=0.5),
    "Pendulum-v1": _entry(20_000, **_DETERMINISTIC),
    "LunarLander-v3": _entry(300_000, **_DETERMINISTIC),
    "LunarLanderContinuous-v3": _entry(300_000, **_DETERMINISTIC),
}

TRPO: dict[str, Entry] = {
    "CartPole-v1": _entry(
        100_000, 2, n_steps=512, batch_size=512, cg_damping=1e-3, gae_lambda=0.98, gamma=0.99,
        learning_rate=1e-3, n_critic_updates=20,
    ),
    "MountainCar-v0": _entry(100_000, 2, normalize=True, n_steps=1024, n_critic_updates=20),
    "MountainCarContinuous-v0": _entry(50_000, 2, normalize=True, use_sde=True, sde_sample_freq=4),
    "Acrobot-v1": _entry(100_000, 2, normalize=True, n_steps=1024),
    "Pendulum-v1": _entry(
        100_000, 2, n_steps=1024, gamma=0.9, n_critic_updates=15, use_sde=True, sde_sample_freq=4
    ),
    "LunarLander-v3": _entry(
        200_000, 2, n_steps=512, cg_damping=0.01, gae_lambda=0.98, gamma=0.99, learning_rate=1e-3,
        n_critic_updates=15,
    ),
    "LunarLanderContinuous-v3": _entry(100_000, 2, normalize=True, n_steps=1024, n_critic_updates=20),
}  # fmt: skip

ATARI: dict[str, Entry] = {
    "sb3-ppo": {
        **_entry(
            10_000_000, 8, n_steps=128, batch_size=256, n_epochs=4, learning_rate="lin_2.5e-4",
            clip_range="lin_0.1", ent_coef=0.01, vf_coef=0.5,
        ),
        "wrap": ["frame_stack:4"],
    },
    "sb3-dqn": {
        **_entry(
            10_000_000, learning_rate=1e-4, batch_size=32, buffer_size=100_000, learning_starts=100_000,
            target_update_interval=1000, train_freq=4, gradient_steps=1, exploration_fraction=0.1,
            exploration_final_eps=0.01,
        ),
        "wrap": ["frame_stack:4"],
    },
}  # fmt: skip
"""for all games of Atari, and what comes close to them; algorithm -> settings"""

ZOO: dict[str, dict[str, Entry]] = {
    "sb3-ppo": PPO,
    "sb3-a2c": A2C,
    "sb3-dqn": DQN,
    "sb3-sac": SAC,
    "sb3-td3": TD3,
    "sb3-ddpg": TD3,  # the zoo has the same for both
    "sb3-qrdqn": QRDQN,
    "sb3-trpo": TRPO,
    "sb3-tqc": TQC,
    "sb3-crossq": CROSSQ,
    "sb3-ppo-lstm": PPO,  # as PPO's, number by number
}
