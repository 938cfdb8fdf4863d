"""What the replay buffer gives back, against a slow version that keeps everything in lists."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.wrappers import FlattenObservation, FrameStackObservation, RepeatAction, TimeLimit
from hypothesis import example, given, settings
from hypothesis import strategies as st

import sandbox.core.memory
from agents.replay import Replay
from agents.simulators import Simulator, Step, as_simulator
from sandbox.core.errors import Refused, UsageError
from tests.agents.slow_replay import SlowReplay

CPU = torch.device("cpu")
SHAPES: dict[str, tuple[tuple[int, ...], int, Any]] = {
    "vector": ((2,), 0, np.float32),
    "picture": ((1, 6, 5), 0, np.uint8),
    "channels last": ((9, 3, 1), 2, np.uint8),
    "new axis": ((1, 2, 3, 2), 0, np.uint8),
}
"""One frame's shape, the axis along which frames are stacked, and the type."""


class Scripted:
    """Random frames and ends, stacked; ended episodes begin anew in the same step, or in the next one."""

    def __init__(
        self, n_envs: int, kinds: list[str], depth: int, before: str, next_step: bool, seed: int
    ) -> None:
        self.rng, self.n_envs, self.kinds, self.depth = np.random.default_rng(seed), n_envs, kinds, depth
        self.before, self.next_step = before, next_step
        self.stacks = [self.first() for _ in range(n_envs)]
        self.ended = np.zeros(n_envs, bool)
        parts: dict[str, spaces.Space[Any]] = {kind: self.space(kind) for kind in kinds}
        self.space_of_one = spaces.Dict(parts) if len(kinds) > 1 else parts[kinds[0]]

    def space(self, kind: str) -> spaces.Box:
        shape, axis, dtype = SHAPES[kind]
        return spaces.Box(
            0, 255, tuple(n * self.depth if i == axis else n for i, n in enumerate(shape)), dtype
        )

    def frame(self) -> dict[str, np.ndarray]:
        return {
            kind: self.rng.integers(1, 256, SHAPES[kind][0]).astype(SHAPES[kind][2]) for kind in self.kinds
        }

    def first(self) -> list[dict[str, np.ndarray]]:
        """The frames at the beginning of an episode: other ones, zeros or copies stand before the first."""
        frame = self.frame()
        zeros = {kind: np.zeros_like(part) for kind, part in frame.items()}
        choose = {"zeros": lambda: zeros, "copies": lambda: frame, "others": self.frame}
        choose["mixed"] = lambda: choose[self.rng.choice(["zeros", "copies", "others"])]()
        return [choose[self.before]() for _ in range(self.depth - 1)] + [frame]

    def shown(self, stacks: list[list[dict[str, np.ndarray]]]) -> Any:
        parts = {
            kind: np.stack([np.concatenate([f[kind] for f in frames], SHAPES[kind][1]) for frames in stacks])
            for kind in self.kinds
        }
        return parts if len(self.kinds) > 1 else parts[self.kinds[0]]

    def reset(self) -> Any:
        self.stacks, self.ended = [self.first() for _ in range(self.n_envs)], np.zeros(self.n_envs, bool)
        return self.shown(self.stacks)

    def step(self) -> Step:
        chance = self.rng.random((2, self.n_envs))
        ignored = self.ended if self.next_step else np.zeros(self.n_envs, bool)
        terminated, truncated = (chance[0] < 0.15) & ~ignored, (chance[1] < 0.15) & ~ignored
        ended = terminated | truncated
        self.stacks = [
            self.first() if ignored[one] else [*self.stacks[one][1:], self.frame()]
            for one in range(self.n_envs)
        ]
        final = self.shown(self.stacks)
        if not self.next_step:
            self.stacks = [self.first() if ended[one] else self.stacks[one] for one in range(self.n_envs)]
        self.ended = ended
        rewards = self.rng.normal(size=self.n_envs)
        return Step(
            self.shown(self.stacks),
            rewards,
            terminated,
            truncated,
            final if ended.any() else None,
            ignored if self.next_step else None,
        )


