"""Hyperparameters of PPO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.core.errors import ConfigError

from .rules import (
    MEMORY,
    activation_class,
    check_counts,
    check_fractions,
    check_schedules,
    check_weights,
    check_widths,
    require,
    split,
)

CRITIC_MEMORIES = ("shared", "separate", "none")
"""whose memory a value function can use: the policy's, one of its own, or nobody's"""


@dataclass(frozen=True)
class PPOSettings:
    """Hyperparameters of PPO that a file can hold; `--set KEY=VALUE` changes one."""

    learning_rate: float | str = 3e-4
    """a number, or "lin_<number>": linearly to 0"""
    n_steps: int = 256
    """steps per environment and rollout"""
    batch_size: int = 256
    """transitions per gradient step"""
    n_epochs: int = 10
    """passes over each rollout"""
    gamma: float = 0.99
    """discount per step"""
    gae_lambda: float = 0.95
    """weight of longer advantage estimates"""
    clip_range: float | str = 0.2
    """how far the probability ratio may move from 1; a number or "lin_<number>\""""
    clip_range_vf: float | str | None = None
    """how far a value may move in one rollout; left out: freely"""
    normalize_advantage: bool = True
    """advantages to mean 0 and deviation 1 in each minibatch"""
    ent_coef: float = 0.0
    """weight of the entropy bonus"""
    vf_coef: float = 0.5
    """weight of the value loss"""
    max_grad_norm: float = 0.5
    """longest gradient"""
    target_kl: float | None = None
    """stop an update where the policy moved 1.5 times that far; left out: never"""
    normalize_observation: bool = False
    """observations to mean 0 and variance 1, by running statistics in the policy"""
    normalize_reward: bool = False
    """rewards over the running deviation of the discounted return"""
    random_shift: int = 0
    """pixels by which pictures move at random while they are learned from, as in DrQ; 0: none"""
    stats_window_size: int = 100
    """episodes in the averages of the log"""
    net_arch: list[int] | None = None
    """widths of the hidden layers, of actor and critic each; left out: 64, 64; none behind a picture"""
    features_dim: int = 256
    """numbers that a picture becomes, behind the backbone"""
    activation: str = "Tanh"
    """a class of torch.nn: Tanh, ReLU, SiLU, …"""
    ortho_init: bool = True
    """orthogonal initialisation"""
    log_std_init: float = 0.0
    """continuous actions: logarithm of the first standard deviation"""
    use_sde: bool = False
    """continuous actions: exploration that depends on the state (gSDE)"""
    sde_sample_freq: int = -1
    """steps until its noise is drawn anew; -1: a rollout"""
    memory_size: int = 64
    """units of an LSTM's or GRU's each layer"""
    memory_layers: int = 1
    """its layers"""
    critic_memory: str = "shared"
    """"shared", "separate" or "none": whose memory the value function uses"""
    sequence_length: int | None = None
    """with memory: steps to learn from in one piece, a divisor of n_steps; left out: the whole rollout"""

    def __post_init__(self) -> None:
        check_counts(
            self, ("n_steps", "batch_size", "n_epochs", "stats_window_size", "memory_size", "memory_layers")
        )
        check_counts(self, ("random_shift",), least=0)
        check_fractions(self, ("gamma", "gae_lambda"))
        check_weights(self, ("ent_coef", "vf_coef", "max_grad_norm"))
        require(self.target_kl is None or self.target_kl > 0, "target_kl", "above 0", self.target_kl)
        frequency = self.sde_sample_freq
        rule = "a whole number, at least 1, or -1 for a rollout"
        require(frequency >= 1 or frequency == -1, "sde_sample_freq", rule, frequency)
        rule = f"one of {', '.join(map(repr, CRITIC_MEMORIES))}"
        require(self.critic_memory in CRITIC_MEMORIES, "critic_memory", rule, repr(self.critic_memory))
        if self.sequence_length is not None:
            check_counts(self, ("sequence_length",))
            whole = self.n_steps % self.sequence_length == 0
            require(whole, "sequence_length", f"a divisor of n_steps ({self.n_steps})", self.sequence_length)
        check_widths(self.net_arch or [])
        check_schedules(self, ("learning_rate", "clip_range", "clip_range_vf"))

    def check_envs(self, envs: int, memory: bool = False) -> None:
        """Raise ConfigError where a rollout of that many environments is too short."""
        if self.normalize_advantage and envs * self.n_steps < 2:
            raise ConfigError("envs times n_steps must be at least 2 to normalise advantages", key="envs")

    def arguments(self) -> dict[str, Any]:
        """Arguments of `agents.PPO`. Raises ConfigError for an activation that torch.nn does not have."""
        names = ("net_arch", "activation", "ortho_init", "log_std_init", "features_dim")
        plain, policy = split(self, (*names, *MEMORY))
        policy = {name: value for name, value in policy.items() if value is not None}
        policy["activation_fn"] = activation_class(policy.pop("activation"))
        return {**plain, "policy_kwargs": policy}
