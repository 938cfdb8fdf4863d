"""Random shifts move every picture of a batch by its own few pixels, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium import spaces

from agents import DQN, PPO
from agents.random_shift import shifted
from agents.segments import Segments
from tests.agents.tasks import Sampled

FIRST = spaces.Box(0, 255, (3, 8, 10), np.uint8)
LAST = spaces.Box(0, 255, (10, 8, 3), np.uint8)


def pictures(space: spaces.Box, batch: int) -> torch.Tensor:
    return torch.randint(0, 256, (batch, *space.shape), generator=torch.Generator().manual_seed(0)).to(
        torch.uint8
    )


def slow(picture: np.ndarray, down: int, right: int) -> np.ndarray:
    """(C, H, W) moved, its edge repeated."""
    _, height, width = picture.shape
    out = np.empty_like(picture)
    for row in range(height):
        for column in range(width):
            from_row, from_column = (
                min(max(row + down, 0), height - 1),
                min(max(column + right, 0), width - 1),
            )
            out[:, row, column] = picture[:, from_row, from_column]
    return out


@pytest.mark.parametrize("space", [FIRST, LAST], ids=["channels first", "channels last"])
def test_every_picture_is_one_of_its_own_shifts_and_all_of_them_occur(space: spaces.Box) -> None:
    before = pictures(space, 200)
    after = shifted(before, space, 1, torch.Generator().manual_seed(1))
    assert isinstance(after, torch.Tensor)
    assert after.shape == before.shape
    order = (0, 1, 2) if space is FIRST else (2, 0, 1)
    met = set()
    for old, new in zip(before.numpy(), after.numpy(), strict=True):
        moves = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
        found = [m for m in moves if np.array_equal(slow(old.transpose(order), *m), new.transpose(order))]
        assert len(found) == 1
        met |= set(found)
    assert len(met) == 9


def test_none_is_none_and_vectors_stay() -> None:
    before = pictures(FIRST, 4)
    assert shifted(before, FIRST, 0, None) is before
    space = spaces.Dict({"eye": FIRST, "speed": spaces.Box(-1, 1, (2,), np.float32)})
    speeds = torch.randn(4, 2)
    moved = shifted({"eye": before, "speed": speeds}, space, 3, torch.Generator())
    assert isinstance(moved, dict)
    assert moved["speed"] is speeds
    assert not torch.equal(moved["eye"], before)


@pytest.mark.parametrize("kind", [PPO, DQN])
def test_agents_learn_from_moved_pictures(kind: type[PPO] | type[DQN]) -> None:
    steps = (
        {"n_steps": 8, "batch_size": 4, "n_epochs": 1}
        if kind is PPO
        else {"learning_starts": 8, "buffer_size": 99}
    )
    weights = []
    for pixels in (0, 2):
        env = Sampled(FIRST)
        agent = kind(
            "CnnPolicy",
            env,
            seed=0,
            device="cpu",
            random_shift=pixels,
            policy_kwargs={"features_dim": 8},
            **steps,
        )  # type: ignore[arg-type]
        weights.append(agent.learn(16).policy.state_dict())
    assert any(not torch.equal(part, weights[1][name]) for name, part in weights[0].items())


def test_a_sequence_moves_as_one() -> None:
    """Else what a memory keeps of one picture would not fit the next."""
    lengths = [7, 1, 12, 20]
    before = torch.zeros(sum(lengths), *FIRST.shape, dtype=torch.uint8)
    before[:, :, 4, 4] = 255
    moved = shifted(before, FIRST, 2, torch.Generator().manual_seed(0), Segments(np.array(lengths)))
    assert isinstance(moved, torch.Tensor)
    places = moved[:, 0].flatten(1).argmax(1).tolist()
    ends = np.cumsum(lengths)
    of_each = [set(places[end - length : end]) for end, length in zip(ends, lengths, strict=True)]
    assert [len(found) for found in of_each] == [1, 1, 1, 1]
    assert len(set.union(*of_each)) > 1
