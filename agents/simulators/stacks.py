"""How many frames the observations of a source consist of, and where these lie.

Only what is sure counts: a stack of frames that no layer around it changes, and of which every step pushes
the oldest frame out and one new frame in. A replay buffer can rebuild such stacks from single frames.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium import spaces, wrappers
from gymnasium.vector import SyncVectorEnv, VectorActionWrapper, VectorEnv, VectorRewardWrapper
from gymnasium.wrappers import vector as vector_wrappers

from envs.atari import AtariBatch, AtariGame
from envs.wrappers import FrameStack, StickyActions, WrappedSingle
from envs.wrappers.frame_stack import channels_last
from envs.wrappers.single import BatchOfOne

Stack = tuple[int, int]
"""Number of frames in an observation, and the axis of one observation along which they lie."""

_ONE_STEP_A_STEP = (
    gym.ActionWrapper,
    gym.RewardWrapper,
    wrappers.HumanRendering,
    wrappers.NormalizeReward,
    wrappers.OrderEnforcing,
    wrappers.PassiveEnvChecker,
    wrappers.RecordEpisodeStatistics,
    wrappers.RecordVideo,
    wrappers.TimeLimit,
    VectorActionWrapper,
    VectorRewardWrapper,
    vector_wrappers.DictInfoToList,
    vector_wrappers.HumanRendering,
    vector_wrappers.NormalizeReward,
    vector_wrappers.RecordEpisodeStatistics,
    vector_wrappers.RecordVideo,
)
"""Wrappers of gymnasium that pass observations on as they are."""


def stack_axis(shape: tuple[int, ...], depth: int) -> int | None:
    """The axis of one observation along which its `depth` frames lie, the oldest first.

    The last one of pictures (H, W, depth·C), else the first; None where the shape is no multiple of `depth`.
    """
    last = len(shape) == 3 and shape[2] < shape[0] and shape[2] % depth == 0
    axis = 2 if last else 0
    return axis if shape and shape[axis] % depth == 0 else None


def depth_of_batch(env: VectorEnv[Any, Any, Any]) -> int:
    """Frames in an observation of `env`; 1 where it shows no stacks, or it is not sure."""
    return _checked(_stack_of_batch(env), env.single_observation_space)


def depth_of_single(env: gym.Env[Any, Any]) -> int:
    """Frames in an observation of `env`; 1 where it shows no stacks, or it is not sure."""
    return _checked(_stack_of_single(env), env.observation_space)


def _checked(stack: Stack | None, space: spaces.Space[Any]) -> int:
    """The depth, if who knows it and the space would look for the frames in the right place."""
    if stack is None:
        return 1
    depth, axis = stack
    parts = space.spaces.values() if isinstance(space, spaces.Dict) else [space]
    return depth if all(stack_axis(part.shape or (), depth) == axis for part in parts) else 1


def _stack_of_batch(env: VectorEnv[Any, Any, Any]) -> Stack | None:
    while not isinstance(env, FrameStack):
        if isinstance(env, StickyActions) or _passes_on(env):
            env = env.env  # type: ignore[attr-defined]
        elif isinstance(env, BatchOfOne):
            return _stack_of_single(env.envs[0])
        elif type(env) is SyncVectorEnv and env.observation_mode == "same":
            stacks = {_stack_of_single(one) for one in env.envs}
            return stacks.pop() if len(stacks) == 1 else None
        elif isinstance(env, AtariBatch):
            return env.stack_depth, 0
        elif type(env).__module__ == "ale_py.vector_env" and env.single_observation_space.shape:
            return env.single_observation_space.shape[0], 0  # its `stack_num`, which it does not keep
        else:
            return None
    shape = env.env.single_observation_space.shape or ()
    return env.stack_depth, 2 if channels_last(shape) else 0


def _stack_of_single(env: gym.Env[Any, Any]) -> Stack | None:
    while True:
        if isinstance(env, WrappedSingle):
            return _stack_of_batch(env.batch)
        if isinstance(env, wrappers.FrameStackObservation):
            return env.stack_size, 0
        if isinstance(env, AtariGame):
            return env.stack_depth, 0
        if not (isinstance(env, gym.Wrapper) and _passes_on(env)):
            return None
        env = env.env


def _passes_on(layer: Any) -> bool:
    """Whether the layer gives observations out as it gets them, one for each step."""
    kind = type(layer)
    # By name, so that SB3 (and torch with it) need not be imported to ask.
    if (kind.__module__, kind.__name__) in (
        ("stable_baselines3.common.monitor", "Monitor"),
        ("agents.simulators.restorable", "Restorable"),
    ):
        return True
    # A subclass may have methods of its own, which do as they like.
    own = (kind.step, kind.reset)
    return isinstance(layer, _ONE_STEP_A_STEP) and all(m.__module__.startswith("gymnasium.") for m in own)
