"""`bench agents`: ours and stock Stable-Baselines3 on CartPole, side by side."""

from .command import AgentsBench

__all__ = ["AgentsBench"]
