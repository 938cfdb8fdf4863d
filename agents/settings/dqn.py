"""Hyperparameters of DQN and what has been added to it since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.core.errors import ConfigError

from .rules import (
    activation_class,
    check_counts,
    check_fractions,
    check_schedules,
    check_weights,
    check_widths,
    require,
    split,
)

PLAIN: dict[str, Any] = {
    "double": False,
    "dueling": False,
    "n_step": 1,
    "prioritized": False,
    "distributional": False,
    "noisy": False,
}
"""DQN as it was at first"""
RAINBOW: dict[str, Any] = {"double": True, "dueling": True, "prioritized": True, "n_step": 3}
"""what `preset = "rainbow"` turns on, where nothing else is said"""


@dataclass(frozen=True)
class DQNSettings:
    """Hyperparameters of DQN that a file can hold; `--set KEY=VALUE` changes one."""

    learning_rate: float | str = 1e-3
    """a number, or "lin_<number>": linearly to 0"""
    buffer_size: int = 100_000
    """transitions to remember, of all environments together"""
    learning_starts: int = 1_000
    """environment steps of random actions before the first update"""
    batch_size: int = 128
    """transitions per gradient step"""
    tau: float = 1.0
    """how much of the network the target takes over at each update of it; 1: all"""
    gamma: float = 0.99
    """discount per step"""
    train_freq: int = 4
    """environment steps, of all environments together, from one round of gradient steps to the next"""
    gradient_steps: int = 1
    """gradient steps in such a round; -1: as many as environment steps"""
    target_update_interval: int = 1_000
    """environment steps from one update of the target network to the next"""
    exploration_fraction: float = 0.1
    """part of the training over which random actions become fewer"""
    exploration_initial_eps: float = 1.0
    """probability of a random action at the start"""
    exploration_final_eps: float = 0.05
    """probability of a random action in the end"""
    max_grad_norm: float = 10.0
    """longest gradient"""
    preset: str = ""
    """"rainbow" turns on what is proven: double, dueling, prioritized, n_step 3"""
    double: bool | None = None
    """the network chooses the next action, the target judges it"""
    dueling: bool | None = None
    """value and advantages from streams of their own"""
    n_step: int | None = None
    """rewards to add up before bootstrapping"""
    prioritized: bool | None = None
    """draw transitions with large errors more often"""
    prioritized_alpha: float = 0.5
    """how much more often: 0 not at all, 1 in proportion"""
    prioritized_beta: float = 0.4
    """correction of that bias at the start; rises to 1"""
    distributional: bool | None = None
    """learn quantiles of the return instead of its mean"""
    n_quantiles: int = 32
    """how many of them"""
    noisy: bool | None = None
    """explore by noise in the weights instead of random actions"""
    noisy_std: float = 0.5
    """its standard deviation at the start"""
    normalize_observation: bool = False
    """observations to mean 0 and variance 1, by running statistics in the policy"""
    random_shift: int = 0
    """pixels by which pictures move at random while they are learned from, as in DrQ; 0: none"""
    stats_window_size: int = 100
    """episodes in the averages of the log"""
    net_arch: list[int] | None = None
    """widths of the hidden layers; left out: 64, 64; none behind a picture"""
    features_dim: int = 256
    """numbers that a picture becomes, behind the backbone"""
    activation: str = "ReLU"
    """a class of torch.nn: Tanh, ReLU, SiLU, …"""
    memory_size: int = 64
    """units of an LSTM's or GRU's each layer"""
    memory_layers: int = 1
    """its layers"""
    sequence_length: int = 20
    """with memory: most transitions of a sequence, which never crosses an episode's end; then batch_size
    counts sequences"""
    sequence_overlap: int = 10
    """transitions that neighbouring sequences share"""
    burn_in: int = 0
    """first transitions of a sequence that begins inside an episode, which only warm the memory up"""
    prioritized_max: float = 0.9
    """prioritized sequences: weight of the largest error in the priority; the rest is of their mean"""
    rescale_values: bool = False
    """learn a squashed return, for rewards of very different sizes (Pohlen et al. 2018, arXiv:1805.11593)"""

    def __post_init__(self) -> None:
        require(self.preset in ("", "rainbow"), "preset", '"" or "rainbow"', repr(self.preset))
        meant = {**PLAIN, **(RAINBOW if self.preset else {})}
        for name, value in meant.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        for name in (*PLAIN, "normalize_observation", "rescale_values"):
            if name != "n_step":
                value = getattr(self, name)
                require(isinstance(value, bool), name, "true or false", repr(value))
        check_counts(self, ("buffer_size", "batch_size", "train_freq", "target_update_interval"))
        check_counts(self, ("n_step", "n_quantiles", "stats_window_size"))
        check_counts(self, ("sequence_length", "memory_size", "memory_layers"))
        check_counts(self, ("learning_starts", "random_shift", "sequence_overlap", "burn_in"), least=0)
        length, overlap = self.sequence_length, self.sequence_overlap
        require(overlap < length, "sequence_overlap", f"below sequence_length ({length})", overlap)
        # What a sequence only warms up on, the one before it has learned from.
        require(self.burn_in <= overlap, "burn_in", f"at most sequence_overlap ({overlap})", self.burn_in)
        several = self.gradient_steps >= 1 or self.gradient_steps == -1
        rule = "a whole number, at least 1, or -1 for as many as environment steps"
        require(several, "gradient_steps", rule, self.gradient_steps)
        check_fractions(self, ("tau", "gamma", "prioritized_alpha", "prioritized_beta", "prioritized_max"))
        check_fractions(self, ("exploration_fraction", "exploration_initial_eps", "exploration_final_eps"))
        check_weights(self, ("max_grad_norm", "noisy_std"))
        check_widths(self.net_arch or [])
        check_schedules(self, ("learning_rate",))

    def check_envs(self, envs: int, memory: bool = False) -> None:
        """Raise ConfigError where the buffer is too small for that many environments."""
        assert self.n_step is not None
        least = envs * (2 * self.sequence_length if memory else 1 + self.n_step)
        if self.buffer_size < least:
            raise ConfigError(
                f"buffer_size must be at least {least:,} for {envs:,} environments, not {self.buffer_size:,}",
                key="settings.buffer_size",
            )

    def arguments(self) -> dict[str, Any]:
        """Arguments of `agents.DQN`. Raises ConfigError for an activation that torch.nn does not have."""
        plain, policy = split(
            self, ("net_arch", "activation", "features_dim", "memory_size", "memory_layers")
        )
        policy = {name: value for name, value in policy.items() if value is not None}
        policy["activation_fn"] = activation_class(policy.pop("activation"))
        return {**plain, "policy_kwargs": policy}
