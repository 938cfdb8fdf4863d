"""The interface of PPO: its arguments, and SB3's names. How it learns is in `agents.ppo`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, ClassVar

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.utils import FloatSchedule

from sandbox.core.errors import UsageError

from .algorithm import COMMON, Agent
from .array_algorithm import Env
from .networks import SB3_POLICIES, ActorCritic, CnnActorCritic, MultiInputActorCritic
from .recurrent import CONTRIB, RECURRENT
from .schedules import Schedule, as_schedule
from .settings import PPOSettings

_PLAIN = (
    *("n_steps", "batch_size", "n_epochs", "gamma", "gae_lambda", "normalize_advantage", "ent_coef"),
    *("vf_coef", "max_grad_norm", "target_kl", "use_sde", "sde_sample_freq"),
    *("normalize_observation", "normalize_reward", "random_shift", "sequence_length"),
)


class PPOInterface(Agent):
    """PPO with SB3's interface: the same arguments, defaults, callbacks, logger keys and parameter names.

    What one overrides to try an idea is in docs/new-agent.md.

    Example:
        >>> from agents import PPO
        >>> model = PPO("MlpPolicy", "Sandbox/CartPole-v0", n_envs=8, n_steps=32, seed=0)
        >>> model = model.learn(1_000)  # with run=True it leaves a run folder, too
        >>> actions, _ = model.predict(model.env.reset(), deterministic=True)
        >>> actions.shape
        (8,)

    Args:
        policy: "MlpPolicy", "CnnPolicy" (pictures), "MultiInputPolicy" (Dict observations); with memory
            "MlpLstmPolicy", "CnnGruPolicy", …; or a subclass of `ActorCritic`.
        env: an id, a `gymnasium.Env`, a `gymnasium.vector.VectorEnv`, or an SB3 `VecEnv`.
        learning_rate = 3e-4: a number, "lin_3e-4" (falls to 0), or a callable of the remaining progress.
        n_steps = 2048: steps per environment and rollout.
        batch_size = 64: transitions per gradient step; with memory as many whole sequences as have so many.
        n_epochs = 10: passes over each rollout.
        gamma = 0.99: discount per step.
        gae_lambda = 0.95: weight of longer advantage estimates.
        clip_range = 0.2: how far the probability ratio may move from 1; a schedule as `learning_rate`.
        clip_range_vf = None: how far a value may move in one rollout (depends on the scale of rewards); None
            for freely.
        normalize_advantage = True: to mean 0 and deviation 1 in each minibatch.
        ent_coef = 0.0: weight of the entropy bonus.
        vf_coef = 0.5: weight of the value loss.
        max_grad_norm = 0.5: longest gradient, over all parameters.
        use_sde = False: continuous actions: explore with noise that depends on the state (Raffin et al.
            2020, arXiv:2005.05719).
        sde_sample_freq = -1: steps until its matrices are drawn anew; -1 for a rollout.
        target_kl = None: stop the update where the policy moved 1.5 times that far; None for never.
        normalize_observation = False: learn from observations with mean 0 and variance 1; the statistics
            live in the policy.
        normalize_reward = False: learn from rewards over the deviation of the discounted return.
        random_shift = 0: pixels by which pictures move at random while they are learned from (DrQ).
        stats_window_size = 100: episodes in the averages of the log.
        tensorboard_log = None: folder for TensorBoard's files.
        policy_kwargs = None: arguments of the policy, such as {"net_arch": [64, 64]}, or, where it sees
            pictures, {"backbone": "small"} or a trained one: {"backbone": load_run("latest").backbone}.
        verbose = 0: 1 prints the log.
        seed = None: decides everything that is random.
        device = "auto": "cpu", "cuda", …
        sequence_length = None: with memory, steps to learn from in one piece; None for the whole rollout.
        n_envs = None: how many environments to make of an id; 1, unless given.
        env_kwargs = None: arguments for the environment of an id.
        wrap = (): wrappers around it, such as ["frame_stack:4"], the first one innermost.
        vec = "sync": "async" steps slow simulators in worker processes, one for each core.

    Raises:
        UsageError, ConfigError: an argument out of its range.
        UnsupportedSpace: it cannot act in, or see, this environment.
        NoDevice: the device is not there.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "MlpPolicy": ActorCritic,
        "CnnPolicy": CnnActorCritic,
        "MultiInputPolicy": MultiInputActorCritic,
        **RECURRENT,
    }
    sb3_policies = SB3_POLICIES
    contrib_policies = CONTRIB
    supported_actions = (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary, spaces.Box)
    saved_settings = (*Agent.saved_settings, "clip_range", "clip_range_vf", *_PLAIN)
    settings_class = PPOSettings
    policy: ActorCritic  # pyright: ignore[reportIncompatibleVariableOverride]

    # Hyperparameters, as PPOSettings explains them.
    n_steps: int
    batch_size: int
    n_epochs: int
    sde_sample_freq: int
    random_shift: int
    sequence_length: int | None
    gamma: float
    gae_lambda: float
    ent_coef: float
    vf_coef: float
    max_grad_norm: float
    target_kl: float | None
    normalize_advantage: bool
    normalize_observation: bool
    normalize_reward: bool
    use_sde: bool

    def __init__(
        self,
        policy: str | type[ActorCritic],
        env: Env | None,
        learning_rate: Schedule = 3e-4,
        n_steps: int = 2048,
        batch_size: int = 64,
        n_epochs: int = 10,
        gamma: float = 0.99,
        gae_lambda: float = 0.95,
        clip_range: Schedule = 0.2,
        clip_range_vf: Schedule | None = None,
        normalize_advantage: bool = True,
        ent_coef: float = 0.0,
        vf_coef: float = 0.5,
        max_grad_norm: float = 0.5,
        use_sde: bool = False,
        sde_sample_freq: int = -1,
        target_kl: float | None = None,
        normalize_observation: bool = False,
        normalize_reward: bool = False,
        random_shift: int = 0,
        stats_window_size: int = 100,
        tensorboard_log: str | None = None,
        policy_kwargs: dict[str, Any] | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: torch.device | str = "auto",
        _init_setup_model: bool = True,
        *,
        sequence_length: int | None = None,
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
        """Keep the constructor's arguments, and check them."""
        for name in _PLAIN:
            setattr(self, name, given[name])
        value_clip = given["clip_range_vf"]
        self.clip_range = FloatSchedule(as_schedule(given["clip_range"]))
        self.clip_range_vf = None if value_clip is None else FloatSchedule(as_schedule(value_clip))
        if "use_sde" in self.policy_kwargs:
            raise UsageError("use_sde is an argument of the agent, not of its policy")
        if self.normalize_advantage and self.batch_size == 1:
            raise UsageError("one transition has no deviation", hint="set normalize_advantage=False")
        checked = {field.name for field in fields(PPOSettings)} & set(PPOInterface.saved_settings)
        values = {name: self.setting(name) for name in checked}
        PPOSettings(**{name: value for name, value in values.items() if not callable(value)})
