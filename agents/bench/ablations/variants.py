"""What is trained: plain DQN, with one ingredient more; rainbow, with one less. All else is the same."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from agents.config import AgentConfig
from agents.resolve import resolve_config

TASK = "Snake"
ENV_ARGS = {"obs": "features", "max_episode_steps": 500}
STEPS, ENVS = 30_000, 16
THRESHOLD = 10.0
"""mean return that counts as learnt; random actions reach -0.9"""
SHARED = {
    "learning_rate": 1e-3,
    "buffer_size": 30_000,
    "learning_starts": 1_000,
    "batch_size": 64,
    "gamma": 0.97,
    "train_freq": 8,
    "target_update_interval": 200,
    "exploration_fraction": 0.2,
    "exploration_final_eps": 0.02,
}
"""settings of all variants: plain DQN learns with them, but not at once, and the target network follows soon
enough for values to settle within the training"""


@dataclass(frozen=True)
class Variant:
    """One line of `bench ablations`."""

    name: str
    """what `--only` calls it"""
    settings: dict[str, Any] = field(default_factory=dict)
    """what it changes"""

    def config(self, seed: int, shorter: int) -> AgentConfig:
        """The whole training.

        Args:
            seed: decides everything that is random.
            shorter: divides the steps.
        """
        changes = {"algo": "dqn", "seed": seed, "device": "cpu", "threads": 1, "early_stop": False}
        changes |= {"steps": STEPS // shorter, "envs": ENVS, "threshold": THRESHOLD}
        config = resolve_config(TASK, changes, env_args=ENV_ARGS)
        settings = type(config.settings)(**SHARED, **self.settings)
        return replace(config, settings=settings)


INGREDIENTS: dict[str, Any] = {
    "double": True,
    "dueling": True,
    "n_step": 3,
    "prioritized": True,
    "distributional": True,
    "noisy": True,
}
LEFT_OUT: dict[str, Any] = {"double": False, "dueling": False, "n_step": 1, "prioritized": False}

VARIANTS = (
    Variant("plain"),
    *(Variant(f"plain+{name}", {name: value}) for name, value in INGREDIENTS.items()),
    Variant("rainbow", {"preset": "rainbow"}),
    *(Variant(f"rainbow-{name}", {"preset": "rainbow", name: value}) for name, value in LEFT_OUT.items()),
    *(Variant(f"rainbow+{name}", {"preset": "rainbow", name: True}) for name in ("distributional", "noisy")),
)
