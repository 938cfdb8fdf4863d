"""What is saved in the midst of episodes continues bit-identically in a freshly built simulator."""

from __future__ import annotations

import json
from contextlib import closing
from importlib.util import find_spec
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from agents.simulators import Simulator, as_simulator
from agents.simulators.arrays import copied, same_bits
from agents.vec import SB3VecEnv
from sandbox.core.errors import UsageError

FOREIGN = [
    "CartPole-v1",
    "Pendulum-v1",
    "MountainCarContinuous-v0",
    "Acrobot-v1",
    "FrozenLake-v1",
    "Taxi-v4",
    "Tiny/Corridor-v0",
]
if find_spec("Box2D"):
    FOREIGN += ["LunarLander-v3", "BipedalWalker-v3"]
OURS = "Sandbox/CartPole-v0"
N = 3


def play(simulator: Simulator, actions: list[Any]) -> list[Any]:
    """Everything that the steps return, copied."""
    record = []
    for action in actions:
        step = simulator.step(action)
        ended = step.terminated | step.truncated
        final = None if step.final_observation is None else copied(step.final_observation)
        if isinstance(final, np.ndarray):
            final = final[ended]
        ignored = None if step.ignored is None else step.ignored.copy()
        arrays = (copied(step.observation), step.reward.copy(), step.terminated, step.truncated)
        record.append([*arrays, final if ended.any() else None, ignored])
    return record


def draw(simulator: Simulator, steps: int, seed: int) -> list[Any]:
    """Random actions that are often kept for a while, so that episodes also end by what is done."""
    space = simulator.action_space
    space.seed(seed)
    return [np.array([space.sample() for _ in range(simulator.num_envs)]) for _ in range(steps)]


def same_record(left: list[Any], right: list[Any]) -> bool:
    pairs = zip(left, right, strict=True)
    return all(same_bits(a, b) for one, other in pairs for a, b in zip(one, other, strict=True))


def assert_plain(state: Any) -> None:
    """Dicts with text keys, lists, arrays, and what JSON can write; nothing else."""
    if isinstance(state, dict):
        assert all(isinstance(key, str) for key in state)
        for value in state.values():
            assert_plain(value)
    elif isinstance(state, list):
        for value in state:
            assert_plain(value)
    elif isinstance(state, np.ndarray):
        assert state.dtype != object
    else:
        assert type(state) in (int, float, str, bool, type(None))
        json.dumps(state)


@pytest.mark.parametrize("name", FOREIGN)
@given(data=st.data())
@settings(max_examples=8)
def test_foreign_environments_continue_to_the_last_bit(name: str, data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 2**31 - 1), label="seed")
    before = data.draw(st.integers(0, 250), label="steps before saving")
    with closing(as_simulator(name, N, seed=seed)) as first, closing(as_simulator(name, N)) as second:
        first.reset()
        play(first, draw(first, before, seed))
        state = first.state_dict()
        assert state is not None
        assert_plain(state)
        last = copied(first.observation)  # pyright: ignore[reportArgumentType]
        following = draw(first, 120, seed + 1)
        expected = play(first, following)

        assert second.load_state_dict(state) == []
        assert same_bits(copied(second.observation), last)  # pyright: ignore[reportArgumentType]
        assert second.restarted is not None
        assert not second.restarted.any()
        assert same_bits(_flat(second.state_dict()), _flat(state))
        assert same_record(play(second, following), expected)


def _flat(state: Any) -> Any:
    """Lists as dicts, for `same_bits`."""
    if isinstance(state, dict):
        return {key: _flat(value) for key, value in state.items()}
    if isinstance(state, list):
        return {str(key): _flat(value) for key, value in enumerate(state)}
    return state


@pytest.mark.parametrize("mode", list(AutoresetMode))
@given(seed=st.integers(0, 1000), before=st.integers(0, 60))
@settings(max_examples=10)
def test_our_batches_continue_to_the_last_bit(mode: AutoresetMode, seed: int, before: int) -> None:
    first, second = (as_simulator(OURS, N, env_kwargs={"autoreset_mode": mode}) for _ in range(2))
    first.reset(seed=seed)
    play(first, draw(first, before, seed))
    state = first.state_dict()
    assert_plain(state)
    last = copied(first.observation)  # pyright: ignore[reportArgumentType]
    following = draw(first, 60, seed + 1)
    expected = play(first, following)
    assert second.load_state_dict(state) == []
    assert same_bits(second.observation, last)
    assert same_record(play(second, following), expected)


@pytest.mark.parametrize(
    ("saved_by", "loaded_by"), [("async", "async"), ("sync", "async"), ("async", "sync")]
)
def test_worker_processes_save_and_load_the_same_states(saved_by: Any, loaded_by: Any) -> None:
    with (
        closing(as_simulator("Pendulum-v1", N, vec=saved_by, seed=3, workers=2)) as first,
        closing(
            as_simulator("Pendulum-v1", N, vec=loaded_by, workers=3 if loaded_by == "async" else None)
        ) as other,
    ):
        first.reset()
        play(first, draw(first, 230, 0))
        state, following = first.state_dict(), draw(first, 50, 1)
        expected = play(first, following)
        assert other.load_state_dict(state) == []
        assert same_record(play(other, following), expected)


@pytest.mark.parametrize(
    "source",
    [
        lambda: gym.make("CartPole-v1"),
        lambda: SyncVectorEnv([lambda: gym.make("CartPole-v1")] * 2),
        lambda: DummyVecEnv([lambda: Monitor(gym.make("CartPole-v1"))] * 2),
        lambda: SB3VecEnv("CartPole-v1", 2),
        lambda: SB3VecEnv(OURS, 2),
    ],
)
def test_what_can_be_taken_apart_can_be_restored(source: Any) -> None:
    first, second = as_simulator(source()), as_simulator(source())
    first.reset(seed=0)
    play(first, draw(first, 40, 0))
    state, following = first.state_dict(), draw(first, 40, 1)
    expected = play(first, following)
    assert second.load_state_dict(state) == []
    assert same_record(play(second, following), expected)


