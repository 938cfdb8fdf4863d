"""Wrappers on batches: they work with every `VectorEnv`, in all three autoreset modes, and on single ones.

import gymnasium
from envs.wrappers import FrameStack, wrap

batch = FrameStack(gymnasium.make_vec("Sandbox/Catch-v0", num_envs=64), 4)
single = wrap(gymnasium.make("CartPole-v1"), ["mask_velocity", "frame_stack:4"])
"""

from envs.wrappers.action_repeat import ActionRepeat
from envs.wrappers.apply import wrap
from envs.wrappers.discretize import Discretize
from envs.wrappers.flicker import Flicker
from envs.wrappers.frame_stack import FrameStack
from envs.wrappers.mask_velocity import MaskVelocity
from envs.wrappers.observation_wrapper import ObservationWrapper
from envs.wrappers.only import Only
from envs.wrappers.pictures import ChannelsFirst, Grayscale, Resize
from envs.wrappers.single import WrappedSingle
from envs.wrappers.sticky_actions import StickyActions
from envs.wrappers.table import WRAPPERS, WrapperEntry
from envs.wrappers.wrapper import BatchWrapper

__all__ = [
    "WRAPPERS",
    "ActionRepeat",
    "BatchWrapper",
    "ChannelsFirst",
    "Discretize",
    "Flicker",
    "FrameStack",
    "Grayscale",
    "MaskVelocity",
    "ObservationWrapper",
    "Only",
    "Resize",
    "StickyActions",
    "WrappedSingle",
    "WrapperEntry",
    "wrap",
]
