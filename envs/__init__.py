"""Environments as array programs. Importing this package registers them with gymnasium as `Sandbox/...`.

    import gymnasium, envs
    single = gymnasium.make("Sandbox/CartPole-v0")
    batch = gymnasium.make_vec("Sandbox/CartPole-v0", num_envs=64)

One definition gives both: `BatchedEnv` steps many episodes in arrays, `SingleEnv` is a batch of one.
"""

from envs.base import BatchedEnv
from envs.options import NO_LIMIT, CoreOptions
from envs.registry import Entry, listing, register_all, twin
from envs.single import SingleEnv
from envs.task import Array, Mask
from envs.views import PIXELS

__all__ = [
    "NO_LIMIT",
    "PIXELS",
    "Array",
    "BatchedEnv",
    "CoreOptions",
    "Entry",
    "Mask",
    "SingleEnv",
    "listing",
    "twin",
]

register_all()


def __dir__() -> list[str]:
    return sorted(__all__)
