"""The interface of DQN: its arguments, SB3's names, and its files. How it learns is in `agents.dqn`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, ClassVar

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import BasePolicy

from sandbox.core.errors import UsageError

from .algorithm import COMMON
from .array_algorithm import Env
from .q_policies import SB3_POLICIES, CnnQPolicy, MultiInputQPolicy, QPolicy
from .recurrent_q import RECURRENT
from .replay_agent import ReplayAgent
from .schedules import Schedule, as_steps
from .settings import DQNSettings

_POLICY_SETTINGS = {"net_arch", "activation", "features_dim", "memory_size", "memory_layers"}
_SETTINGS = {field.name for field in fields(DQNSettings)} - _POLICY_SETTINGS
_OWN_SETTINGS = tuple(sorted(_SETTINGS - {"preset", *ReplayAgent.saved_settings}))


class DQNInterface(ReplayAgent):
    """Deep Q-learning with SB3's interface: the same arguments, defaults, callbacks, logger keys, parameters.

    Other than in SB3, `train_freq` and `target_update_interval` count the steps of all environments together
    whatever their number, each environment decides for itself whether its action is random, and pictures are
    stored once, also where several make an observation. What one overrides to try an idea is in
    docs/new-agent.md.

    Example:
        >>> from agents import DQN
        >>> model = DQN("MlpPolicy", "Sandbox/CartPole-v0", n_envs=8, preset="rainbow", seed=0)
        >>> model = model.learn(1_000)  # with run=True it leaves a run folder, too
        >>> actions, _ = model.predict(model.env.reset(), deterministic=True)
        >>> actions.shape
        (8,)

    Args:
        policy: "MlpPolicy", "CnnPolicy" (pictures), "MultiInputPolicy" (Dict observations); with memory
            "MlpLstmPolicy", "CnnGruPolicy", …; or a subclass of `QPolicy`.
        env: an id, a `gymnasium.Env`, a `gymnasium.vector.VectorEnv`, or an SB3 `VecEnv`.
        learning_rate = 1e-4: a number, "lin_3e-4" (falls to 0), or a callable of the remaining progress.
        buffer_size = 1_000_000: transitions to remember, of all environments together.
        learning_starts = 100: environment steps of random actions before the first update.
        batch_size = 32: transitions per gradient step; with memory it counts sequences.
        tau = 1.0: how much of the network the target takes over at each update of it; 1: all.
        gamma = 0.99: discount per step.
        train_freq = 4: environment steps from one round of gradient steps to the next; also (4, "step").
        gradient_steps = 1: gradient steps in such a round; -1: as many as environment steps.
        replay_buffer_class = None, replay_buffer_kwargs = None, optimize_memory_usage = False: there for
            SB3's signature; the buffer is our own.
        n_steps = None: SB3's name for `n_step`.
        target_update_interval = 10_000: environment steps between updates of the target network.
        exploration_fraction = 0.1: part of the training over which random actions become fewer.
        exploration_initial_eps = 1.0: probability of a random action at the start.
        exploration_final_eps = 0.05: the same in the end.
        max_grad_norm = 10.0: longest gradient.
        stats_window_size = 100: episodes in the averages of the log.
        tensorboard_log = None: folder for TensorBoard's files.
        policy_kwargs = None: arguments of the policy, such as {"net_arch": [64, 64]}, or, where it sees
            pictures, {"backbone": "small"} or a trained one: {"backbone": load_run("latest").backbone}.
        verbose = 0: 1 prints the log.
        seed = None: decides everything that is random.
        device = "auto": "cpu", "cuda", …
        preset = "": "rainbow" turns on double, dueling, prioritized and three steps; what is said besides
            counts (after Hessel et al. 2018, arXiv:1710.02298).
        double = None: the network chooses the next action, the target judges it (arXiv:1509.06461). This
            and all others that are None: False, unless the preset says otherwise.
        dueling = None: value and advantages from streams of their own (arXiv:1511.06581).
        n_step = None: rewards to add up before bootstrapping; 1, unless the preset says otherwise.
        prioritized = None: draw transitions with large errors more often (arXiv:1511.05952).
        prioritized_alpha = 0.5: how much more often: 0 not at all, 1 in proportion.
        prioritized_beta = 0.4: correction of that bias at the start; rises to 1.
        distributional = None: learn quantiles of the return instead of its mean (arXiv:1710.10044).
        n_quantiles = 32: how many of them.
        noisy = None: explore by noise in the weights instead of random actions (arXiv:1706.10295).
        noisy_std = 0.5: its standard deviation at the start.
        normalize_observation = False: to mean 0 and variance 1; the statistics live in the policy.
        random_shift = 0: pixels by which pictures move at random while they are learned from (DrQ).
        sequence_length = 20: with memory, most transitions of a sequence.
        sequence_overlap = 10: transitions that neighbouring sequences share.
        burn_in = 0: first transitions of a sequence inside an episode, which only warm the memory up.
        prioritized_max = 0.9: of sequences: weight of the largest error in the priority, beside their mean.
        rescale_values = False: learn a squashed return, for rewards of very different sizes
            (arXiv:1805.11593).
        n_envs = None: how many environments to make of an id; 1, unless given.
        env_kwargs = None: arguments for the environment of an id.
        wrap = (): wrappers around it, such as ["frame_stack:4"], the first one innermost.
        vec = "sync": "async" steps slow simulators in worker processes, one for each core.

    Raises:
        UsageError, ConfigError: an argument out of its range.
        Refused: the buffer would not fit into memory.
        UnsupportedSpace: it cannot act in, or see, this environment.
        NoDevice: the device is not there.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "MlpPolicy": QPolicy,
        "CnnPolicy": CnnQPolicy,
        "MultiInputPolicy": MultiInputQPolicy,
        **RECURRENT,
    }
    sb3_policies = SB3_POLICIES
    supported_actions = (spaces.Discrete,)
    saved_settings = (*ReplayAgent.saved_settings, *_OWN_SETTINGS)
    settings_class = DQNSettings
    head_class: ClassVar[type[torch.nn.Module] | None] = None
    """what stands behind the features, for subclasses with an architecture of their own: a module made and
    called as `agents.q_networks.Dueling` is; None for what `dueling` says"""
    policy: QPolicy  # pyright: ignore[reportIncompatibleVariableOverride]

    # Hyperparameters, as DQNSettings explains them.
    buffer_size: int
    batch_size: int
    train_freq: int
    gradient_steps: int
    target_update_interval: int
    n_step: int
    n_quantiles: int
    random_shift: int
    sequence_length: int
    sequence_overlap: int
    burn_in: int
    tau: float
    gamma: float
    max_grad_norm: float
    exploration_fraction: float
    exploration_initial_eps: float
    exploration_final_eps: float
    prioritized_alpha: float
    prioritized_beta: float
    prioritized_max: float
    noisy_std: float
    double: bool
    dueling: bool
    prioritized: bool
    distributional: bool
    noisy: bool
    normalize_observation: bool
    rescale_values: bool

    def __init__(
        self,
        policy: str | type[QPolicy],
        env: Env | None,
        learning_rate: Schedule = 1e-4,
        buffer_size: int = 1_000_000,
        learning_starts: int = 100,
        batch_size: int = 32,
        tau: float = 1.0,
        gamma: float = 0.99,
        train_freq: int | tuple[int, str] = 4,
        gradient_steps: int = 1,
        replay_buffer_class: None = None,
        replay_buffer_kwargs: None = None,
        optimize_memory_usage: bool = False,
        n_steps: int | None = None,
        target_update_interval: int = 10_000,
        exploration_fraction: float = 0.1,
        exploration_initial_eps: float = 1.0,
        exploration_final_eps: float = 0.05,
        max_grad_norm: float = 10.0,
        stats_window_size: int = 100,
        tensorboard_log: str | None = None,
        policy_kwargs: dict[str, Any] | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: torch.device | str = "auto",
        _init_setup_model: bool = True,
        *,
        preset: str = "",
        double: bool | None = None,
        dueling: bool | None = None,
        n_step: int | None = None,
        prioritized: bool | None = None,
        prioritized_alpha: float = 0.5,
        prioritized_beta: float = 0.4,
        distributional: bool | None = None,
        n_quantiles: int = 32,
        noisy: bool | None = None,
        noisy_std: float = 0.5,
        normalize_observation: bool = False,
        random_shift: int = 0,
        sequence_length: int = 20,
        sequence_overlap: int = 10,
        burn_in: int = 0,
        prioritized_max: float = 0.9,
        rescale_values: bool = False,
        n_envs: int | None = None,
        env_kwargs: dict[str, Any] | None = None,
        wrap: Sequence[str] = (),
        vec: str = "sync",
    ) -> None:
        given = dict(locals())
        super().__init__(policy, env, **{name: given[name] for name in COMMON})
        self._take(given)
        if _init_setup_model:
            self._setup_model()

    def _take(self, given: dict[str, Any]) -> None:
        """Check the constructor's arguments, and keep what they mean."""
        if given["replay_buffer_class"] is not None or given["replay_buffer_kwargs"] is not None:
            raise UsageError("the replay buffer is our own", hint="say prioritized=True, n_step=3, …")
        given["n_step"] = given["n_steps"] if given["n_step"] is None else given["n_step"]
        given["train_freq"] = as_steps(given["train_freq"])
        checked = DQNSettings(**{name: given[name] for name in _SETTINGS if not callable(given[name])})
        for name in _OWN_SETTINGS:
            setattr(self, name, getattr(checked, name))

    # SB3's names

    @property
    def q_net(self) -> torch.nn.Module:
        """The network that acts and learns."""
        return self.policy.q_net

    @property
    def q_net_target(self) -> torch.nn.Module:
        """The older one that judges what comes next."""
        return self.policy.q_net_target

    def predict(
        self,
        observation: np.ndarray | dict[str, np.ndarray],
        state: tuple[np.ndarray, ...] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, tuple[np.ndarray, ...] | None]:
        """As SB3: the greedy actions, or, not `deterministic`, random ones as often as in training now."""
        actions, state = super().predict(observation, state, episode_start, deterministic=True)
        if deterministic:
            return actions, state
        sizes = {"size": actions.shape, "generator": self.generator, "device": self.device}
        random = torch.randint(int(self.action_space.n), **sizes).cpu().numpy()  # type: ignore[attr-defined]
        explores = (torch.rand(**sizes) < self.exploration_rate).cpu().numpy()
        return np.where(explores, random, actions), state

    @classmethod
    def settings_from_sb3(cls, data: dict[str, Any]) -> dict[str, Any]:
        found = super().settings_from_sb3(data)
        # There a step is one of all environments.
        steps = as_steps(data["train_freq"]) * data["n_envs"]
        return {**found, "train_freq": steps, "n_step": data.get("n_steps", 1)}