@pytest.mark.parametrize(
    "source", [lambda: gym.make_vec("CartPole-v1", 2), lambda: VecNormalize(SB3VecEnv(OURS, 2))]
)
def test_what_cannot_be_restored_says_so_and_starts_anew(source: Any) -> None:
    simulator = as_simulator(source())
    simulator.reset(seed=0)
    assert simulator.state_dict() is None
    (sentence,) = simulator.load_state_dict(None)
    assert "all 2 environments start a new episode" in sentence
    assert simulator.restarted is not None
    assert simulator.restarted.all()
    assert simulator.observation is not None


@pytest.mark.parametrize("vec", ["sync", "async"])
def test_an_environment_with_hidden_randomness_is_named_and_starts_anew(vec: Any) -> None:
    arguments: dict[str, Any] = {"limit": 50, "goal": 99}
    with (
        closing(as_simulator("Tiny/Noisy-v0", 2, env_kwargs=arguments, seed=0)) as first,
        closing(as_simulator("Tiny/Noisy-v0", 2, env_kwargs=arguments, vec=vec, workers=2)) as second,
    ):
        first.reset()
        play(first, [np.array([1, 1])] * 5)
        lost = second.load_state_dict(first.state_dict())
        assert [sentence.partition(" (")[0] for sentence in lost] == ["environment 0", "environment 1"]
        assert "went another way" in lost[0]
        assert second.restarted is not None
        assert second.restarted.tolist() == [True, True]
        assert isinstance(second.observation, np.ndarray)
        assert (second.observation[:, 0] < 1).all()  # a new episode's first place is 0


def test_only_the_environment_that_differs_starts_anew() -> None:
    arguments: dict[str, Any] = {"limit": 50, "goal": 99, "start": None}
    first, second = (as_simulator("Tiny/Corridor-v0", 3, env_kwargs=arguments) for _ in range(2))
    first.reset(seed=0)
    play(first, [np.array([1, 1, 0])] * 5)
    state = first.state_dict()
    assert state is not None
    state["environments"][1]["actions"][2] = 0
    (sentence,) = second.load_state_dict(state)
    assert sentence.startswith("environment 1 (Tiny/Corridor-v0) starts a new episode")
    assert second.restarted is not None
    assert second.restarted.tolist() == [False, True, False]
    assert same_bits(second.observation[0], first.observation[0])  # pyright: ignore


def test_a_replay_that_ends_early_is_noticed() -> None:
    first = as_simulator("Tiny/Corridor-v0", env_kwargs={"goal": 99, "limit": 50})
    first.reset(seed=0)
    play(first, [np.array([1])] * 5)
    shorter = as_simulator("Tiny/Corridor-v0", env_kwargs={"goal": 99, "limit": 3})
    (sentence,) = shorter.load_state_dict(first.state_dict())
    assert "ended too early" in sentence


def test_a_failed_restore_goes_the_same_way_twice() -> None:
    first = as_simulator("Tiny/Corridor-v0", 4, env_kwargs={"goal": 99, "limit": 50, "start": None})
    first.reset(seed=0)
    play(first, [np.ones(4, int)] * 5)
    state = first.state_dict()
    others = [as_simulator("Tiny/Corridor-v0", 4, env_kwargs={"limit": 3, "start": None}) for _ in range(2)]
    for other in others:
        assert len(other.load_state_dict(state)) == 4
    assert same_bits(others[0].observation, others[1].observation)


def test_the_options_of_the_reset_are_replayed() -> None:
    first, second = as_simulator("Tiny/Corridor-v0", 2), as_simulator("Tiny/Corridor-v0", 2)
    first.reset(seed=0, options={"shift": 1})
    state = first.state_dict()
    assert second.load_state_dict(state) == []
    assert second.observation.tolist() == [[1, 0], [1, 0]]  # pyright: ignore


def test_nothing_can_be_saved_before_the_first_reset() -> None:
    assert as_simulator("CartPole-v1").state_dict() is None
    assert as_simulator(OURS).state_dict() is None


def test_an_episode_too_long_to_remember_is_said_to_start_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.simulators.restorable.LONGEST", 100)
    first = as_simulator("Tiny/Corridor-v0", env_kwargs={"goal": 999, "limit": 999})
    first.reset(seed=0)
    play(first, [np.array([0])] * 100)
    assert (
        as_simulator("Tiny/Corridor-v0", env_kwargs={"limit": 999}).load_state_dict(first.state_dict()) == []
    )
    play(first, [np.array([0])] * 50)
    state = first.state_dict()
    (sentence,) = as_simulator("Tiny/Corridor-v0").load_state_dict(state)
    assert "longer than 100 steps" in sentence


def test_the_state_of_another_simulator_is_refused() -> None:
    three, two, ours = as_simulator("CartPole-v1", 3), as_simulator("CartPole-v1", 2), as_simulator(OURS, 3)
    for simulator in (three, two, ours):
        simulator.reset(seed=0)
    with pytest.raises(UsageError, match="3 environments, not 2"):
        two.load_state_dict(three.state_dict())
    with pytest.raises(UsageError, match="batch"):
        three.load_state_dict(ours.state_dict())
    with pytest.raises(UsageError):
        ours.load_state_dict(three.state_dict())
    with pytest.raises(UsageError):
        as_simulator(OURS, 2).load_state_dict(ours.state_dict())
