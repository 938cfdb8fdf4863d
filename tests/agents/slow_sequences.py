"""Sequences of transitions cut from whole episodes, slow and obvious: lists of everything, and no ring."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from agents.sequence_replay import SequenceReplay, Sequences
from agents.simulators import Step
from tests.agents.slow_replay import SlowStep, one_of


@dataclass
class SlowEpisode:
    """What happened to one environment from one beginning on."""

    steps: list[SlowStep] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    """number of the row of every step"""
    states: list[np.ndarray] = field(default_factory=list)
    """memory before every step"""
    over: bool = False


@dataclass
class SlowSequences:
    """Gives `SequenceReplay` and itself the same steps; each transition's action is its own number."""

    replay: SequenceReplay
    rows: int
    episodes: list[list[SlowEpisode]] = field(default_factory=list)
    """of each environment"""
    count: int = 0
    seen: Any = None

    def begin(self, observation: Any) -> None:
        everyone = range(self.replay.n_envs)
        if self.count:
            for episodes in self.episodes:
                episodes[-1].over = True
                episodes.append(SlowEpisode())
            self.count += 1
        else:
            self.episodes = [[SlowEpisode()] for _ in everyone]
        self.seen = [one_of(observation, one) for one in everyone]
        self.replay.begin(observation)

    def add(self, step: Step) -> None:
        n_envs = self.replay.n_envs
        numbers = self.count * n_envs + np.arange(n_envs)
        states = torch.as_tensor(numbers[:, None] + np.array([0.25, 0.5]), dtype=torch.float32)
        for one, episodes in enumerate(self.episodes):
            truncated = bool(step.truncated[one])
            after = one_of(step.final_observation if truncated else step.observation, one)
            ignored = step.ignored is not None and bool(step.ignored[one])
            ends = bool(step.terminated[one]), truncated, ignored
            if not ignored:
                slow = SlowStep(self.seen[one], int(numbers[one]), float(step.reward[one]), *ends, after)
                episodes[-1].steps.append(slow)
                episodes[-1].rows.append(self.count)
                episodes[-1].states.append(
                    states[one].numpy() if len(episodes[-1].steps) > 1 else np.zeros(2)
                )
            if any(ends):
                episodes[-1].over = True
                episodes.append(SlowEpisode())
        self.seen = [one_of(step.observation, one) for one in range(n_envs)]
        self.count += 1
        self.replay.add(numbers, step, states)

    def expected(self) -> dict[int, tuple[SlowEpisode, int, int, int]]:
        """Episode, first step, end and burned steps of everything to sample, by its first step's number."""
        found = {}
        for episode in (episode for episodes in self.episodes for episode in episodes):
            before: set[int] = set()
            for first in range(0, len(episode.steps), self.replay.length - self.replay.overlap):
                end = min(first + self.replay.length, len(episode.steps))
                burned = self.replay.burn_in if first else 0
                learned = set(range(first + burned, end))
                adds, before = not learned <= before, learned
                ready = end - first == self.replay.length or episode.over
                if ready and (adds or not episode.over) and episode.rows[first] >= self.count - self.rows:
                    found[episode.steps[first].number] = episode, first, end, burned
        return found

    def check(self) -> None:
        """Everything that is ready can be sampled and nothing else, and each sequence is as expected."""
        expected = self.expected()
        assert self.replay.sequences == len(expected)
        if not expected:
            return
        sampled = self.replay.sample(30 * len(expected), torch.Generator().manual_seed(0))
        begins = self.first_numbers(sampled)
        assert set(begins) == set(expected)
        for number, place in {number: place for place, number in enumerate(begins)}.items():
            self.check_one(sampled.select(place, place + 1), *expected[number])

    def first_numbers(self, sampled: Sequences) -> list[int]:
        """The numbers of all sequences' first transitions, found by where they are stored."""
        newest = (self.count - 1) * self.replay.n_envs
        total, slots = self.replay.rows * self.replay.n_envs, sampled.slots.numpy()
        oldest = newest + self.replay.n_envs - total
        return [int(oldest + (slot - oldest) % total) for slot in slots]

    def check_one(self, one: Sequences, episode: SlowEpisode, first: int, end: int, burned: int) -> None:
        steps, length = episode.steps[first:end], end - first
        assert one.segments.lengths.tolist() == [length + 1]
        assert one.burned.tolist() == [burned]
        np.testing.assert_array_equal(one.states[0], episode.states[first].astype(np.float32))
        shown = [step.seen for step in steps] + ([] if steps[-1].terminated else [steps[-1].after])
        for row, seen in enumerate(shown):
            assert_shown(one, row, seen)
        assert one.rows.tolist() == list(range(burned, length))
        assert one.owner.tolist() == [0] * (length - burned)
        assert one.actions.tolist() == [step.number for step in steps[burned:]]
        for place, row in enumerate(range(burned, length)):
            together = steps[row : row + self.replay.n_step]
            total = sum(self.replay.gamma**i * step.reward for i, step in enumerate(together))
            discount = 0 if together[-1].terminated else self.replay.gamma ** len(together)
            assert abs(one.returns[place].item() - total) < 1e-5
            assert abs(one.discounts[place].item() - discount) < 1e-6
            assert one.next_rows[place].item() == row + len(together)


def assert_shown(one: Sequences, row: int, expected: Any) -> None:
    """The observation in this row is `expected`, to the last bit."""
    found = one.observations
    named = found if isinstance(found, dict) else {"": found}
    wanted = expected if isinstance(expected, dict) else {"": expected}
    for name, part in named.items():
        mine = part[row].numpy()
        np.testing.assert_array_equal(mine, wanted[name].astype(mine.dtype), strict=True)
