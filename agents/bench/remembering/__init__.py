"""`bench memory`: what a memory is worth, and sb3-contrib's recurrent PPO beside ours."""

from .command import MemoryBench

__all__ = ["MemoryBench"]
