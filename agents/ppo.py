"""Proximal policy optimisation (Schulman et al. 2017, arXiv:1707.06347), on batches of environments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, ClassVar, Self

import torch
from gymnasium import spaces
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import MaybeCallback
from stable_baselines3.common.utils import FloatSchedule
from torch import Tensor
from torch.nn import functional

from sandbox.core.errors import UsageError

from .actions import for_env
from .algorithm import Agent, Env
from .episodes import count_step
from .log import check_finite, log_update
from .networks import SB3_POLICIES, ActorCritic, CnnActorCritic, MultiInputActorCritic
from .normalize import RewardNormalizer
from .observations import Upload
from .optimizers import clip_gradients
from .random_shift import shifted
from .recurrent import CONTRIB, RECURRENT
from .rollout import Batch, Rollout
from .sb3_infos import sb3_locals
from .schedules import Schedule, as_schedule
from .sequence_rollout import SequenceRollout
from .session import AgentSession, NoSession
from .settings import PPOSettings
from .simulators import Step


class PPO(Agent):
    """PPO with SB3's interface: same arguments and defaults, same callbacks, logger keys and parameter names.

    Args:
        policy: "MlpPolicy", "CnnPolicy" (pictures), "MultiInputPolicy" (Dict observations); with memory
            "MlpLstmPolicy", "CnnGruPolicy", …; or a subclass of `ActorCritic`.
        env, n_envs, env_kwargs, wrap, vec, policy_kwargs, stats_window_size, tensorboard_log, verbose,
            seed, device: see `Agent`.
        learning_rate: a number, "lin_3e-4" (falls to 0), or a callable of the remaining progress.
        n_steps: steps per environment and rollout.
        batch_size: transitions per gradient step; with memory as many whole sequences as have so many.
        n_epochs: passes over each rollout.
        gamma: discount per step.
        gae_lambda: weight of longer advantage estimates.
        clip_range: how far the probability ratio may move from 1; a schedule as `learning_rate`.
        clip_range_vf: how far a value may move in one rollout (depends on the scale of rewards); None for
        freely. normalize_advantage: to mean 0 and deviation 1 in each minibatch.
        ent_coef, vf_coef: weights of the entropy bonus and of the value loss.
        max_grad_norm: longest gradient, over all parameters.
        use_sde: continuous actions: explore with noise that depends on the state (Raffin et al. 2020,
        arXiv:2005.05719). sde_sample_freq: steps until its matrices are drawn anew; -1 for a rollout.
        target_kl: stop the update where the policy moved 1.5 times that far; None for never.
        normalize_observation: learn from observations with mean 0 and variance 1; statistics live in the
        policy. normalize_reward: learn from rewards over the deviation of the discounted return.
        random_shift: pixels by which pictures move at random while they are learned from (DrQ).
        sequence_length: with memory, steps to learn from in one piece; None for the whole rollout.

    Raises:
        UsageError: an argument out of its range.
        UnsupportedSpace, NoDevice: see `Agent`.
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
    saved_settings = (
        *Agent.saved_settings,
        *("n_steps", "batch_size", "n_epochs", "gamma", "gae_lambda", "clip_range", "clip_range_vf"),
        *("normalize_advantage", "ent_coef", "vf_coef", "max_grad_norm", "target_kl"),
        *("use_sde", "sde_sample_freq"),
        *("normalize_observation", "normalize_reward", "random_shift", "sequence_length"),
    )
    policy: ActorCritic

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
        self.n_steps, self.batch_size, self.n_epochs = n_steps, batch_size, n_epochs
        self.gamma, self.gae_lambda = gamma, gae_lambda
        self.clip_range = FloatSchedule(as_schedule(clip_range))
        self.clip_range_vf = None if clip_range_vf is None else FloatSchedule(as_schedule(clip_range_vf))
        self.normalize_advantage = normalize_advantage
        self.ent_coef, self.vf_coef, self.max_grad_norm = ent_coef, vf_coef, max_grad_norm
        self.target_kl = target_kl
        self.use_sde, self.sde_sample_freq = use_sde, sde_sample_freq
        if "use_sde" in self.policy_kwargs:
            raise UsageError("use_sde is an argument of the agent, not of its policy")
        self.normalize_observation, self.normalize_reward = normalize_observation, normalize_reward
        self.random_shift, self.sequence_length = random_shift, sequence_length
        if normalize_advantage and batch_size == 1:
            raise UsageError("one transition has no deviation", hint="set normalize_advantage=False")
        checked = {field.name for field in fields(PPOSettings)} & set(self.saved_settings)
        values = {name: self.setting(name) for name in checked}
        PPOSettings(**{name: value for name, value in values.items() if not callable(value)})
        if _init_setup_model:
            self._setup_model()

    def _build(self) -> None:
        own = {"normalize_observations": self.normalize_observation, "use_sde": self.use_sde}
        policy: ActorCritic = self.policy_class(  # type: ignore[assignment]
            self.observation_space, self.action_space, self.lr_schedule, **{**own, **self.policy_kwargs}
        )
        if self.normalize_reward:
            policy.reward_normalizer = RewardNormalizer(self.n_envs, self.gamma)
        self.policy = policy.to(self.device)  # pyright: ignore[reportIncompatibleVariableOverride]

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
        run: bool | AgentSession | NoSession = False,
    ) -> Self:
        """Learn for at least `total_timesteps` environment steps (whole rollouts).

        Args:
            callback, log_interval, tb_log_name, reset_num_timesteps, progress_bar: as in SB3; `log_interval`
                counts rollouts, None logs nothing.
            run: True writes a run folder (metrics, checkpoints, evaluation); an `AgentSession` says how.

        Raises:
            Diverged: the loss is no number any more.
        """
        total_timesteps, callback = self._setup_learn(
            total_timesteps, callback, reset_num_timesteps, tb_log_name, progress_bar
        )
        with self._open_session(run) as session:
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
            finished = count_step(self, step, ends)
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
        clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
        policy_loss = -torch.min(advantages * ratio, advantages * clipped).mean()
        if clip_range_vf is not None:
            values = batch.values + (values - batch.values).clamp(-clip_range_vf, clip_range_vf)
        value_loss = functional.mse_loss(values, batch.returns)
        entropy_loss = log_probs.mean() if entropy is None else -entropy.mean()
        loss = policy_loss + self.vf_coef * value_loss + self.ent_coef * entropy_loss
        with torch.no_grad():
            divergence = (ratio - 1 - log_ratio).mean()
            clip_fraction = (ratio != clipped).float().mean()
            row = torch.stack([policy_loss, value_loss, entropy_loss, divergence, clip_fraction, loss])
        return loss, row

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
        return self.rollout.batch(last_values, self.gamma, self.gae_lambda)
