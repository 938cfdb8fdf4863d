"""Settings for ViZDoom's scenarios: tuned for two; the others have the basic one's, with more steps."""

from __future__ import annotations

from typing import Any

_SEEN: dict[str, Any] = {
    # Four tics an action, as usual; drawn at a quarter of the pixels, which the engine does twice as fast.
    "env_args": {"frame_skip": 4, "screen_resolution": "RES_160X120"},
    "wrap": ["only:screen", "grayscale", "resize:30x40", "channels_first"],
    "envs": 16,
    "vec": "async",
}

# Many small gradient steps: with a third of them it took 90 thousand steps instead of 10.
_PPO: dict[str, Any] = {
    "n_steps": 32,
    "batch_size": 128,
    "n_epochs": 6,
    "learning_rate": "lin_0.001",
    "ent_coef": 0.01,
    "normalize_reward": True,
}

_DQN: dict[str, Any] = {
    "learning_rate": "lin_0.001",
    "buffer_size": 20_000,
    "learning_starts": 1_000,
    "batch_size": 64,
    "gamma": 0.9,  # each tic costs a point: with a longer horizon, values first have to fall to some -200
    "train_freq": 16,
    "gradient_steps": 4,
    "tau": 0.05,
    "target_update_interval": 16,
    "exploration_fraction": 0.1,
    "exploration_final_eps": 0.05,
    "double": True,
    "dueling": True,
    "n_step": 3,
}


def _entries(settings: dict[str, Any], others: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The basic scenario's entry, and the one for all others, whose settings differ in `others`."""
    basic = {**_SEEN, "threshold": 70.0, "steps": 100_000, "eval_every": 5_000, "settings": settings}
    longer = {"steps": 2_000_000, "eval_every": 100_000, "settings": {**settings, **others}}
    return {"VizdoomBasic-v1": basic, "Vizdoom*": {**_SEEN, **longer}}


# Fewer gradient steps than for the basic one: the time goes into experience.
_DEFEND: dict[str, Any] = {
    **_SEEN,
    "steps": 160_000,
    "eval_every": 40_000,
    "policy": "CnnLstmPolicy",
    "settings": {**_PPO, "n_steps": 64, "batch_size": 256, "n_epochs": 4},
}

PPO = _entries(_PPO, {}) | {"VizdoomDefendCenter-v1": _DEFEND}
DQN = _entries(_DQN, {"buffer_size": 100_000, "gamma": 0.99})