@st.composite
def runs(draw: Any) -> dict[str, Any]:
    depth, n_step = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    n_envs = draw(st.integers(1, 3))
    return {
        "n_envs": n_envs,
        "depth": depth,
        "n_step": n_step,
        "rows": n_step + depth + draw(st.integers(0, 6)),
        "remainder": draw(st.integers(0, n_envs - 1)),
        "kinds": draw(st.sampled_from([["vector"], ["picture"], ["channels last"], ["new axis"], [*SHAPES]])),
        "before": draw(st.sampled_from(["zeros", "copies", "others", "mixed"])),
        "next_step": draw(st.booleans()),
        "steps": draw(st.integers(0, 40)),
        "checked_at": draw(st.sets(st.integers(0, 40), max_size=3)),
        "restarts": draw(st.sets(st.integers(0, 40), max_size=2)),
        "prioritized": draw(st.booleans()),
        "seed": draw(st.integers(0, 2**31)),
    }


def played(run: dict[str, Any], checked: bool = True, **options: Any) -> SlowReplay:
    source = Scripted(*(run[name] for name in ("n_envs", "kinds", "depth", "before", "next_step", "seed")))
    slow = slow_replay(
        source.space_of_one, run["n_envs"], run["rows"], run["n_step"], run["depth"], **options
    )
    slow.begin(source.reset())
    for t in range(run["steps"]):
        if t in run["restarts"]:
            slow.begin(source.reset())
        slow.add(source.step())
        if checked and t in run["checked_at"]:
            slow.check()
    return slow


def slow_replay(
    space: spaces.Space, n_envs: int, rows: int, n_step: int, depth: int, remainder: int = 0, **options: Any
) -> SlowReplay:
    replay = Replay(
        rows * n_envs + remainder,
        n_envs,
        space,
        spaces.Discrete(10_000),
        CPU,
        gamma=0.9,
        n_step=n_step,
        stack_depth=depth,
        **options,
    )
    return SlowReplay(replay, rows, n_step, 0.9)


@settings(max_examples=60)
@given(runs())
def test_every_transition_is_what_the_slow_version_says(run: dict[str, Any]) -> None:
    played(run, prioritized=run["prioritized"], remainder=run["remainder"]).check()


SMALL: dict[str, Any] = {
    "n_envs": 2,
    "depth": 3,
    "n_step": 2,
    "rows": 9,
    "kinds": ["picture", "vector"],
    "before": "others",
    "next_step": False,
    "steps": 31,
    "checked_at": set(),
    "restarts": {12},
    "seed": 1,
}


@pytest.mark.parametrize("depth", [1, 3])
def test_frames_beside_the_ring_are_found_without_counting_them_too(depth: int) -> None:
    """As on a device that would have to be waited for."""
    slow = played({**SMALL, "depth": depth})
    for part in slow.replay._frames._parts.values():
        part.counts_cheaply = False
    slow.check()


def test_places_beside_the_ring_are_used_again() -> None:
    beside = played({**SMALL, "steps": 2000}).replay._frames._beside
    most = (9 + 3) * 2 * 3  # rows, environments, a final observation and two frames before the first
    assert 0 < beside.in_use <= most
    assert beside.capacity <= 2 * most  # it doubled when it had to; about 3000 frames have lain there


@pytest.mark.parametrize("before", ["zeros", "copies"])
def test_usual_beginnings_of_episodes_take_no_memory(before: str) -> None:
    run = {**SMALL, "before": before, "next_step": True, "rows": 40}
    source = Scripted(2, ["picture"], 3, before, False, 0)
    slow = slow_replay(source.space_of_one, 2, run["rows"], 1, 3)
    slow.begin(source.reset())
    for _ in range(40):
        step = source.step()
        step.terminated |= step.truncated
        step.truncated[:] = False
        slow.add(step)
    assert slow.replay._frames._beside.capacity == 0
    slow.check()


def plain(state: Any) -> Any:
    """A copy, as a checkpoint would keep it: dicts, lists, arrays, tensors and JSON values, nothing else."""
    if isinstance(state, dict):
        assert all(isinstance(key, str) for key in state)
        return {key: plain(value) for key, value in state.items()}
    assert state is None or isinstance(state, list | int | float | str | np.ndarray | torch.Tensor), type(
        state
    )
    return copy.deepcopy(state)


