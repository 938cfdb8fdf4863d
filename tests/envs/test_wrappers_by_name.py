"""Wrappers from texts, around single environments too, and what is refused."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from envs import BatchedEnv
from envs.controls import controls_of
from envs.wrappers import WRAPPERS, BatchWrapper, FrameStack, WrappedSingle, wrap
from tests.envs.promises import action_stream
from tests.envs.test_base import Walk, WalkEnv

CARTPOLE = "Sandbox/CartPole-v0"


def cartpoles(num_envs: int = 2, **arguments: Any) -> gymnasium.vector.VectorEnv:
    return gymnasium.make_vec(CARTPOLE, num_envs=num_envs, **arguments)


class Screens(gymnasium.Env[Any, Any]):
    """Three steps of colour pictures (6, 8, 3) with the number of the step in them, and that number."""

    action_space = gymnasium.spaces.Discrete(2)
    observation_space = gymnasium.spaces.Dict(
        screen=gymnasium.spaces.Box(0, 255, (6, 8, 3), np.uint8),
        step=gymnasium.spaces.Box(0, 9, (1,), np.float32),
    )

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.steps = 0
        return self._look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        return self._look(), 1.0, self.steps == 3, False, {}

    def _look(self) -> dict[str, Any]:
        return {"screen": np.full((6, 8, 3), self.steps, np.uint8), "step": np.float32([self.steps])}


def fitting(name: str) -> gymnasium.vector.VectorEnv:
    """Three environments for which the wrapper `name` is meant."""
    if name == "only":
        return SyncVectorEnv([Screens] * 3)
    if name == "channels_first":
        return wrap(SyncVectorEnv([Screens] * 3), ["only:screen"])
    return Walk(3) if name in ("grayscale", "resize", "discretize") else cartpoles(3)


def test_the_first_text_is_the_innermost_wrapper() -> None:
    env = wrap(cartpoles(), ["mask_velocity", "frame_stack:4"])
    assert isinstance(env, FrameStack)
    assert env.stack_depth == 4
    assert [type(env.env).__name__, env.depth] == ["MaskVelocity", 2]


@pytest.mark.parametrize(
    ("specs", "depth"),
    [
        (["frame_stack:4"], 4),
        (["flicker:0.5", "frame_stack:4", "sticky_actions:0.5"], 4),
        (["frame_stack:4", "flicker:0.5"], 1),
        (["flicker:0.5"], 1),
    ],
)
def test_only_a_stack_that_nobody_transforms_counts_as_one(specs: list[str], depth: int) -> None:
    for env in (cartpoles(), gymnasium.make("CartPole-v1")):
        wrapped: Any = wrap(env, specs)
        assert wrapped.stack_depth == depth


def test_without_texts_the_environment_stays_as_it_is() -> None:
    batch, single = cartpoles(), gymnasium.make("CartPole-v1")
    assert wrap(batch, []) is batch
    assert wrap(single, []) is single


@pytest.mark.parametrize("entry", WRAPPERS, ids=lambda entry: entry.name)
def test_every_example_of_the_table_works(entry: Any) -> None:
    env = wrap(fitting(entry.name), [entry.example])
    assert isinstance(env, BatchWrapper)
    assert env.reset(seed=0)[0].shape == env.observation_space.shape


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frame-stack:4", "there is no wrapper called 'frame-stack'; did you mean 'frame_stack'?"),
        ("Flickr:0.5", "did you mean 'flicker'?"),
        ("zzz", "known: frame_stack, flicker"),
        ("", "there is no wrapper called ''"),
        ("frame_stack", "frame_stack needs a value, such as frame_stack:4"),
        ("frame_stack:", "frame_stack needs a value"),
        ("frame_stack:2.5", "frame_stack needs a whole number, such as frame_stack:4; got '2.5'"),
        ("frame_stack:0", "FrameStack: depth must be a whole number of at least 1, got 0"),
        ("frame_stack:9999999", "FrameStack: depth must be at most 256, got 9999999"),
        ("flicker:often", "flicker needs a number, such as flicker:0.5; got 'often'"),
        ("flicker:1.5", "Flicker: probability must be between 0 and 1, got 1.5"),
        ("flicker:nan", "Flicker: probability must be between 0 and 1, got nan"),
        ("sticky_actions:-0.1", "StickyActions: probability must be between 0 and 1, got -0.1"),
        ("action_repeat:0", "ActionRepeat: times must be a whole number of at least 1, got 0"),
        ("mask_velocity:3", "mask_velocity takes no value, got '3'"),
        ("only:screen", "Only: needs Dict observations, not Box"),
        ("only", "only needs a value, such as only:screen"),
        ("resize:9x", "resize needs a whole number, such as resize:36; got '9x'"),
        ("resize:0x9", "Resize: size must be a whole number of at least 1, got 0"),
        ("channels_first", "ChannelsFirst: needs pictures of uint8, not float32 of shape (4,)"),
        ("resize:5000", "Resize: size must be at most 1024, got 5000"),
        ("grayscale", r"Grayscale: needs pictures of uint8, not float32 of shape (4,)"),
    ],
)
def test_a_wrong_text_is_answered_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        wrap(cartpoles(), [text])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError):
        wrap(gymnasium.make("CartPole-v1"), [text])


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_of_a_dict_only_one_part_is_shown(mode: AutoresetMode) -> None:
    env = wrap(
        SyncVectorEnv([Screens] * 2, autoreset_mode=mode), ["only:screen", "resize:4x5", "channels_first"]
    )
    assert env.single_observation_space.shape == (3, 4, 5)
    first, _ = env.reset(seed=0)
    assert (first == 0).all()
    for step in (1, 2, 3):
        seen, _, terminated, _, infos = env.step(np.zeros(2, np.int64))
        last = infos["final_obs"] if mode is AutoresetMode.SAME_STEP and terminated.all() else seen
        assert last.shape == (2, 3, 4, 5)
        assert (last == step).all()
    assert terminated.all()


def test_a_single_dict_is_shown_in_part_too() -> None:
    env = wrap(Screens(), ["only:step"])
    assert env.reset()[0] == 0
    assert env.step(0)[0] == 1
    assert env.observation_space.contains(env.step(0)[0])


def test_velocities_are_masked_only_where_they_are_known() -> None:
    for env in (gymnasium.make("FrozenLake-v1"), Walk(2), SyncVectorEnv([lambda: gymnasium.make("Taxi-v4")])):
        with pytest.raises(ValueError, match=r"MaskVelocity: .*(FrozenLake|Walk|Taxi)"):
            wrap(env, ["mask_velocity"])
    with pytest.raises(ValueError, match="innermost"):
        wrap(cartpoles(), ["frame_stack:2", "mask_velocity"])
    with pytest.raises(ValueError, match="obs=features"):
        wrap(cartpoles(obs="pixels"), ["mask_velocity"])


def test_velocities_of_every_makeable_environment_are_masked() -> None:
    for env_id, zeros in {"MountainCar-v0": [1], "Acrobot-v1": [4, 5], "Pendulum-v1": [2]}.items():
        env = wrap(gymnasium.make(env_id), ["mask_velocity"])
        env.reset(seed=0)
        observation, *_ = env.step(env.action_space.sample())
        assert np.flatnonzero(observation == 0).tolist() == zeros


def test_action_repeat_stands_innermost() -> None:
    with pytest.raises(ValueError, match="ActionRepeat: must stand innermost"):
        wrap(cartpoles(), ["flicker:0.5", "action_repeat:2"])
    with pytest.raises(ValueError, match="ActionRepeat: must stand innermost"):
        wrap(SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 2), ["action_repeat:2"])


def test_observations_that_are_no_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match=r"FrameStack: observations must be arrays \(a Box\), not Discrete"):
        wrap(gymnasium.make("FrozenLake-v1"), ["frame_stack:2"])
    sticky = wrap(gymnasium.make("FrozenLake-v1"), ["sticky_actions:0.5"])
    assert sticky.observation_space.contains(sticky.reset(seed=0)[0])


# Single environments


@pytest.mark.parametrize(
    "specs", [["frame_stack:3"], ["mask_velocity", "frame_stack:2"], ["action_repeat:3"]]
)
def test_a_single_environment_steps_as_its_row_of_the_batch(specs: list[str]) -> None:
    batch = wrap(cartpoles(3, autoreset_mode=AutoresetMode.DISABLED), specs)
    singles = [wrap(gymnasium.make(CARTPOLE), specs) for _ in range(3)]
    firsts, _ = batch.reset(seed=0)
    base = batch.unwrapped
    assert isinstance(base, BatchedEnv)
    inner = base.state_dict()
    for one, single in enumerate(singles):
        assert isinstance(single, WrappedSingle)
        single.reset(seed=0)
        core: Any = single.unwrapped
        own = core.state_dict()
        rows = {name: array[one : one + 1] for name, array in inner["episodes"].items()}
        core.load_state_dict({**own, "episodes": rows})
        single.batch.given = firsts[one : one + 1].copy()  # type: ignore[attr-defined]
    running = np.ones(3, np.bool_)
    for action, _ in zip(action_stream(batch, 0), range(8), strict=False):
        observation, reward, terminated, truncated, _ = batch.step(action)
        for one in np.flatnonzero(running):
            alone = singles[one].step(action[one])
            np.testing.assert_array_equal(alone[0], observation[one])
            assert alone[1:4] == (reward[one], terminated[one], truncated[one])
        ended = terminated | truncated
        running &= ~ended
        if ended.any():
            batch.reset(options={"reset_mask": ended})


@pytest.mark.filterwarnings("ignore:.*Box observation space m", "ignore:.*different from the unwrapped")
@pytest.mark.parametrize(
    "specs", [["flicker:0.5"], ["sticky_actions:0.5", "frame_stack:2"], ["mask_velocity", "action_repeat:2"]]
)
def test_gymnasium_finds_nothing_wrong(specs: list[str]) -> None:
    check_env(wrap(gymnasium.make("CartPole-v1"), specs))


def test_a_single_environment_can_be_made_again_from_its_spec() -> None:
    env = wrap(gymnasium.make("CartPole-v1"), ["mask_velocity", "frame_stack:2"])
    assert env.spec is not None
    again = gymnasium.make(env.spec)
    np.testing.assert_array_equal(again.reset(seed=1)[0], env.reset(seed=1)[0])


def test_a_single_environment_keeps_its_picture_name_and_keys() -> None:
    env = wrap(gymnasium.make(CARTPOLE, render_mode="rgb_array"), ["flicker:0.5", "frame_stack:2"])
    assert isinstance(env, WrappedSingle)
    env.reset(seed=0)
    picture: Any = env.render()
    assert picture.shape == (480, 480, 3) or picture.ndim == 3
    assert env.spec is not None
    assert env.spec.id == CARTPOLE
    assert controls_of(env) is env.controls is not None
    env.close()
    env.close()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_single_environment_can_be_copied_in_the_midst_of_an_episode(copied: Any) -> None:
    env = wrap(WalkEnv(length=50), ["flicker:0.5", "frame_stack:2", "sticky_actions:0.3"])
    env.reset(seed=0)
    actions = [env.action_space.sample() for _ in range(20)]
    env.step(actions[0])
    other = copied(env)
    for action in actions:
        ours, theirs = env.step(action), other.step(action)
        np.testing.assert_array_equal(ours[0], theirs[0])
        assert ours[1:4] == theirs[1:4]


def test_randomness_of_a_single_environment_follows_from_its_one_generator() -> None:
    env = wrap(gymnasium.make("CartPole-v1"), ["flicker:0.5"])

    def episode(state: Any) -> list[Any]:
        env.np_random.bit_generator.state = state
        return [env.reset()[0].tolist(), *[env.step(0)[0].tolist() for _ in range(7)]]

    env.reset(seed=0)
    start = env.np_random.bit_generator.state
    first = episode(start)
    assert episode(env.np_random.bit_generator.state) != first
    assert episode(start) == first


def test_wrappers_that_do_not_draw_leave_the_generator_alone() -> None:
    bare, env = gymnasium.make("CartPole-v1"), wrap(gymnasium.make("CartPole-v1"), ["frame_stack:2"])
    for one in (bare, env):
        one.reset(seed=0)
    assert bare.np_random.bit_generator.state == env.np_random.bit_generator.state
