"""What a training agent says about itself, under the names that SB3's users know."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import HumanOutputFormat, Logger

from sandbox.core.errors import Diverged

from .returns import explained_variance

if TYPE_CHECKING:
    from .rollout import Batch

UPDATE = ("policy_gradient_loss", "value_loss", "entropy_loss", "approx_kl", "clip_fraction", "loss")
"""what PPO measures in each minibatch, in this order"""


def log_progress(agent: BaseAlgorithm, iteration: int) -> None:
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
    agent: BaseAlgorithm, batch: Batch, means: list[float], clip_range: float, clip_range_vf: float | None
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
