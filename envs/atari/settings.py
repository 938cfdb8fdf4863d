"""What can be set about an Atari game, and how the ids of ale-py come to be made so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from gymnasium.envs.registration import EnvSpec

from envs.arguments import number, whole

GAME = "ale_py.env:AtariEnv"
"""What ale-py registers its games as."""
FRAMES_A_SECOND = 60
LONGEST = 2**31 - 1


@dataclass(frozen=True)
class AtariSettings:
    """Arguments of ale-py's `AtariVectorEnv`, by its names, as they are with us unless given.

    Raises:
        ValueError: one is outside its range.
    """

    game: str
    """name of the game's ROM; follows from the id"""
    repeat_action_probability: float = 0.25
    """sticky actions: how often a frame repeats the action before, whatever was chosen"""
    frameskip: int = 4
    """frames that an action lasts"""
    stack_num: int = 4
    """pictures in an observation, the oldest first; zeros before the first"""
    img_height: int = 84
    img_width: int = 84
    grayscale: bool = True
    """grey pictures; else three channels for each"""
    maxpool: bool = True
    """the brighter pixels of the last two frames: many games draw half of their figures in each"""
    noop_max: int = 30
    """an episode begins with fewer idle frames than this, a random number of them"""
    use_fire_reset: bool = True
    """it also begins with the fire button, where there is one"""
    full_action_space: bool = False
    """all 18 actions, also those that do nothing in this game"""
    continuous: bool = False
    """the joystick as radius, angle and fire, instead of single actions"""
    continuous_action_threshold: float = 0.5
    """how far such a joystick has to be moved"""
    max_num_frames_per_episode: int = 108_000
    """after so many frames, an episode is cut off: half an hour of play"""
    max_episode_steps: int | None = None
    """the same in actions; the earlier end counts"""
    episodic_life: bool = False
    """in training, a lost life ends an episode for those who learn; the game goes on"""
    reward_clipping: bool = True
    """in training, rewards are only -1, 0 and 1"""
    num_threads: int = 0
    """of the emulators; 0: one for each core"""

    def __post_init__(self) -> None:
        name = self.game
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "bool" and not isinstance(value, bool):
                raise ValueError(f"{name}: {field.name} must be true or false, got {value!r}")
        for argument in ("frameskip", "stack_num", "img_height", "img_width", "max_num_frames_per_episode"):
            whole(name, argument, getattr(self, argument), 1, LONGEST if "max" in argument else 1024)
        if self.max_episode_steps not in (None, -1):
            whole(name, "max_episode_steps", self.max_episode_steps, 1, LONGEST)
        for argument in ("noop_max", "num_threads"):
            whole(name, argument, getattr(self, argument), 0, 10_000)
        for argument in ("repeat_action_probability", "continuous_action_threshold"):
            number(name, argument, getattr(self, argument), 0, 1)

    def frames(self) -> int:
        """Frames after which an episode is cut off."""
        if self.max_episode_steps in (None, -1):
            return self.max_num_frames_per_episode
        return min(self.max_num_frames_per_episode, self.max_episode_steps * self.frameskip)

    def emulators(self, num_envs: int, **others: Any) -> Any:
        """ale-py's `AtariVectorEnv` for these settings, or with `others` among its arguments.

        Lives are looked after here, and so is the clipping of rewards: it would hide the score.
        """
        from ale_py.vector_env import AtariVectorEnv
        from gymnasium.vector import AutoresetMode

        left_out = ("max_episode_steps", "episodic_life", "reward_clipping", "max_num_frames_per_episode")
        plain = {name: value for name, value in asdict(self).items() if name not in left_out}
        return AtariVectorEnv(
            num_envs=num_envs,
            **{**plain, **others},
            max_num_frames_per_episode=self.frames(),
            episodic_life=False,
            reward_clipping=False,
            # An end is followed by a reset here at once, which such emulators take for the one they owe.
            autoreset_mode=AutoresetMode.NEXT_STEP,
        )


def settings_of(arguments: Mapping[str, Any]) -> AtariSettings:
    """Settings for arguments as people type them.

    Raises:
        ValueError: one is unknown, which is said with those that are known, or outside its range.
    """
    known = [field.name for field in fields(AtariSettings)]
    for name in arguments:
        if name not in known:
            raise ValueError(f"there is no argument {name!r}; known: {', '.join(known[1:])}")
    return AtariSettings(**arguments)


def is_game(spec: EnvSpec) -> bool:
    """Whether `spec` is one of ale-py's `ALE/…-v5`, in its own form or in ours."""
    return spec.namespace == "ALE" and spec.entry_point in (GAME, "envs.atari:AtariGame")


def prepared(spec: EnvSpec) -> EnvSpec:
    """The same game, id and arguments of `spec`, made by `AtariGame` and `AtariBatch`."""
    return EnvSpec(
        spec.id,
        "envs.atari:AtariGame",
        spec.reward_threshold,
        kwargs=dict(spec.kwargs),
        vector_entry_point="envs.atari:AtariBatch",
    )


def as_played(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The `arguments` without what is for training only: whole games, and their own points."""
    return {**arguments, "episodic_life": False, "reward_clipping": False}
