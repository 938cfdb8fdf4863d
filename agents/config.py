"""What a run of an agent is: fully resolved, the same on the command line, in `config.toml` and in Python.

Nothing here loads torch, so that `train-agent --help` and a mistyped option answer at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, Literal

from sandbox.core.config import Count
from sandbox.core.errors import ConfigError

from .schedules import as_schedule

Vec = Literal["sync", "async"]


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
    stats_window_size: int = 100
    """episodes in the averages of the log"""
    net_arch: list[int] = field(default_factory=lambda: [64, 64])
    """widths of the hidden layers, of actor and critic each"""
    activation: str = "Tanh"
    """a class of torch.nn: Tanh, ReLU, SiLU, …"""
    ortho_init: bool = True
    """orthogonal initialisation"""
    log_std_init: float = 0.0
    """continuous actions: logarithm of the first standard deviation"""

    def __post_init__(self) -> None:
        for name in ("n_steps", "batch_size", "n_epochs", "stats_window_size"):
            value = getattr(self, name)
            _require(_is(value, Integral) and value >= 1, name, "a whole number, at least 1", value)
        for name in ("gamma", "gae_lambda"):
            value = getattr(self, name)
            _require(_is(value, Real) and 0 <= value <= 1, name, "between 0 and 1", value)
        for name in ("ent_coef", "vf_coef", "max_grad_norm"):
            value = getattr(self, name)
            _require(_is(value, Real) and 0 <= value < math.inf, name, "0 or more", value)
        _require(self.target_kl is None or self.target_kl > 0, "target_kl", "above 0", self.target_kl)
        _require(
            all(width >= 1 for width in self.net_arch),
            "net_arch",
            "made of widths of 1 or more",
            self.net_arch,
        )
        for name in ("learning_rate", "clip_range", "clip_range_vf"):
            value = getattr(self, name)
            try:
                as_schedule(0.0 if value is None else value)
            except ValueError as error:
                raise ConfigError(f"{name}: {error}", key=name) from None

    def arguments(self) -> dict[str, Any]:
        """Arguments of `agents.PPO`. Raises ConfigError for an activation that torch.nn does not have."""
        from .encoding import find_class

        activation = find_class(f"torch.nn.{self.activation}")
        if activation is None:
            raise ConfigError(
                f"torch.nn has no activation {self.activation!r}", "try Tanh, ReLU or SiLU", key="activation"
            )
        plain = {
            name: getattr(self, name) for name in self.__dataclass_fields__ if name not in _POLICY_SETTINGS
        }
        policy = {"net_arch": self.net_arch, "activation_fn": activation, "ortho_init": self.ortho_init}
        return {**plain, "policy_kwargs": {**policy, "log_std_init": self.log_std_init}}


_POLICY_SETTINGS = ("net_arch", "activation", "ortho_init", "log_std_init")


@dataclass(frozen=True)
class AgentConfig:
    """One run of `train-agent`, with nothing left open."""

    env: str
    """id of the task, as gymnasium knows it; the last evaluation is on this one"""
    train_env: str
    """id of the environment to learn on: the same, or its twin written as an array program"""
    algo: str = "ppo"
    """see `python -m sandbox list algos`"""
    policy: str = "MlpPolicy"
    """which network: MlpPolicy for vectors, MultiInputPolicy for Dict observations"""
    steps: Count = 100_000
    """environment steps, all environments together"""
    envs: int = 8
    """environments side by side"""
    seed: int = 0
    """decides everything that is random"""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps"""
    threads: int = 1
    """torch's threads on the CPU; one is fastest for small networks"""
    vec: Vec = "sync"
    """async: stepped in worker processes, one for each core, for slow simulators"""
    eval_every: Count = 10_000
    """steps between greedy evaluations; 0 for none but the last"""
    eval_episodes: int = 20
    """episodes of an evaluation on the way; the last one has 100"""
    early_stop: bool = True
    """stop as soon as an evaluation reaches the threshold, and 100 fresh episodes confirm it"""
    threshold: float | None = None
    """mean return that counts as solved; left out: none is known"""
    checkpoint_every: Count = 20_000
    """steps between checkpoints: what a power cut can cost"""
    keep_checkpoints: int = 3
    """how many of the newest to keep, besides the best"""
    video_every: Count = 0
    """steps between videos of the greedy agent, in the run's folder `videos`; 0 for none"""
    track: Literal["tensorboard"] | None = None
    """also write TensorBoard's files, into the run's folder"""
    env_args: dict[str, Any] = field(default_factory=dict)
    """arguments for the environment"""
    wrap: list[str] = field(default_factory=list)
    """wrappers around it, such as "frame_stack:4", the first one innermost"""
    settings: PPOSettings = field(default_factory=PPOSettings)
    """the algorithm's hyperparameters"""

    def __post_init__(self) -> None:
        for name in ("steps", "envs", "threads", "eval_episodes", "checkpoint_every", "keep_checkpoints"):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        for name in ("eval_every", "video_every"):
            _require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        _require(0 <= self.seed < 2**31, "seed", "between 0 and 2147483647", self.seed)
        _require(self.envs <= 65_536, "envs", "at most 65536", self.envs)
        rollout = self.envs * self.settings.n_steps
        if self.settings.normalize_advantage and rollout < 2:
            raise ConfigError("envs times n_steps must be at least 2 to normalise advantages", key="envs")


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, kind)


def _require(holds: bool, name: str, rule: str, value: object) -> None:
    if not holds:
        raise ConfigError(f"{name} must be {rule}, not {value}", key=name)