@settings(max_examples=40)
@given(runs())
@example({**SMALL, "steps": 0, "prioritized": True})
@example({**SMALL, "prioritized": True})
def test_a_restored_buffer_goes_on_bit_identically(run: dict[str, Any]) -> None:
    def go_on(slow: SlowReplay) -> list[torch.Tensor]:
        generator, found = torch.Generator().manual_seed(1), []
        for t in range(8):
            slow.add(steps[t])
            if slow.replay.size:
                sampled = slow.replay.sample(32, generator, beta=0.5)
                slow.replay.update_priorities(sampled, torch.rand(32, generator=generator))
                parts = [sampled.observations, sampled.next_observations]
                found += [x for part in parts for x in (part.values() if isinstance(part, dict) else [part])]
                found += [sampled.index, sampled.returns, sampled.discounts, sampled.weights, sampled.actions]
        return found

    options = {"prioritized": run["prioritized"]}
    one, other = played(run, **options), played({**run, "steps": run["seed"] % 9}, **options)
    if one.replay.size:
        sampled = one.replay.sample(9, torch.Generator().manual_seed(2))
        one.replay.update_priorities(sampled, torch.arange(9.0))
    source = Scripted(*(run[name] for name in ("n_envs", "kinds", "depth", "before", "next_step", "seed")))
    steps = [source.step() for _ in range(8)]
    other.replay.load_state_dict(plain(one.replay.state_dict()))
    other.history, other.seen = list(one.history), one.seen
    for left, right in zip(go_on(one), go_on(other), strict=True):
        assert torch.equal(left, right)


def test_only_what_is_filled_is_saved() -> None:
    source = Scripted(2, ["picture"], 1, "zeros", False, 0)
    replay = slow_replay(source.space_of_one, 2, 1000, 1, 1)
    replay.begin(source.reset())
    for _ in range(5):
        replay.add(source.step())
    state = replay.replay.state_dict()
    assert len(state["frames"]["frames"][""]) == 6 * 2
    assert len(state["actions"]) == 6 * 2


def test_a_state_of_another_size_is_refused() -> None:
    small, large = played(SMALL), played({**SMALL, "rows": 10})
    with pytest.raises(ValueError, match=r"\[9, 2, 3\], not \[10, 2, 3\]"):
        large.replay.load_state_dict(small.replay.state_dict())


def test_samples_are_uniform_and_the_generator_decides_them() -> None:
    replay = played({**SMALL, "next_step": True, "seed": 3}).replay  # some rows are no transitions
    assert 0 < replay.size < 18
    draw = [replay.sample(400 * replay.size, torch.Generator().manual_seed(seed)).index for seed in (0, 0, 1)]
    assert torch.equal(draw[0], draw[1])
    assert not torch.equal(draw[0], draw[2])
    counts = draw[0].unique(return_counts=True)[1]
    assert len(counts) == replay.size
    chi_square = float(((counts - 400) ** 2 / 400).sum())
    assert chi_square < 50  # at most 17 degrees of freedom: once in 20 000 seeds


def test_a_selection_by_slice_shares_memory() -> None:
    sampled = played(SMALL).replay.sample(8, torch.Generator())
    half = sampled.select(slice(0, 4))
    assert isinstance(half.observations, dict)
    assert isinstance(sampled.observations, dict)
    assert half.observations["vector"].data_ptr() == sampled.observations["vector"].data_ptr()
    assert torch.equal(sampled.select(torch.tensor([3, 1])).actions, sampled.actions[[3, 1]])
    assert torch.equal(half.weights, torch.ones(4))


