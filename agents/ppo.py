"""Proximal policy optimisation (Schulman et al. 2017, arXiv:1707.06347), on batches of environments."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.type_aliases import MaybeCallback
from torch import Tensor
from torch.nn import functional

from .actions import for_env
from .log import check_finite, log_update
from .networks import ActorCritic
from .normalize import RewardNormalizer
from .observations import Upload
from .optimizers import clip_gradients
from .ppo_interface import PPOInterface
from .protocols import AnySession
from .python_run import session_of
from .random_shift import shifted
from .returns import generalized_advantages
from .rollout import Batch, Rollout
from .sb3_infos import sb3_locals
from .sequence_rollout import SequenceRollout
from .simulators import Step


class PPO(PPOInterface):
    __doc__ = PPOInterface.__doc__

    def _build(self) -> None:
        own = {"normalize_observations": self.normalize_observation, "use_sde": self.use_sde}
        policy: ActorCritic = self.policy_class(  # type: ignore[assignment]
            self.observation_space, self.action_space, self.lr_schedule, **{**own, **self.policy_kwargs}
        )
        if self.normalize_reward:
            policy.reward_normalizer = RewardNormalizer(self.n_envs, self.gamma)
        self.policy = policy.to(self.device)

    def _prepare_for_env(self) -> None:
        super()._prepare_for_env()
        spaces_ = (self.observation_space, self.action_space)
        sizes = (self.n_steps, self.n_envs, *spaces_, self.device)
        if self._policy_state is None:
            self.rollout = Rollout(*sizes)
        else:
            length = self.sequence_length or self.n_steps
            self.rollout = SequenceRollout(*sizes, length, self._policy_state.shape[1])
        self._upload_final = Upload(self.device)

    def _begin_episodes(self) -> None:
        super()._begin_episodes()
        if self.policy.reward_normalizer is not None:
            self.policy.reward_normalizer.begin(self.n_envs)

    def learn(
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        log_interval: int | None = 1,
        tb_log_name: str = "PPO",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
        *,
        run: bool | AnySession = False,
    ) -> Self:
        """Learn for at least `total_timesteps` environment steps (whole rollouts).

        Args:
            callback, log_interval, tb_log_name, reset_num_timesteps, progress_bar: as in SB3; `log_interval`
                counts rollouts, None logs nothing.
            run: True writes a run folder (metrics, checkpoints, evaluation), which the attribute `run` then
                names; an `AgentSession` says how.

        Raises:
            Diverged: the loss is no number any more.
        """
        total_timesteps, callback = self._setup_learn(
            total_timesteps, callback, reset_num_timesteps, tb_log_name, progress_bar
        )
        with session_of(self, run) as session:
            callback.on_training_start(locals(), globals())
            iteration = 0
            while self.num_timesteps < total_timesteps and self.collect(callback):
                iteration += 1
                self._update_current_progress_remaining(self.num_timesteps, total_timesteps)
                self.train()
                if log_interval is not None and iteration % log_interval == 0:
                    self.dump_logs(iteration)
                if not session.after_update(self):
                    break
            callback.on_training_end()
        return self

    def collect(self, callback: BaseCallback) -> bool:
        """Fill the rollout. False where a callback ended training on the way."""
        self._set_training_mode(False)
        callback.on_rollout_start()
        noise = None
        for t in range(self.n_steps):
            if self.use_sde and (t == 0 or (self.sde_sample_freq > 0 and t % self.sde_sample_freq == 0)):
                noise = self.policy.exploration(self.n_envs, self.generator)
            observation = self._upload(self._last_obs)  # type: ignore[arg-type]
            if isinstance(self.rollout, SequenceRollout):
                self.rollout.write_memory(t, self._policy_state, self._last_episode_starts)  # type: ignore[arg-type]
            with torch.inference_mode():
                decision = self.policy.act(
                    observation, self._policy_state, self._starts(), generator=self.generator, noise=noise
                )
            self.rollout.write_decision(t, observation, decision.actions, decision.log_probs, decision.values)
            actions = for_env(decision.actions, self.action_space)
            step = self.simulator.step(actions)
            self._policy_state = decision.state
            ends = step.terminated | step.truncated  # (envs,)
            self.rollout.write_outcome(t, step.reward, ends, step.ignored)
            if step.truncated.any():
                self._keep_final_values(t, step)
            finished = self.count_step(step, ends)
            if self._watched:
                callback.update_locals(sb3_locals(self, actions, step, finished))
            if not callback.on_step():
                return False
        callback.on_rollout_end()
        return True

    def train(self) -> None:
        """Learn from the rollout: `n_epochs` passes over it in random minibatches."""
        self._set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        batch = self._finish_rollout()
        clip_range = self.clip_range(self._current_progress_remaining)
        clip_range_vf = self.clip_range_vf(self._current_progress_remaining) if self.clip_range_vf else None
        parameters = list(self.policy.parameters())
        rows: list[Tensor] = []
        norm = torch.zeros(())
        goes_on = True
        for _ in range(self.n_epochs):
            for minibatch in batch.minibatches(self.batch_size, self.generator):
                loss, row = self.loss(minibatch, clip_range, clip_range_vf)
                rows.append(row)
                if self.target_kl is not None and row[3].item() > 1.5 * self.target_kl:
                    goes_on = False
                    break
                self.policy.optimizer.zero_grad()
                loss.backward()
                norm = clip_gradients(parameters, self.max_grad_norm)
                self.policy.optimizer.step()
            self._n_updates += 1
            if not goes_on:
                break
        if self.policy.observation_normalizer is not None:
            # Only now: acting and learning have used the same statistics.
            self.policy.observation_normalizer.update(self.rollout.flat_observations())
        means = torch.stack(rows).mean(0).tolist()  # the one download of an update
        check_finite(self.num_timesteps, means[-1], norm.item())
        log_update(self, batch, means, clip_range, clip_range_vf)

    def loss(
        self, batch: Batch, clip_range: float, clip_range_vf: float | None = None
    ) -> tuple[Tensor, Tensor]:
        """The clipped surrogate objective, negated, plus value loss and entropy bonus.

        Returns:
            the loss, and (6,) what `agents.log.UPDATE` names; the divergence is Schulman's k3.
        """
        together = () if batch.remembered is None else (batch.remembered,)
        seen = shifted(
            batch.observations,
            self.observation_space,
            self.random_shift,
            self.generator,
            *(remembered.segments for remembered in together),
        )
        values, log_probs, entropy = self.policy.evaluate_actions(seen, batch.actions, *together)
        values = values.squeeze(-1)  # (batch,)
        advantages = batch.advantages
        if self.normalize_advantage and len(advantages) > 1:
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        log_ratio = log_probs - batch.log_probs
        ratio = log_ratio.exp()
        policy_loss = -self.surrogate(ratio, advantages, clip_range).mean()
        if clip_range_vf is not None:
            values = batch.values + (values - batch.values).clamp(-clip_range_vf, clip_range_vf)
        value_loss = functional.mse_loss(values, batch.returns)
        entropy_loss = log_probs.mean() if entropy is None else -entropy.mean()
        loss = policy_loss + self.vf_coef * value_loss + self.ent_coef * entropy_loss
        with torch.no_grad():
            divergence = (ratio - 1 - log_ratio).mean()
            clip_fraction = (ratio != ratio.clamp(1 - clip_range, 1 + clip_range)).float().mean()
            row = torch.stack([policy_loss, value_loss, entropy_loss, divergence, clip_fraction, loss])
        return loss, row

    def surrogate(self, ratio: Tensor, advantages: Tensor, clip_range: float) -> Tensor:
        """What a policy is to be improved by, for each transition: (batch,).

        Args:
            ratio: (batch,) probability of the action now, over what it was when it was taken.
            advantages: (batch,)
            clip_range: how far the ratio may move from 1.
        """
        return torch.min(advantages * ratio, advantages * ratio.clamp(1 - clip_range, 1 + clip_range))

    def advantages(
        self, rewards: np.ndarray, values: np.ndarray, last_values: np.ndarray, ends: np.ndarray
    ) -> np.ndarray:
        """(steps, envs) float32: how much better than expected what was done turned out.

        Args:
            rewards: (steps, envs); where an episode was cut off, with what was still expected of it.
            values: (steps, envs), V of the observation that each step started from.
            last_values: (envs,), V of the observation after the last step.
            ends: (steps, envs) bool, the step ended its episode.
        """
        return generalized_advantages(rewards, values, last_values, ends, self.gamma, self.gae_lambda)

    # The parts of a rollout

    def _keep_final_values(self, t: int, step: Step) -> None:
        """V of the final observations, for the episodes that were cut off without being over."""
        final = self._upload_final(step.final_observation)  # type: ignore[arg-type]
        goes_on = torch.zeros(self.n_envs, dtype=torch.bool, device=self.device)
        with torch.inference_mode():
            values = self.policy.values(final, self._policy_state, goes_on)
        self.rollout.write_cut(t, step.truncated & ~step.terminated, values)

    def _finish_rollout(self) -> Batch:
        """The rollout as transitions; from here on its rewards are normalised ones, if that is asked for."""
        if self.policy.reward_normalizer is not None:
            self.rollout.normalize_rewards(self.policy.reward_normalizer)
        last = self._upload(self._last_obs)  # type: ignore[arg-type]
        with torch.inference_mode():
            last_values = self.policy.values(last, self._policy_state, self._starts()).cpu().numpy()
        return self.rollout.batch(last_values, self.gamma, self.advantages)
