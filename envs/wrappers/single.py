"""The wrappers of batches around a single `gymnasium.Env`: the very same code, on a batch of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from envs.base import Step
from envs.controls import Controls, controls_of
from envs.task import Array
from envs.wrappers.table import around
from envs.wrappers.wrapper import BatchWrapper


class WrappedSingle(gymnasium.Wrapper[Array, Any, Any, Any], RecordConstructorArgs):
    """A single environment within wrappers of batches.

    Their randomness is seeded anew in each episode, by a number drawn from the environment's own generator
    after its reset: so an episode follows from the state of that one generator, and from the actions.
    Without wrappers that draw, nothing is drawn.

    Args:
        env: any environment.
        specs: as of `wrap`.

    Raises:
        ValueError: as `wrap`.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], specs: Sequence[str]) -> None:
        RecordConstructorArgs.__init__(self, specs=list(specs))  # so that its `spec` can make it again
        super().__init__(env)
        self._begun = BatchOfOne(env)
        self.batch = around(self._begun, specs)
        self.observation_space = self.batch.single_observation_space
        self.action_space = self.batch.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Start a new episode."""
        first, info = self.env.reset(seed=seed, options=options)
        self._begun.first = first
        observation, _ = self.batch.reset(seed=self._draw_seed())
        return _only(observation), info

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Advance by one action."""
        observation, reward, terminated, truncated, info = self.batch.step([action])
        return _only(observation), float(reward[0]), bool(terminated[0]), bool(truncated[0]), info

    @property
    def stack_depth(self) -> int:
        """As of a wrapped batch."""
        return getattr(self.batch, "stack_depth", 1)

    @property
    def controls(self) -> Controls | None:
        """The keys with which people play; None: it cannot be played."""
        controls = controls_of(self.env)
        for layer in reversed(_layers(self.batch)):
            controls = layer.controls_from(controls)
        return controls

    def _draw_seed(self) -> int | None:
        if not any(layer.draws for layer in _layers(self.batch)):
            return None
        return int(self.np_random.integers(2**32))


class BatchOfOne(VectorEnv[Any, Any, Any]):
    """A single environment as a batch, whose episodes somebody else begins and leaves in `first`."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        self.envs = (env,)
        self.num_envs = 1
        self.first: Any = None
        self.spec = env.spec
        self.metadata = {**env.metadata, "autoreset_mode": AutoresetMode.DISABLED}
        self.single_observation_space, self.single_action_space = env.observation_space, env.action_space
        self.observation_space = batch_space(env.observation_space, 1)
        self.action_space = batch_space(env.action_space, 1)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """The first observation of the episode that was begun, (1, ...)."""
        del seed, options
        return _as_batch(self.first), {}

    def step(self, actions: Any) -> Step:
        """As the environment's, with arrays (1, ...); infos are its own."""
        observation, reward, terminated, truncated, info = self.envs[0].step(actions[0])
        flags = np.array([bool(terminated)]), np.array([bool(truncated)])
        return _as_batch(observation), np.array([float(reward)]), *flags, info

    def __str__(self) -> str:
        return str(self.envs[0])


def _as_batch(observation: Any) -> Array:
    """An observation as (1, ...); a dict or tuple as the only object in an array."""
    if not isinstance(observation, dict | tuple):
        return np.asarray(observation)[None]
    batch = np.empty(1, object)
    batch[0] = observation
    return batch


def _only(batch: Array) -> Any:
    return batch[0] if batch.dtype == object else batch[0].copy()


def _layers(env: VectorEnv[Any, Any, Any]) -> list[BatchWrapper]:
    layers = []
    while isinstance(env, BatchWrapper):
        layers.append(env)
        env = env.env
    return layers
