"""Deep Q-learning (Mnih et al. 2015) and what has been added to it since, on batches of environments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, ClassVar, Self

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import MaybeCallback
from torch import Tensor

from sandbox.core.errors import UsageError

from .actions import for_env
from .algorithm import Agent, Env
from .episodes import count_step
from .log import check_q_learning, log_q_learning
from .observations import Tensors
from .optimizers import clip_gradients
from .q_learning import (
    bellman_targets,
    huber_loss,
    of_actions,
    quantile_huber_loss,
    squashed,
    unsquashed,
)
from .q_networks import SB3_POLICIES, CnnQPolicy, MultiInputQPolicy, QPolicy
from .random_shift import shifted
from .recurrent_q import RECURRENT
from .replay import Replay, Transitions
from .replay_state import capture_learning, exploration_rate, load_replay, restore_learning, save_replay
from .saving import Target
from .sb3_infos import sb3_locals
from .schedules import Schedule, as_steps
from .segments import Segments
from .sequence_replay import SequenceReplay
from .sequences import Sequences
from .session import AgentSession, NoSession
from .settings import DQNSettings

_ROWS_AT_ONCE = 1024
"""Transitions drawn, and judged by the target network, in one go: fewer calls, and still in the cache."""


_POLICY_SETTINGS = {"net_arch", "activation", "features_dim", "memory_size", "memory_layers"}
_SETTINGS = {field.name for field in fields(DQNSettings)} - _POLICY_SETTINGS
_OWN_SETTINGS = tuple(sorted(_SETTINGS - {"preset", *Agent.saved_settings}))


class DQN(Agent):
    """DQN with SB3's interface: same arguments and defaults, same callbacks, logger keys and parameter names.

    Other than in SB3, `train_freq` and `target_update_interval` count the steps of all environments together
    whatever their number, each environment decides for itself whether its action is random, and pictures are
    stored once, also where several make an observation.

    Args:
        policy: "MlpPolicy", "CnnPolicy" (pictures), "MultiInputPolicy" (Dict observations); with memory
            "MlpLstmPolicy", "CnnGruPolicy", …; or a subclass of `QPolicy`.
        env, n_envs, env_kwargs, wrap, vec, policy_kwargs, stats_window_size, tensorboard_log, verbose,
            seed, device: see `Agent`.
        learning_rate: a number, "lin_3e-4" (falls to 0), or a callable of the remaining progress.
        train_freq: also (4, "step"), as in SB3.
        n_steps: SB3's name for `n_step`. optimize_memory_usage: not used, that is done in any case.
        preset: "rainbow" turns on double, dueling, prioritized and three steps; what is said besides counts
            (after Hessel et al. 2018, arXiv:1710.02298).
        others: hyperparameters; `DQNSettings` says what each is, and in which paper it was proposed.

    Raises:
        UsageError, ConfigError: an argument out of its range.
        Refused: the buffer would not fit into memory.
        UnsupportedSpace, NoDevice: see `Agent`.
    """

    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {
        "MlpPolicy": QPolicy,
        "CnnPolicy": CnnQPolicy,
        "MultiInputPolicy": MultiInputQPolicy,
        **RECURRENT,
    }
    sb3_policies = SB3_POLICIES
    supported_actions = (spaces.Discrete,)
    saved_settings = (*Agent.saved_settings, *_OWN_SETTINGS)
    policy: QPolicy
    replay: Replay | SequenceReplay

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
        del optimize_memory_usage  # frames are stored once in any case
        if replay_buffer_class is not None or replay_buffer_kwargs is not None:
            raise UsageError("the replay buffer is our own", hint="say prioritized=True, n_step=3, …")
        super().__init__(
            policy,
            env,
            learning_rate=learning_rate,
            n_envs=n_envs,
            env_kwargs=env_kwargs,
            wrap=wrap,
            vec=vec,
            policy_kwargs=policy_kwargs,
            stats_window_size=stats_window_size,
            tensorboard_log=tensorboard_log,
            verbose=verbose,
            seed=seed,
            device=device,
        )
        given |= {"n_step": n_steps if n_step is None else n_step, "train_freq": as_steps(train_freq)}
        checked = DQNSettings(**{name: given[name] for name in _SETTINGS if not callable(given[name])})
        self.buffer_size, self.learning_starts, self.batch_size = buffer_size, learning_starts, batch_size
        self.tau, self.gamma, self.max_grad_norm = tau, gamma, max_grad_norm
        self.train_freq, self.gradient_steps = checked.train_freq, gradient_steps
        self.target_update_interval, self.exploration_fraction = target_update_interval, exploration_fraction
        self.exploration_initial_eps = exploration_initial_eps
        self.exploration_final_eps = exploration_final_eps
        self.double, self.dueling, self.n_step = checked.double, checked.dueling, int(checked.n_step or 1)
        self.prioritized, self.distributional = bool(checked.prioritized), checked.distributional
        self.prioritized_alpha, self.prioritized_beta = prioritized_alpha, prioritized_beta
        self.n_quantiles, self.noisy, self.noisy_std = n_quantiles, checked.noisy, noisy_std
        self.normalize_observation, self.random_shift = normalize_observation, random_shift
        self.sequence_length, self.sequence_overlap = checked.sequence_length, checked.sequence_overlap
        self.burn_in, self.prioritized_max = checked.burn_in, checked.prioritized_max
        self.rescale_values = checked.rescale_values
        if _init_setup_model:
            self._setup_model()

    def _build(self) -> None:
        if own := self.policy_kwargs.keys() & {"n_quantiles", "dueling", "noisy_std", "rescale_values"}:
            raise UsageError(f"{', '.join(sorted(own))}: an argument of the agent, not of its policy")
        policy: QPolicy = self.policy_class(  # type: ignore[assignment]
            self.observation_space,
            self.action_space,
            self.lr_schedule,
            **{
                "n_quantiles": self.n_quantiles if self.distributional else 1,
                "dueling": self.dueling,
                "noisy_std": self.noisy_std if self.noisy else None,
                "rescale_values": self.rescale_values,
                "normalize_observations": self.normalize_observation,
                **self.policy_kwargs,
            },
        )
        self.policy = policy.to(self.device)  # pyright: ignore[reportIncompatibleVariableOverride]
        self.exploration_rate = 0.0  # as SB3's, before it has learned
        self._rounds = 0  # of `train_freq` environment steps, that have been learned from or passed over
        self._learns_from = self.learning_starts
        self._loss = torch.zeros((), device=self.device)  # sum since it was last looked at
        self._logged = (0, 0, 0)  # episodes, steps and updates at that time

    # SB3's names

    @property
    def replay_buffer(self) -> Replay | SequenceReplay | None:
        return getattr(self, "replay", None)

    @property
    def q_net(self) -> torch.nn.Module:
        return self.policy.q_net

    @property
    def q_net_target(self) -> torch.nn.Module:
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

    # Environments

    def _prepare_for_env(self) -> None:
        super()._prepare_for_env()
        before = getattr(self, "replay", None)
        if before is None or before.n_envs != self.n_envs:
            self.replay = self._new_replay()

    def _new_replay(self) -> Replay | SequenceReplay:
        spaces_ = (self.observation_space, self.action_space)
        sizes = (self.buffer_size, self.n_envs, *spaces_, self.device)
        options: dict[str, Any] = {
            "gamma": self.gamma,
            "n_step": self.n_step,
            "stack_depth": self.simulator.stack_depth,
            "prioritized": self.prioritized,
            "alpha": self.prioritized_alpha,
        }
        memory = self.policy.initial_state(1)
        if memory is None:
            return Replay(*sizes, **options)
        return SequenceReplay(
            *sizes,
            numbers=memory.shape[1],
            length=self.sequence_length,
            overlap=self.sequence_overlap,
            burn_in=self.burn_in,
            max_weight=self.prioritized_max,
            **options,
        )

    def _begin_episodes(self) -> None:
        super()._begin_episodes()
        if self._last_obs is not None:
            self.replay.begin(self._last_obs)  # type: ignore[arg-type]

    # Learning

    def learn(
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        log_interval: int | None = 4,
        tb_log_name: str = "DQN",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
        *,
        run: bool | AgentSession | NoSession = False,
    ) -> Self:
        """Learn for at least `total_timesteps` environment steps (whole steps of all environments).

        Args:
            callback, log_interval, tb_log_name, reset_num_timesteps, progress_bar: as in SB3; `log_interval`
                counts episodes (and no log is longer than about a thousand rows), None logs nothing.
            run: True writes a run folder (metrics, checkpoints, evaluation); an `AgentSession` says how.

        Raises:
            Diverged: the loss is no number any more.
        """
        total_timesteps, callback = self._setup_learn(
            total_timesteps, callback, reset_num_timesteps, tb_log_name, progress_bar
        )
        self._update_current_progress_remaining(self.num_timesteps, max(self._total_timesteps, 1))
        if reset_num_timesteps:
            self._rounds, self._learns_from, self._logged = 0, self.learning_starts, (0, 0, self._n_updates)
        elif self.replay.size == 0:  # learned elsewhere before: there is nothing to make up for
            self._learns_from = self.num_timesteps + self.learning_starts
        with self._open_session(run) as session:
            callback.on_training_start(locals(), globals())
            while self.num_timesteps < total_timesteps and self.collect(callback):
                self.train(self._rounds_due())
                log_q_learning(self, log_interval, total_timesteps)
                if not session.after_update(self):
                    break
            check_q_learning(self)
            callback.on_training_end()
        return self

    def collect(self, callback: BaseCallback) -> bool:
        """Step all environments until a round of gradient steps is due. False where a callback ended
        training on the way."""
        self._set_training_mode(False)
        callback.on_rollout_start()
        enough = min((self._rounds + 1) * self.train_freq, self._total_timesteps)
        while True:
            observation = self._upload(self._last_obs)  # type: ignore[arg-type]
            before = () if self._policy_state is None else (self._policy_state,)
            with torch.inference_mode():
                actions, self._policy_state = self.policy.explore(
                    observation,
                    self._policy_state,
                    self._starts(),
                    generator=self.generator,
                    epsilon=self._epsilon(),
                )
            if self.policy.observation_normalizer is not None:
                self.policy.observation_normalizer.update(observation)
            taken = for_env(actions, self.action_space)
            step = self.simulator.step(taken)
            self.replay.add(actions, step, *before)
            finished = count_step(self, step, step.terminated | step.truncated)
            self._update_current_progress_remaining(self.num_timesteps, self._total_timesteps)
            if self._watched:
                callback.update_locals(sb3_locals(self, taken, step, finished))
            if not callback.on_step():
                return False
            if self.num_timesteps >= enough:
                break
        callback.on_rollout_end()
        return True

    def _epsilon(self) -> float:
        """Probability of a random action; everything is random before learning starts."""
        gone = 1 - self._current_progress_remaining
        part = min(gone / self.exploration_fraction, 1.0) if self.exploration_fraction > 0 else 1.0
        change = self.exploration_final_eps - self.exploration_initial_eps
        self.exploration_rate = 0.0 if self.noisy else self.exploration_initial_eps + part * change
        return 1.0 if self.num_timesteps < self.learning_starts else self.exploration_rate

    def _rounds_due(self) -> int:
        """How many rounds of gradient steps are due, without those before learning starts."""
        now = self.num_timesteps // self.train_freq
        if self.num_timesteps <= self._learns_from or self.replay.choices == 0:
            self._rounds = now
        return now - self._rounds

    def train(self, rounds: int) -> None:
        """Learn from the replay: in each round `gradient_steps`, with the target network updated between
        them as often as the environment steps behind them ask for."""
        if rounds == 0:
            return
        self._set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        each = self.train_freq if self.gradient_steps < 0 else self.gradient_steps
        steps = 0  # until the target network changes
        for _ in range(rounds):
            before = self._rounds * self.train_freq // self.target_update_interval
            self._rounds += 1
            times = self._rounds * self.train_freq // self.target_update_interval - before
            if times:
                self._gradient_steps(steps)
                self.policy.update_target(1 - (1 - self.tau) ** times)
                steps = 0
            steps += each
        self._gradient_steps(steps)

    def _gradient_steps(self, count: int) -> None:
        """So many gradient steps with the target network as it is."""
        at_once = max(_ROWS_AT_ONCE // self.batch_size, 1)
        parameters = list(self.policy.q_net.parameters())
        beta = 1 - (1 - self.prioritized_beta) * self._current_progress_remaining
        for first in range(0, count, at_once):
            several = min(at_once, count - first)
            batch = self.replay.sample(several * self.batch_size, self.generator, beta)
            batch.change_observations(self._shifted)
            later = self.policy.said_by_target(batch, self.generator)
            errors = []
            for minibatch, rows in batch.minibatches(self.batch_size):
                loss, error = self.loss(minibatch, later[rows])
                for parameter in parameters:
                    parameter.grad = None
                loss.backward()
                clip_gradients(parameters, self.max_grad_norm)
                self.policy.optimizer.step()
                self._loss += loss.detach()
                errors.append(error)
            if self.prioritized:
                self.replay.update_priorities(batch, torch.cat(errors))  # type: ignore[arg-type]
        self._n_updates += count

    def _shifted(self, observations: Tensors, *segments: Segments) -> Tensors:
        space, pixels = self.observation_space, self.random_shift
        return shifted(observations, space, pixels, self.generator, *segments)

    def loss(self, batch: Transitions | Sequences, later: Tensor) -> tuple[Tensor, Tensor]:
        """The error of what the network says about a minibatch, weighted by the importance of its parts.

        Args:
            batch: (transitions, …).
            later: (transitions, quantiles, actions), the target network's word on what comes behind each.

        Returns:
            the loss, and (transitions,) each one's own error, its new priority.
        """
        said, chooser = self.policy.said(batch, self.generator, bool(self.double))
        with torch.no_grad():
            actions = (later if chooser is None else chooser).mean(1).argmax(-1)
            if self.rescale_values:
                later = unsquashed(later)
            targets = bellman_targets(batch.returns, batch.discounts, later, actions)
            if self.rescale_values:
                targets = squashed(targets)
        of_taken = of_actions(said, batch.actions)
        losses, errors = (quantile_huber_loss if self.distributional else huber_loss)(of_taken, targets)
        if self.prioritized:
            losses = losses * (batch.importance / batch.weights.max())
        return losses.mean(), errors

    @classmethod
    def settings_from_sb3(cls, data: dict[str, Any]) -> dict[str, Any]:
        found = super().settings_from_sb3(data)
        # There a step is one of all environments.
        steps = as_steps(data["train_freq"]) * data["n_envs"]
        return {**found, "train_freq": steps, "n_step": data.get("n_steps", 1)}

    def counters(self) -> dict[str, float]:
        return {**super().counters(), "exploration_rate": self.exploration_rate}

    def take_counters(self, counters: dict[str, Any]) -> None:
        super().take_counters(counters)
        self.exploration_rate = float(counters["exploration_rate"])

    # The whole state of training

    def training_state(self) -> dict[str, Any]:
        return super().training_state() | capture_learning(self)

    def load_training_state(self, state: dict[str, Any]) -> list[str]:
        """As `Agent.load_training_state`; without "replay" the buffer starts anew, with random actions."""
        return restore_learning(self, state, super().load_training_state(state))

    def load_policy(self, state: dict[str, Any], step: int) -> None:
        super().load_policy(state, step)
        self.exploration_rate = exploration_rate(state)

    def save_replay_buffer(self, path: Target) -> None:
        """Write the replay buffer as a zip of safetensors and JSON; a path without a suffix gets `.zip`."""
        save_replay(self, path)

    def load_replay_buffer(self, path: Target, truncate_last_traj: bool = True) -> None:
        """Take over what `save_replay_buffer` wrote, for the same number of environments.

        Raises:
            NotFound, Broken: there is no such file, or it is damaged, or no such buffer (as SB3's pickles).
            CheckpointBroken: it does not fit.
        """
        del truncate_last_traj  # an episode that was running when it was written is cut in any case
        load_replay(self, path)
