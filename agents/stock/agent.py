"""`StockAgent`: a stock algorithm as our runs, evaluations, videos and windows want an agent."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.noise import ActionNoise, NormalActionNoise, OrnsteinUhlenbeckActionNoise
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from agents.eyes import Sighted
from agents.protocols import AnySession
from agents.simulators.from_sb3 import FromSB3
from sandbox.core.errors import Diverged, UsageError

from .environments import make_environments
from .policy import StockActor, StockPolicy
from .spaces import check_spaces_of
from .state import capture, restore, restore_policy

if TYPE_CHECKING:
    from agents.settings.stock import Noise


class StockAgent(Sighted):
    """A stock algorithm, which learns by its own loop; a callback tells the run between two rollouts.

    Args:
        algorithm: the stock class, such as `stable_baselines3.PPO`.
        policy: the name of one of its policies.
        env: id of the environment.
        policies: names of all that the algorithm has.
        actions: kinds of action spaces that it can act in, "Discrete, Box".
        n_envs, env_kwargs, wrap, vec: see `make_environments`.
        seed, device: as in SB3.
        normalize_observation, normalize_reward: learn behind a `VecNormalize`.
        noise_type, noise_std: the action noise of TD3 and its relatives.
        arguments: everything else that the stock class takes.

    Raises:
        UsageError: the algorithm cannot act in, or see, this environment, or refuses its arguments.
        SandboxError: the environment cannot be made.
    """

    verbose = 0

    def __init__(
        self,
        algorithm: type[BaseAlgorithm],
        policy: str,
        env: str,
        *,
        policies: Sequence[str],
        actions: str,
        n_envs: int = 1,
        env_kwargs: Mapping[str, Any] | None = None,
        wrap: Sequence[str] = (),
        vec: str = "sync",
        seed: int = 0,
        device: torch.device | str = "auto",
        normalize_observation: bool = False,
        normalize_reward: bool = False,
        noise_type: Noise = "none",
        noise_std: float = 0.1,
        **arguments: Any,
    ) -> None:
        self.seed = seed
        environments = make_environments(env, n_envs, env_kwargs or {}, wrap, vec)
        self.observation_space = environments.observation_space
        self.action_space = environments.action_space
        try:
            seen, acts = self.observation_space, self.action_space
            check_spaces_of(algorithm.__name__, policies, actions, policy, seen, acts)
            if noise_type != "none":
                arguments["action_noise"] = _noise(noise_type, noise_std, environments)
            self.normalizer: VecNormalize | None = None
            if normalize_observation or normalize_reward:
                self.normalizer = VecNormalize(
                    environments,
                    norm_obs=normalize_observation,
                    norm_reward=normalize_reward,
                    gamma=arguments.get("gamma", 0.99),
                )
            learnt_on = environments if self.normalizer is None else self.normalizer
            with warnings.catch_warnings():
                # Its rollouts are shorter where one environment is watched instead of eight trained on.
                warnings.filterwarnings("ignore", "You have specified a mini-batch size")
                made = algorithm(policy, learnt_on, seed=seed, device=device, **arguments)  # type: ignore[arg-type]
            self.model: BaseAlgorithm = made
        except BaseException as error:
            environments.close()
            if isinstance(error, ValueError | TypeError | AssertionError | RuntimeError | ArithmeticError):
                reason = str(error).strip().partition("\n")[0] or type(error).__name__
                raise UsageError(f"stock {algorithm.__name__} refuses this: {reason}") from error
            raise
        self.simulator = FromSB3(environments)
        """what to close"""
        normalizer = self.normalizer if normalize_observation else None
        self.policy = StockPolicy(self.model, self.observation_space, normalizer)

    # What is the model's

    @property
    def network(self) -> torch.nn.Module:
        """The model's policy."""
        return self.model.policy

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.model.device

    @property
    def num_timesteps(self) -> int:
        """Environment steps so far."""
        return self.model.num_timesteps

    @property
    def ep_info_buffer(self) -> Any:
        """The last episodes: return "r" and length "l" each, before rewards were normalised."""
        return self.model.ep_info_buffer

    @property
    def logger(self) -> Logger:
        """SB3's."""
        return self.model.logger

    def set_logger(self, logger: Logger) -> None:
        """As in SB3."""
        self.model.set_logger(logger)

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """As SB3's `predict`, for observations as the environment shows them (`model.predict` wants them
        normalised, where that is how it learned)."""
        return self.policy.predict(observation, state, episode_start, deterministic)

    def actor(self, name: str) -> StockActor:
        """Somebody for `watch` and for videos, who takes the most likely action."""
        return StockActor(self.policy, name)

    # Learning

    def learn(self, total_timesteps: int, reset_num_timesteps: bool = True, *, run: AnySession) -> Self:
        """Learn as the stock algorithm does, and let `run` evaluate, save and stop between two rollouts.

        Raises:
            Diverged: the weights stopped being finite numbers.
        """
        with run:
            try:
                between = _BetweenRollouts(self, run)
                self.model.learn(total_timesteps, between, reset_num_timesteps=reset_num_timesteps)
                run.after_update(self)
            except _Ended:
                pass
            except ValueError as error:  # torch's distributions refuse what is no number
                self._check_finite(error)
                raise
        return self

    def _check_finite(self, error: ValueError) -> None:
        if not all(bool(part.isfinite().all()) for part in self.model.policy.state_dict().values()):
            raise Diverged(
                f"the weights stopped being finite numbers before step {self.num_timesteps}",
                hint="lower the learning rate, or look for NaN in the environment's observations",
            ) from error

    # State

    def training_state(self) -> dict[str, Any]:
        """What can be kept of a stock algorithm (see `agents.stock.state`)."""
        return capture(self)

    def load_training_state(self, state: dict[str, Any]) -> list[str]:
        """Continue from `training_state`, on an agent built with the same arguments; returns a sentence about
        what starts anew. Raises CheckpointBroken for the state of another agent."""
        return restore(self, state)

    def load_policy(self, state: dict[str, Any], step: int) -> None:
        """Take only the policy of a `training_state`, to act; raises CheckpointBroken as above."""
        restore_policy(self, state, step)


class _Ended(Exception):  # noqa: N818 - nobody's error
    """The run wants no more training. SB3's callbacks can end a rollout, but not say no to the next one."""


class _BetweenRollouts(BaseCallback):
    """Tells a run that an update is over: at the beginning of the rollout that follows it."""

    def __init__(self, agent: StockAgent, session: AnySession) -> None:
        super().__init__()
        self._agent, self._session, self._updated = agent, session, False

    def _on_rollout_start(self) -> None:
        if self._updated and not self._session.after_update(self._agent):
            raise _Ended
        self._updated = True

    def _on_step(self) -> bool:
        return True


def _noise(kind: Noise, deviation: float, environments: VecEnv) -> ActionNoise:
    """Noise in each of the action's dimensions, in units of half its range."""
    size = environments.action_space.shape or (1,)
    mean, sigma = np.zeros(size), np.full(size, deviation)
    return NormalActionNoise(mean, sigma) if kind == "normal" else OrnsteinUhlenbeckActionNoise(mean, sigma)
