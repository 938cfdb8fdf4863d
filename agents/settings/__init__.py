"""Hyperparameters of each algorithm as a file can hold them; `--set KEY=VALUE` changes one."""

from .dqn import DQNSettings
from .ppo import PPOSettings
from .rules import Settings

__all__ = ["DQNSettings", "PPOSettings", "Settings"]
