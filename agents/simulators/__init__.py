"""What a collector of experience talks to: environments of any make, stepped together, as arrays.

`as_simulator` turns whatever people have (an id, a `gymnasium.Env`, a `VectorEnv`, an SB3 `VecEnv`) into a
`Simulator`, whose `step` gives the same `Step` for all of them.
"""

from .make import OURS, as_simulator
from .simulator import Simulator, Step

__all__ = ["OURS", "Simulator", "Step", "as_simulator"]
