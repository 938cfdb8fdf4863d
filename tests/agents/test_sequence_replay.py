"""What the replay buffer of sequences gives back, against a slow version that keeps whole episodes."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import example, given, settings
from hypothesis import strategies as st

import sandbox.core.memory
from agents.sequence_replay import SequenceReplay, Sequences
from agents.simulators import Step
from sandbox.core.errors import Refused, UsageError
from tests.agents.slow_sequences import SlowSequences
from tests.agents.test_replay import SHAPES, Scripted, plain

CPU = torch.device("cpu")


@st.composite
def runs(draw: Any) -> dict[str, Any]:
    length = draw(st.integers(1, 7))
    overlap = draw(st.integers(0, length - 1))
    return {
        "n_envs": draw(st.integers(1, 3)),
        "depth": draw(st.integers(1, 3)),
        "kinds": draw(st.sampled_from([["vector"], ["picture"], ["channels last"], [*SHAPES]])),
        "before": draw(st.sampled_from(["zeros", "copies", "others", "mixed"])),
        "next_step": draw(st.booleans()),
        "seed": draw(st.integers(0, 2**31)),
        "rows": 2 * length + draw(st.integers(0, 12)),
        "length": length,
        "overlap": overlap,
        "burn_in": draw(st.integers(0, overlap)),
        "n_step": draw(st.integers(1, 4)),
        "prioritized": draw(st.booleans()),
        "steps": draw(st.integers(0, 60)),
        "checked_at": draw(st.sets(st.integers(0, 60), max_size=4)),
        "restarts": draw(st.sets(st.integers(0, 60), max_size=2)),
    }


SMALL: dict[str, Any] = {
    "n_envs": 2,
    "depth": 1,
    "kinds": ["vector"],
    "before": "zeros",
    "next_step": False,
    "seed": 1,
    "rows": 30,
    "length": 6,
    "overlap": 3,
    "burn_in": 2,
    "n_step": 2,
    "prioritized": True,
    "steps": 80,
    "checked_at": set(),
    "restarts": {40},
}


def scripted(run: dict[str, Any]) -> Scripted:
    return Scripted(*(run[name] for name in ("n_envs", "kinds", "depth", "before", "next_step", "seed")))


def slow_sequences(space: spaces.Space[Any], run: dict[str, Any]) -> SlowSequences:
    options = {name: run[name] for name in ("length", "overlap", "burn_in", "n_step", "prioritized")}
    replay = SequenceReplay(
        run["rows"] * run["n_envs"],
        run["n_envs"],
        space,
        spaces.Discrete(10_000),
        CPU,
        numbers=2,
        gamma=0.9,
        stack_depth=run["depth"],
        **options,
    )
    return SlowSequences(replay, run["rows"])


def played(run: dict[str, Any], source: Scripted | None = None) -> SlowSequences:
    source = source or scripted(run)
    slow = slow_sequences(source.space_of_one, run)
    slow.begin(source.reset())
    for t in range(run["steps"]):
        if t in run["restarts"]:
            slow.begin(source.reset())
        slow.add(source.step())
        if t in run["checked_at"]:
            slow.check()
    return slow


@settings(max_examples=100)
@given(runs())
@example({**SMALL, "length": 1, "overlap": 0, "burn_in": 0, "next_step": True})
@example({**SMALL, "depth": 3, "kinds": ["picture", "vector"], "before": "others", "checked_at": {20, 41}})
def test_every_sequence_is_what_the_slow_version_says(run: dict[str, Any]) -> None:
    played(run).check()


def ramp(episodes: list[int], **options: Any) -> SequenceReplay:
    """Terminated episodes of these lengths in one environment, that shows how many steps there have been.

    Rewards are 1, actions 0, and a memory is ten times what was shown.
    """
    replay = SequenceReplay(
        200, 1, spaces.Box(0, 999, (1,)), spaces.Discrete(3), CPU, numbers=1, gamma=0.5, **options
    )
    t = 0
    replay.begin(np.full((1, 1), t, np.float32))
    for length in episodes:
        for age in range(length):
            ended, t = np.array([age + 1 == length]), t + 1
            shown = np.full((1, 1), t, np.float32)
            step = Step(shown, np.ones(1), ended, np.array([False]), shown, None)
            replay.add(np.zeros(1, np.int64), step, torch.full((1, 1), 10.0 * (t - 1)))
    return replay


def one_of_each(replay: SequenceReplay) -> Sequences:
    """Every sequence once: draws in equal parts find each where all are as likely."""
    sampled = replay.sample(replay.sequences, torch.Generator().manual_seed(0))
    assert len(sampled.slots.unique()) == replay.sequences
    return sampled


def test_an_episode_of_seven_in_sequences_of_four_that_share_two() -> None:
    sampled = one_of_each(ramp([7], length=4, overlap=2, burn_in=1, n_step=2))
    assert isinstance(sampled.observations, torch.Tensor)
    found = {}
    for place in range(len(sampled)):
        one = sampled.select(place, place + 1)
        assert isinstance(one.observations, torch.Tensor)
        found[int(one.observations[0])] = one
    assert sorted(found) == [0, 2, 4]  # what begins at 6 has nothing new
    assert found[0].observations.ravel().tolist() == [0, 1, 2, 3, 4]
    assert found[4].observations.ravel().tolist() == [4, 5, 6, 7]
    assert [found[begin].states.item() for begin in (0, 2, 4)] == [0, 20, 40]
    assert [found[begin].burned.item() for begin in (0, 2, 4)] == [0, 1, 1]
    assert found[0].rows.tolist() == [0, 1, 2, 3]
    assert found[0].next_rows.tolist() == [2, 3, 4, 4]
    assert found[0].returns.tolist() == [1.5, 1.5, 1.5, 1]
    assert found[0].discounts.tolist() == [0.25, 0.25, 0.25, 0.5]
    assert found[4].rows.tolist() == [1, 2]
    assert found[4].returns.tolist() == [1.5, 1]
    assert found[4].discounts.tolist() == [0, 0]


def test_sequences_that_no_episode_exceeds_are_whole_episodes() -> None:
    sampled = one_of_each(ramp([3, 8, 1, 5], length=8, overlap=4, burn_in=4))
    assert sorted(sampled.segments.lengths.tolist()) == [2, 4, 6, 9]
    assert not sampled.states.any()
    assert not sampled.burned.any()


@given(
    st.lists(st.integers(1, 19), min_size=1, max_size=6),
    st.integers(1, 9).flatmap(lambda length: st.tuples(st.just(length), st.integers(0, length - 1))),
    st.data(),
)
def test_every_transition_of_episodes_that_are_over_can_be_learned_from(
    episodes: list[int], lengths: tuple[int, int], data: st.DataObject
) -> None:
    length, overlap = lengths
    burn_in = data.draw(st.integers(0, overlap))
    sampled = one_of_each(ramp(episodes, length=length, overlap=overlap, burn_in=burn_in))
    assert isinstance(sampled.observations, torch.Tensor)
    learned = sampled.observations[sampled.rows]
    assert learned.unique().tolist() == list(range(sum(episodes)))


def test_what_is_selected_is_what_would_have_been_sampled_alone() -> None:
    sampled = played(SMALL).replay.sample(9, torch.Generator().manual_seed(0))
    assert isinstance(sampled.observations, torch.Tensor)
    part = sampled.select(2, 6)
    assert isinstance(part.observations, torch.Tensor)
    own = (sampled.owner >= 2) & (sampled.owner < 6)
    assert len(part) == 4
    assert torch.equal(part.owner + 2, sampled.owner[own])
    assert torch.equal(part.slots, sampled.slots[2:6])
    assert torch.equal(part.actions, sampled.actions[own])
    for rows in ("rows", "next_rows"):
        mine, all_rows = getattr(part, rows), getattr(sampled, rows)
        assert torch.equal(part.observations[mine], sampled.observations[all_rows[own]])
    assert part.returns.data_ptr() == sampled.returns[own.nonzero()[0] :].data_ptr()  # nothing was copied


def test_samples_are_uniform_and_the_generator_decides_them() -> None:
    replay = played({**SMALL, "prioritized": False, "next_step": True}).replay
    draw = [replay.sample(400 * replay.sequences, torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert torch.equal(draw[0].slots, draw[1].slots)
    assert not torch.equal(draw[0].slots, draw[2].slots)
    assert torch.equal(draw[0].weights, torch.ones(400 * replay.sequences))
    replay.update_priorities(draw[0], torch.arange(len(draw[0].actions)))  # says nothing here
    counts = replay.sample(400 * replay.sequences, torch.Generator()).slots.unique(return_counts=True)[1]
    assert len(counts) == replay.sequences
    assert (counts - 400).abs().max() <= 1  # drawn from equal parts of the whole


def test_samples_follow_the_errors() -> None:
    """Two sequences: (0.9 · 4 + 0.1 · 2) and (0.9 · 2 + 0.1 · 2), to the power of a half."""
    replay = ramp([4, 2], length=4, prioritized=True, alpha=0.5)
    sampled = one_of_each(replay)
    errors = torch.where(torch.as_tensor(sampled.learned == 4)[sampled.owner], torch.zeros(()), -2.0)
    errors[(sampled.owner == int((sampled.learned == 4).argmax())).nonzero()[:2, 0]] = 4.0
    replay.update_priorities(sampled, errors)
    again = replay.sample(10_000, torch.Generator().manual_seed(0), beta=1.0)
    chances = np.sqrt([3.8, 2.0]) / np.sqrt([3.8, 2.0]).sum()
    long = again.learned == 4
    assert abs(long.mean() - chances[0]) < 1e-3
    np.testing.assert_allclose(again.weights[long], 1 / (2 * chances[0]), rtol=1e-5)
    np.testing.assert_allclose(again.weights[~long], 1 / (2 * chances[1]), rtol=1e-5)


def test_new_sequences_have_the_largest_priority_so_far() -> None:
    replay = ramp([4, 2], length=4, prioritized=True, alpha=1.0)
    sampled = one_of_each(replay)
    replay.update_priorities(sampled, torch.full((6,), 3.0))
    step = Step(np.zeros((1, 1)), np.ones(1), np.array([True]), np.array([False]), np.zeros((1, 1)), None)
    replay.add(np.zeros(1, np.int64), step, torch.zeros(1, 1))
    counts = replay.sample(300, torch.Generator().manual_seed(0)).slots.unique(return_counts=True)[1]
    assert (counts - 100).abs().max() <= 1


def test_memories_are_copied_and_may_come_from_inference_mode() -> None:
    replay = ramp([3], length=2)
    with torch.inference_mode():
        state = torch.full((1, 1), 5.0)
    step = Step(np.zeros((1, 1)), np.ones(1), np.array([False]), np.array([False]), None, None)
    for _ in range(4):
        replay.add(np.zeros(1, np.int64), step, state)
    with torch.inference_mode():
        state.zero_()
    sampled = one_of_each(replay)
    assert sorted(sampled.states.ravel().tolist()) == [0, 0, 5, 20]
    assert not sampled.states.is_inference()


def test_places_of_memories_are_used_again() -> None:
    places = played({**SMALL, "steps": 2000}).replay._places
    assert 0 < places.in_use <= places.capacity <= 2 * 30 * 2 // 3 + 16  # rows, environments, one in three


@settings(max_examples=40)
@given(runs())
@example(SMALL)
@example({**SMALL, "steps": 0})
def test_a_restored_buffer_goes_on_bit_identically(run: dict[str, Any]) -> None:
    def go_on(slow: SlowSequences) -> list[torch.Tensor]:
        generator, found = torch.Generator().manual_seed(1), []
        for step in steps:
            slow.add(step)
            if slow.replay.sequences:
                sampled = slow.replay.sample(16, generator, beta=0.5)
                errors = 1 + torch.rand(
                    len(sampled.actions), generator=generator
                )  # so that each is still drawn
                slow.replay.update_priorities(sampled, errors)
                seen = sampled.observations
                found += list(seen.values()) if isinstance(seen, dict) else [seen]
                found += [sampled.states, sampled.actions, sampled.returns, sampled.discounts, sampled.rows]
                found += [sampled.next_rows, sampled.weights, sampled.slots]
        return found

    source = scripted(run)
    one, other = played(run, source), played({**run, "steps": run["seed"] % 9})
    if one.replay.sequences:
        sampled = one.replay.sample(9, torch.Generator().manual_seed(2))
        one.replay.update_priorities(sampled, 1 + torch.arange(float(len(sampled.actions))) % 8)
    steps = [source.step() for _ in range(2 * run["length"])]
    other.replay.load_state_dict(plain(one.replay.state_dict()))
    other.count, other.seen = one.count, one.seen
    other.episodes = copy.deepcopy(one.episodes)
    assert other.replay.sequences == one.replay.sequences
    for left, right in zip(go_on(one), go_on(other), strict=True):
        assert torch.equal(left, right)
    other.check()


def damaged(state: dict[str, Any], how: str) -> dict[str, Any]:
    """A copy of a saved buffer in which one thing does not fit the others."""
    state = plain(state)
    row, env = (int(index[0]) for index in state["lengths"].nonzero())
    if how == "longer than any":
        state["lengths"][row, env] = 99
    elif how == "beyond its episode":
        state["outcomes"][row, env] = 1
        state["lengths"][row, env] = 6
    elif how == "not stored":
        state["count"] += 7
    elif how == "begun in the future":
        state["began"][0] = state["count"] + 1
    elif how == "fewer states":
        state["states"] = state["states"][:-1]
    elif how == "a place twice":
        state["places"]["places"][0] = state["places"]["places"][1]
    elif how == "a priority of nothing":
        state["priorities"]["scaled"][state["lengths"].ravel().argmin()] = 1.0
    elif how == "no priorities":
        state["priorities"] = None
    elif how == "fewer rows":
        state["state_at"] = state["state_at"][:-1]
    return state


@pytest.mark.parametrize(
    "how",
    [
        "longer than any",
        "beyond its episode",
        "not stored",
        "begun in the future",
        "fewer states",
        "a place twice",
        "a priority of nothing",
        "no priorities",
        "fewer rows",
    ],
)
def test_a_damaged_buffer_is_refused_and_changes_nothing(how: str) -> None:
    state = played(SMALL).replay.state_dict()
    slow = played({**SMALL, "seed": 2, "steps": 50})
    with pytest.raises(ValueError, match="saved"):
        slow.replay.load_state_dict(damaged(state, how))
    slow.check()
    slow.replay.load_state_dict(damaged(state, "not at all"))


def test_a_buffer_of_other_sequences_is_refused() -> None:
    state = played(SMALL).replay.state_dict()
    with pytest.raises(ValueError, match=r"\[6, 3, 2\], not \[6, 2, 2\]"):
        played({**SMALL, "overlap": 2}).replay.load_state_dict(state)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ((0, 0, 0), "at least 1 transition, got length 0"),
        ((4, 4, 0), "overlap must be from 0 to 3 in sequences of 4, got 4"),
        ((4, -1, 0), "overlap must be from 0 to 3 in sequences of 4, got -1"),
        ((4, 2, 3), "burn_in must be from 0 to 2 where sequences overlap by 2, got 3"),
        ((101, 0, 0), "buffer_size must be at least 202 with 1 environments, got 200"),
    ],
)
def test_lengths_that_contradict_each_other_are_refused(lengths: tuple[int, int, int], message: str) -> None:
    length, overlap, burn_in = lengths
    with pytest.raises(UsageError, match=message):
        ramp([], length=length, overlap=overlap, burn_in=burn_in)


def test_a_buffer_whose_memories_do_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.core.memory, "physical_memory", lambda: 2**27)

    def make(overlap: int) -> SequenceReplay:
        sizes = 400_000, 8, spaces.Box(0, 1, (4,)), spaces.Discrete(3), CPU
        return SequenceReplay(*sizes, length=40, overlap=overlap, numbers=512)

    assert make(30).capacity == 50_000  # 205 bytes of memory a transition
    with pytest.raises(Refused, match=r"of 400,000 transitions needs 0\.2 GiB, and cpu has 0.1 GiB"):
        make(36)
