"""What a training agent says about itself, under the names that SB3's users know."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from stable_baselines3.common.logger import HumanOutputFormat, Logger

from sandbox.core.errors import Diverged
from sandbox.nn.session import due

from .returns import explained_variance

if TYPE_CHECKING:
    from .algorithm import Agent
    from .dqn import DQN
    from .rollout import Batch

UPDATE = ("policy_gradient_loss", "value_loss", "entropy_loss", "approx_kl", "clip_fraction", "loss")
"""what PPO measures in each minibatch, in this order"""


def log_progress(agent: Agent, iteration: int) -> None:
    """Write one row of the log: the recent episodes, time and steps, and what an update has recorded."""
    logger, episodes = agent.logger, agent.ep_info_buffer
    elapsed = max((time.time_ns() - agent.start_time) / 1e9, 1e-9)
    if iteration > 0:
        logger.record("time/iterations", iteration, exclude="tensorboard")
    if episodes:
        logger.record("rollout/ep_rew_mean", _mean(episode["r"] for episode in episodes))
        logger.record("rollout/ep_len_mean", _mean(episode["l"] for episode in episodes))
    if agent.ep_success_buffer:
        logger.record("rollout/success_rate", _mean(agent.ep_success_buffer))
    logger.record("time/fps", int((agent.num_timesteps - agent._num_timesteps_at_start) / elapsed))
    logger.record("time/time_elapsed", int(elapsed), exclude="tensorboard")
    logger.record("time/total_timesteps", agent.num_timesteps, exclude="tensorboard")
    logger.dump(step=agent.num_timesteps)


def log_update(
    agent: Agent, batch: Batch, means: list[float], clip_range: float, clip_range_vf: float | None
) -> None:
    """Record what one update of PPO did: the means of `UPDATE` over it, and how well the values had been
    predicted."""
    record = agent.logger.record
    for name, mean in zip(UPDATE, means, strict=True):
        record(f"train/{name}", mean)
    values, returns = batch.values.cpu().numpy(), batch.returns.cpu().numpy()
    record("train/explained_variance", explained_variance(values, returns))
    log_std = getattr(agent.policy, "log_std", None)
    if log_std is not None:
        record("train/std", log_std.exp().mean().item())
    record("train/n_updates", agent._n_updates, exclude="tensorboard")
    record("train/clip_range", clip_range)
    if clip_range_vf is not None:
        record("train/clip_range_vf", clip_range_vf)


def check_q_learning(agent: DQN) -> None:
    """Record the mean loss since this was last asked. Raises Diverged where it is no number any more."""
    episodes, steps, updates = agent._logged
    if agent._n_updates > updates:
        loss = agent._loss.item() / (agent._n_updates - updates)
        check_finite(agent.num_timesteps, loss)
        agent.logger.record("train/loss", loss)
        agent._loss.zero_()
        agent._logged = episodes, steps, agent._n_updates


def log_q_learning(agent: DQN, log_interval: int | None, total_timesteps: int) -> None:
    """Write a row of the log where enough episodes have ended, and at most a thousand rows in all.

    Args:
        agent: after an update.
        log_interval: episodes between two rows; None for no rows.
        total_timesteps: environment steps of this training.

    Raises:
        Diverged: the loss is no number any more.
    """
    episodes, steps, updates = agent._logged
    enough = log_interval is not None and due(episodes, agent._episode_num, log_interval)
    row = enough and agent.num_timesteps - steps >= total_timesteps // 1000
    new = agent._n_updates - updates
    if row or new >= 1000:  # a loss that is no number is found soon in any case
        check_q_learning(agent)
    if row:
        agent.logger.record("time/episodes", agent._episode_num, exclude="tensorboard")
        agent.logger.record("rollout/exploration_rate", agent.exploration_rate)
        agent.logger.record("train/n_updates", agent._n_updates, exclude="tensorboard")
        agent._logged = agent._episode_num, agent.num_timesteps, agent._n_updates
        agent.dump_logs()


def check_finite(step: int, loss: float, gradient_norm: float = 0.0) -> None:
    """Raise Diverged where learning has produced NaN or infinity."""
    # A gradient can overflow where the loss does not; the weights are lost either way.
    for name, value in (("loss", loss), ("gradient's norm", gradient_norm)):
        if not np.isfinite(value):
            raise Diverged(
                f"the {name} became {value} at step {step}",
                hint="lower the learning rate, or look for NaN in the environment's observations",
            )


def _mean(values: Iterable[Any]) -> float:
    return float(np.mean(list(values)))


def plain_logger(verbose: int) -> Logger:
    """SB3's logger without its folder in /tmp: to the terminal if `verbose`, else nowhere."""
    return Logger(folder=None, output_formats=[HumanOutputFormat(sys.stdout)] if verbose else [])
