"""What a run of an agent is: fully resolved, the same on the command line, in `config.toml` and in Python.

Nothing here loads torch, so that `train-agent --help` and a mistyped option answer at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sandbox.core.config import Count, load_config_of_run, read_toml
from sandbox.core.errors import ConfigError, NotFound, UsageError
from sandbox.core.run import Run
from sandbox.nn.presets import PresetName

from .algorithms import ALGORITHMS, find_algorithm, imported_by
from .policy_names import remembers
from .settings import Settings
from .settings.rules import require

Vec = Literal["sync", "async"]
Compile = Literal["default", "reduce-overhead", "max-autotune"]


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
    """which network: Mlp… for vectors, Cnn… for pictures, MultiInput… for Dict observations; with Lstm or Gru
    before Policy it remembers"""
    backbone: PresetName | None = None
    """of policies that see pictures; see `python -m sandbox list backbones`; left out: tiny, and for stock
    algorithms SB3's own CNN"""
    init_from: str | None = None
    """file with the backbone to start from, or a run that has one; its preset is adopted"""
    freeze: bool = False
    """do not train the backbone"""
    autocast: bool = False
    """compute the backbone in bfloat16, for GPUs"""
    compile: Compile | None = None
    """let torch.compile make the backbone faster, in this mode of it; reduce-overhead is CUDA graphs"""
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
    checkpoint_replay: bool = True
    """keep the replay buffer beside the newest checkpoint, for an exact resume"""
    video_every: Count = 0
    """steps between videos of the greedy agent, in the run's folder `videos`; 0 for none"""
    track: Literal["tensorboard"] | None = None
    """also write TensorBoard's files, into the run's folder"""
    env_args: dict[str, Any] = field(default_factory=dict)
    """arguments for the environment"""
    wrap: list[str] = field(default_factory=list)
    """wrappers around it, such as "frame_stack:4", the first one innermost"""
    settings: Settings = None  # type: ignore[assignment]
    """the algorithm's hyperparameters; left out: its defaults"""

    def __post_init__(self) -> None:
        for name in ("steps", "envs", "threads", "eval_episodes", "checkpoint_every", "keep_checkpoints"):
            require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        for name in ("eval_every", "video_every"):
            require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        require(0 <= self.seed < 2**31, "seed", "between 0 and 2147483647", self.seed)
        require(self.envs <= 65_536, "envs", "at most 65536", self.envs)
        if self.settings is None:
            object.__setattr__(self, "settings", find_algorithm(self.algo).settings())
        self.settings.check_envs(self.envs, remembers(self.policy))
        stock = find_algorithm(self.algo).stock
        if self.backbone is None and not stock:
            object.__setattr__(self, "backbone", "tiny")
        if self.policy.startswith("Mlp"):
            if self.init_from is not None or self.freeze:
                raise ConfigError(f"{self.policy} has no backbone to start from, or to freeze", key="policy")
            if self.autocast or self.compile is not None:
                raise ConfigError(f"{self.policy} has no backbone for autocast or compile", key="policy")
        if self.backbone is None and (self.freeze or self.autocast or self.compile is not None):
            what = "stock algorithms see through SB3's own CNN, and freeze, autocast and compile are for ours"
            raise ConfigError(what, hint="add --backbone or --init-from", key="backbone")

    @classmethod
    def types_of_tables(cls, values: Mapping[str, Any]) -> dict[str, type]:
        """Which dataclass `settings` is made of, for a config with such `values`."""
        name = str(values.get("algo", cls.algo))
        known = ":" in name or name in ALGORITHMS  # of others `find_algorithm` says which there are
        return {"settings": find_algorithm(name).settings} if known else {}


def read_config(run: Run, trust: bool, device: str | None) -> AgentConfig:
    """The config of a run, on another device if one is given.

    Raises:
        RunBroken: config.toml is missing or damaged; the message names the file, and line and key.
        UsageError: it would import a module that `trust` does not cover.
    """
    if not trust:
        _refuse_imports(run)  # before the config is made: an algorithm of the user's is imported for that
    config = load_config_of_run(run.config_path, AgentConfig)
    return config if device is None or device == "auto" else replace(config, device=device)


def _refuse_imports(run: Run) -> None:
    """Raise UsageError where opening the run would execute somebody's module."""
    try:
        values, _ = read_toml(run.config_path)
    except (NotFound, ConfigError):
        return  # `load_config_of_run` says so, and imports nothing
    for name in imported_by(values):
        raise UsageError(
            f"{name!r} in its config would import (and so execute) {name.partition(':')[0]!r}",
            hint="if you trust where the run comes from, add --trust",
        )
