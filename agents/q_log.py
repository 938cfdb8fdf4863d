"""What DQN says about itself while it learns."""

from __future__ import annotations

from sandbox.nn.session import due

from .log import check_finite
from .replay_agent import ReplayAgent


def check_q_learning(agent: ReplayAgent) -> None:
    """Record the mean loss since this was last asked. Raises Diverged where it is no number any more."""
    episodes, steps, updates = agent._logged
    if agent._n_updates > updates:
        loss = agent._loss.item() / (agent._n_updates - updates)
        check_finite(agent.num_timesteps, loss)
        agent.logger.record("train/loss", loss)
        agent._loss.zero_()
        agent._logged = episodes, steps, agent._n_updates


def log_q_learning(agent: ReplayAgent, log_interval: int | None, total_timesteps: int) -> None:
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
