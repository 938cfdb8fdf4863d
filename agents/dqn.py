"""Deep Q-learning (Mnih et al. 2015) and what has been added to it since, on batches of environments."""

from __future__ import annotations

from typing import Any, Self

import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.type_aliases import MaybeCallback
from torch import Tensor

from sandbox.core.errors import UsageError

from .actions import for_env
from .dqn_interface import DQNInterface
from .observations import Tensors
from .optimizers import clip_gradients
from .protocols import AnySession
from .python_run import session_of
from .q_learning import (
    bellman_targets,
    huber_loss,
    of_actions,
    quantile_huber_loss,
    squashed,
    unsquashed,
)
from .q_log import check_q_learning, log_q_learning
from .q_policies import QPolicy
from .random_shift import shifted
from .replay import Replay, Transitions
from .sb3_infos import sb3_locals
from .segments import Segments
from .sequence_replay import SequenceReplay
from .sequences import Sequences

_ROWS_AT_ONCE = 1024
"""Transitions drawn, and judged by the target network, in one go: fewer calls, and still in the cache."""


class DQN(DQNInterface):
    __doc__ = DQNInterface.__doc__

    def _build(self) -> None:
        own: dict[str, Any] = {
            "n_quantiles": self.n_quantiles if self.distributional else 1,
            "dueling": self.dueling,
            "head_class": self.head_class,
            "noisy_std": self.noisy_std if self.noisy else None,
            "rescale_values": self.rescale_values,
            "normalize_observations": self.normalize_observation,
        }
        if said := own.keys() & self.policy_kwargs.keys():
            raise UsageError(
                f"{', '.join(sorted(said))}: for the agent to say, not for policy_kwargs",
                hint="an argument of DQN; head_class is an attribute of its class",
            )
        policy: QPolicy = self.policy_class(  # type: ignore[assignment]
            self.observation_space,
            self.action_space,
            self.lr_schedule,
            **own,
            **self.policy_kwargs,
        )
        self.policy = policy.to(self.device)
        self.exploration_rate = 0.0  # as SB3's, before it has learned
        self._rounds = 0  # of `train_freq` environment steps, that have been learned from or passed over
        self._learns_from = self.learning_starts
        self._loss = torch.zeros((), device=self.device)  # sum since it was last looked at
        self._logged = (0, 0, 0)  # episodes, steps and updates at that time

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
        run: bool | AnySession = False,
    ) -> Self:
        """Learn for at least `total_timesteps` environment steps (whole steps of all environments).

        Args:
            callback, log_interval, tb_log_name, reset_num_timesteps, progress_bar: as in SB3; `log_interval`
                counts episodes (and no log is longer than about a thousand rows), None logs nothing.
            run: True writes a run folder (metrics, checkpoints, evaluation), which the attribute `run` then
                names; an `AgentSession` says how.

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
        with session_of(self, run) as session:
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
            finished = self.count_step(step, step.terminated | step.truncated)
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
            targets = self.targets(batch, later, later if chooser is None else chooser)
        of_taken = of_actions(said, batch.actions)
        losses, errors = (quantile_huber_loss if self.distributional else huber_loss)(of_taken, targets)
        if self.prioritized:
            losses = losses * (batch.importance / batch.weights.max())
        return losses.mean(), errors

    def targets(self, batch: Transitions | Sequences, later: Tensor, chooser: Tensor) -> Tensor:
        """What the network should have said about each transition: (transitions, quantiles).

        Args:
            batch: (transitions, …), with `returns` and `discounts` (transitions,): rewards of one or more
                steps, and what the values behind them are to be multiplied by, 0 where the episode is over.
            later: (transitions, quantiles, actions) behind them, by the target network.
            chooser: the same by whoever chooses the next action: in double learning the network itself.
        """
        judged = unsquashed(later) if self.rescale_values else later
        targets = bellman_targets(batch.returns, batch.discounts, self.next_values(judged, chooser))
        return squashed(targets) if self.rescale_values else targets

    def next_values(self, later: Tensor, chooser: Tensor) -> Tensor:
        """What the return behind each transition is worth: (transitions, quantiles), of the best action.

        Args:
            later: (transitions, quantiles, actions), by the target network.
            chooser: the same by whoever chooses the next action.
        """
        return of_actions(later, chooser.mean(1).argmax(-1))
