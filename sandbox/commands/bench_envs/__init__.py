"""`bench envs`: how many steps a second the environments of the suite make, beside others."""

from .command import EnvsBench

__all__ = ["EnvsBench"]
