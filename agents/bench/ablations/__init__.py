"""`bench ablations`: what each ingredient of DQN does, on one task."""

from .command import AblationsBench

__all__ = ["AblationsBench"]