SOURCES: dict[str, tuple[Callable[[], Any], dict[str, Any], int]] = {
    "CartPole": (lambda: "CartPole-v1", {}, 1),
    "Pendulum, cut off": (lambda: gym.make("Pendulum-v1", max_episode_steps=9), {}, 1),
    "gymnasium's batch, reset in the next step": (lambda: gym.make_vec("CartPole-v1", num_envs=3), {}, 1),
    "our batch": (lambda: "Sandbox/Catch-v0", {"n_envs": 3, "wrap": ["frame_stack:4"]}, 4),
    "single ones, stacked": (lambda: "CartPole-v1", {"n_envs": 2, "wrap": ["frame_stack:3"]}, 3),
    "in worker processes": (
        lambda: "CartPole-v1",
        {"n_envs": 2, "wrap": ["frame_stack:2"], "vec": "async"},
        2,
    ),
    "gymnasium's stack of copies": (lambda: FrameStackObservation(gym.make("CartPole-v1"), 3), {}, 3),
    "gymnasium's stack, cut off": (
        lambda: TimeLimit(FrameStackObservation(gym.make("CartPole-v1"), 3, padding_type="zero"), 7),
        {},
        3,
    ),
    "a changed stack is none": (lambda: "CartPole-v1", {"wrap": ["frame_stack:3", "flicker:0.5"]}, 1),
    "a flattened stack is none": (
        lambda: FlattenObservation(FrameStackObservation(gym.make("CartPole-v1"), 3)),
        {},
        1,
    ),
    "a stack of which steps are left out": (
        lambda: RepeatAction(FrameStackObservation(gym.make("CartPole-v1"), 3), 2),
        {},
        1,
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_what_real_environments_showed_comes_back(name: str) -> None:
    make, options, depth = SOURCES[name]
    with as_simulator(make(), **options, seed=0) as simulator:
        assert simulator.stack_depth == depth
        follow(simulator, 130)


def follow(simulator: Simulator, steps: int) -> None:
    """Play at random, with a ring that the steps fill more than once."""
    simulator.action_space.seed(0)
    n_envs = simulator.num_envs
    slow = slow_replay(simulator.observation_space, n_envs, steps // 2, 3, simulator.stack_depth)
    slow.begin(simulator.reset())
    for t in range(steps):
        slow.add(simulator.step(np.array([simulator.action_space.sample() for _ in range(n_envs)])))
        if t in (3, steps // 3, steps - 1):
            slow.check()


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
@pytest.mark.parametrize("colour", [False, True])
def test_atari_frames_are_stored_once(mode: str, colour: bool) -> None:
    ale = pytest.importorskip("ale_py.vector_env")
    env = ale.AtariVectorEnv(
        "breakout", 2, autoreset_mode=mode, grayscale=not colour, max_num_frames_per_episode=60, stack_num=3
    )
    with as_simulator(env, seed=0) as simulator:
        assert simulator.stack_depth == 3
        follow(simulator, 60)


def test_a_stack_that_would_be_looked_for_in_another_place_is_not_taken_apart() -> None:
    """(8, 8, 12) may be 4 pictures (8, 8, 3), or 4 pictures (2, 8, 12): the shape alone does not tell."""
    pictures = spaces.Box(0, 255, (8, 8, 3), np.uint8)

    class Pictures(gym.Env[Any, Any]):
        observation_space, action_space = pictures, spaces.Discrete(2)

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
            super().reset(seed=seed)
            return self.np_random.integers(0, 255, (8, 8, 3), np.uint8), {}

    from envs.wrappers import wrap

    simulator = as_simulator(wrap(Pictures(), ["frame_stack:4"]))
    assert simulator.observation_space.shape == (8, 8, 12)
    assert simulator.stack_depth == 1


@pytest.mark.parametrize("stacked", [False, True])
def test_a_buffer_that_does_not_fit_is_refused_with_numbers(
    stacked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox.core.memory, "physical_memory", lambda: 2**27)
    space = spaces.Box(0, 255, (4, 84, 84), np.uint8)

    def make(size: int) -> Replay:
        return Replay(size, 8, space, spaces.Discrete(3), CPU, stack_depth=4 if stacked else 1)

    fits, too_many = (16_000, 20_000) if stacked else (4_000, 6_000)
    assert make(fits).capacity == fits // 8
    with pytest.raises(
        Refused, match=r"of \d+,000 transitions needs 0\.\d GiB, and cpu has 0\.1 GiB"
    ) as refusal:
        make(too_many)
    assert "buffer_size" in (refusal.value.hint or "")


def test_a_buffer_smaller_than_its_environments_need_is_refused() -> None:
    with pytest.raises(UsageError, match="buffer_size must be at least 40 with 10 environments, got 39"):
        Replay(39, 10, spaces.Discrete(3), spaces.Discrete(3), CPU, n_step=3)


def test_observations_that_are_no_such_stacks_are_refused() -> None:
    with pytest.raises(UsageError, match=r"\(5,\) are no stacks of 2 frames"):
        Replay(100, 1, spaces.Box(0, 1, (5,)), spaces.Discrete(3), CPU, stack_depth=2)
