"""What the replay buffer of sequences gives back, against a slow version that keeps whole episodes."""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.sequence_replay import SequenceReplay
from tests.agents.slow_sequences import SlowSequences
from tests.agents.test_replay import SHAPES, Scripted

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


def played(run: dict[str, Any], checked: bool = True) -> SlowSequences:
    source = scripted(run)
    slow = slow_sequences(source.space_of_one, run)
    slow.begin(source.reset())
    for t in range(run["steps"]):
        if t in run["restarts"]:
            slow.begin(source.reset())
        slow.add(source.step())
        if checked and t in run["checked_at"]:
            slow.check()
    return slow


@settings(max_examples=100)
@given(runs())
def test_every_sequence_is_what_the_slow_version_says(run: dict[str, Any]) -> None:
    played(run).check()
