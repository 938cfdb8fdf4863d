"""A replay buffer that is slow and obvious: lists of everything, and a loop for each transition."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from agents.replay import Replay, Transitions
from agents.simulators import Step


def one_of(observation: Any, one: int) -> Any:
    """A copy of one environment's observation."""
    if isinstance(observation, dict):
        return {name: np.array(part[one]) for name, part in observation.items()}
    return np.array(observation[one])


@dataclass
class SlowStep:
    """What happened to one environment in one step."""

    seen: Any
    number: int
    reward: float
    terminated: bool
    truncated: bool
    ignored: bool
    after: Any
    """what was shown after it: of a truncated episode the final observation"""


@dataclass
class SlowReplay:
    """Gives `Replay` and itself the same steps; each transition's action is its own number."""

    replay: Replay
    rows: int
    n_step: int
    gamma: float
    history: list[list[SlowStep | None]] = field(default_factory=list)
    """for every row a step of each environment; None where a restart came between"""
    seen: Any = None

    def begin(self, observation: Any) -> None:
        n_envs = self.replay.n_envs
        if self.history:
            self.history.append([None] * n_envs)
        self.seen = [one_of(observation, one) for one in range(n_envs)]
        self.replay.begin(observation)

    def add(self, step: Step) -> None:
        n_envs = self.replay.n_envs
        numbers = len(self.history) * n_envs + np.arange(n_envs)
        row: list[SlowStep | None] = []
        for one in range(n_envs):
            truncated = bool(step.truncated[one])
            after = one_of(step.final_observation if truncated else step.observation, one)
            ignored = step.ignored is not None and bool(step.ignored[one])
            ends = bool(step.terminated[one]), truncated, ignored
            row.append(SlowStep(self.seen[one], int(numbers[one]), float(step.reward[one]), *ends, after))
        self.history.append(row)
        self.seen = [one_of(step.observation, one) for one in range(n_envs)]
        self.replay.add(numbers, step)

    def expected(self) -> dict[int, tuple[Any, float, float, Any]]:
        """Observation, return, discount and next observation of every transition by its number."""
        answers = {}
        for t in range(max(len(self.history) - self.rows, 0), len(self.history)):
            for one in range(self.replay.n_envs):
                first = self.history[t][one]
                if first is not None and not first.ignored:
                    answers[first.number] = (first.seen, *self.look_ahead(t, one))
        return answers

    def look_ahead(self, t: int, one: int) -> tuple[float, float, Any]:
        total, last = 0.0, self.history[t][one]
        assert last is not None
        for i in range(self.n_step):
            total += self.gamma**i * last.reward
            if last.terminated:
                return total, 0.0, None
            following = self.history[t + i + 1][one] if t + i + 1 < len(self.history) else None
            if last.truncated or following is None or following.ignored or i + 1 == self.n_step:
                return total, self.gamma ** (i + 1), last.after
            last = following
        raise AssertionError("n_step is at least 1")

    def check(self, seed: int = 0) -> None:
        """Everything that is stored can be sampled and nothing else, and each transition is as expected."""
        expected = self.expected()
        assert self.replay.size == len(expected)
        if not expected:
            return
        sampled = self.replay.sample(40 * len(expected), torch.Generator().manual_seed(seed))
        numbers = sampled.actions.tolist()
        assert set(numbers) == set(expected)
        places = {number: place for place, number in enumerate(numbers)}
        for number, (seen, total, discount, after) in expected.items():
            one = sampled.select(torch.tensor([places[number]]))
            assert_same(one, seen, "observations")
            assert one.returns.item() == np.float32(total) or abs(one.returns.item() - total) < 1e-5
            assert abs(one.discounts.item() - discount) < 1e-6
            assert (discount == 0) == (one.discounts.item() == 0)
            if discount:
                assert_same(one, after, "next_observations")


def assert_same(one: Transitions, expected: Any, name: str) -> None:
    """The only observation in `one` is `expected`, to the last bit."""
    found = getattr(one, name)
    pairs = (
        [(found[key], expected[key]) for key in expected]
        if isinstance(expected, dict)
        else [(found, expected)]
    )
    for part, wanted in pairs:
        np.testing.assert_array_equal(part[0].numpy(), wanted.astype(part.numpy().dtype), strict=True)
