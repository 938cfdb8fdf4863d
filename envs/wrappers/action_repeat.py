"""Fewer decisions than steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from envs.arguments import whole
from envs.base import BatchedEnv, Step
from envs.task import Array, Mask
from envs.views import Buffers
from envs.wrappers.wrapper import BatchWrapper


class ActionRepeat(BatchWrapper):
    """Takes each action `times` times, or until the episode ends, and adds up the rewards.

    An episode that ends earlier rests while the others go on. The environment's time limit counts its own
    steps. The observation is that of the last step, also where an environment flickers: frames between are
    neither shown nor stacked.

    Raises:
        ValueError: `times` is no whole number of at least 1; the wrapper stands around several environments
            that are no batch of ours (whose rows cannot rest), or around another wrapper of such a batch.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], times: int) -> None:
        self.times = whole("ActionRepeat", "times", times)
        self._ours = env if isinstance(env, BatchedEnv) else None
        if self._ours is None and env.num_envs > 1:
            raise ValueError(
                f"ActionRepeat: must stand innermost, directly around a batch of ours, not around {env}"
            )
        super().__init__(env)
        if self._ours is not None:
            shape = (self.num_envs, *(env.single_observation_space.shape or ()))
            self._out, self._final = (Buffers(shape, env.single_observation_space.dtype) for _ in range(2))

    def step(self, actions: Any) -> Step:
        """As the environment's, `times` times; rewards (num_envs,) are sums."""
        going = ~self.late  # where an episode begins in this step, there is no action to repeat
        observation, reward, terminated, truncated, infos = self.env.step(actions)
        reward = np.array(reward, np.float64)
        ended, cut = np.array(terminated, np.bool_), np.array(truncated, np.bool_)
        final = self._keep(infos, ended | cut, None)
        for _ in range(self.times - 1):
            going &= ~(ended | cut)
            if not going.any():
                break
            observation, more, terminated, truncated, infos = self._again(actions, going)
            reward += more
            ended |= terminated
            cut |= truncated
            final = self._keep(infos, terminated | truncated, final)
        self._begun(ended, cut)
        if final is not None:
            over = ended | cut
            infos = {"final_obs": final, "_final_obs": over, "final_info": {}, "_final_info": over}
        return self._given_out(observation), reward, ended, cut, infos

    def _again(self, actions: Any, going: Mask) -> Step:
        if self._ours is None or going.all():
            return self.env.step(actions)
        return self._ours.step_only(actions, going)

    def _keep(self, infos: dict[str, Any], ended: Mask, final: Array | None) -> Array | None:
        """The last observations so far, (num_envs, ...); a batch of ours will write over its own."""
        if self._ours is None or self.autoreset_mode is not AutoresetMode.SAME_STEP or not ended.any():
            return final
        final = self._final.turn() if final is None else final
        final[ended] = infos["final_obs"][ended]
        return final

    def _reset(self, observation: Array, who: Mask) -> Array:
        return self._given_out(observation)

    def _given_out(self, observation: Array) -> Array:
        """A copy that lasts for one more step, however many the environment makes in it."""
        if self._ours is None:
            return observation
        out = self._out.turn()
        np.copyto(out, observation)
        return out
