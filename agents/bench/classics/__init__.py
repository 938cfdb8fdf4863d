"""`bench classics`: every classic task, ours and stock Stable-Baselines3 with the zoo's settings."""

from .command import ClassicsBench

__all__ = ["ClassicsBench"]
