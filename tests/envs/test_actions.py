"""Actions are checked for every kind of space, whatever the environment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.error import InvalidAction
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Text
from gymnasium.vector.utils import batch_space

from envs.actions import ActionCheck

BOX = Box(np.array([-1.0, 0.0], np.float32), np.array([1.0, 5.0], np.float32))
SPACES = [Discrete(3), Discrete(3, start=-1), MultiDiscrete([2, 5]), MultiBinary(4), BOX]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_every_sample_passes_unchanged(space: Any) -> None:
    check, batch = ActionCheck("Walk", space, 50), batch_space(space, 50)
    batch.seed(0)
    sample = batch.sample()
    assert check(sample) is sample
    np.testing.assert_array_equal(check(sample.tolist()), sample)


@pytest.mark.parametrize(
    ("space", "actions"),
    [
        (Discrete(3), [0, 3]),
        (Discrete(3), [0, -1]),
        (Discrete(3), [0.0, 1.0]),
        (Discrete(3), [[0], [1]]),
        (Discrete(3), [0, 1, 2]),
        (Discrete(3, start=-1), [0, 2]),
        (MultiDiscrete([2, 5]), [[1, 4], [2, 0]]),
        (MultiBinary(2), [[0, 1], [0, 2]]),
        (BOX, [[0.0, 1.0], [0.0, 5.1]]),
        (BOX, [[0.0, 1.0], [np.nan, 1.0]]),
    ],
)
def test_what_is_outside_is_refused(space: Any, actions: list[Any]) -> None:
    with pytest.raises(InvalidAction, match="Walk"):
        ActionCheck("Walk", space, 2)(actions)


def test_the_first_bad_action_is_named_with_its_episode() -> None:
    with pytest.raises(InvalidAction, match=r"Walk: action \[2, 0\] of episode 1 is outside of Multi"):
        ActionCheck("Walk", MultiDiscrete([2, 5]), 3)([[1, 4], [2, 0], [9, 9]])


def test_spaces_of_other_kinds_are_refused() -> None:
    with pytest.raises(TypeError, match=r"Walk.*Text"):
        ActionCheck("Walk", Text(3), 2)
