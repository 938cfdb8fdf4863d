"""Memory over whole batches: what one step after the other says, whatever the episodes' lengths."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from agents.memory import GRU, LSTM, MEMORIES, Cell, Memory
from agents.segments import WORTH_A_CALL, Remembered, Segments
from tests.agents.slow_memory import made_attentive, slow_step

CELLS: list[Cell] = ["lstm", "gru"]
FEATURES, HIDDEN = 3, 4
LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=8)
LONG_AND_SHORT = [120, *[1] * 30, 50, *[4] * 40]
"""for which one call would be mostly filling"""


def memory_of(cell: Cell, layers: int = 1) -> Memory:
    """One whose weights are large enough that it matters what was before."""
    made = MEMORIES[cell](FEATURES, HIDDEN, layers)
    made_attentive(made)
    return made


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def gradients(made: Memory, *others: Tensor) -> list[Tensor]:
    """Of the weights and of `others`, which are forgotten."""
    leaves = [*made.parameters(), *others]
    found = []
    for leaf in leaves:
        assert leaf.grad is not None
        found.append(leaf.grad)
        leaf.grad = None
    return found


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_a_step_is_what_the_equations_say(cell: Cell, layers: int) -> None:
    made = memory_of(cell, layers)
    features, state = numbers(5, FEATURES), numbers(5, made.numbers, seed=1)
    for starts in (None, torch.tensor([False, True, False, False, True])):
        output, after = made.step(features, state, starts)
        for row in range(5):
            forgets = starts is not None and bool(starts[row])
            before = torch.zeros(made.numbers) if forgets else state[row]
            expected, expected_after = slow_step(made, features[row], before)
            torch.testing.assert_close(output[row], expected)
            torch.testing.assert_close(after[row], expected_after)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.booleans(), min_size=7, max_size=7), min_size=1, max_size=6),
    st.sampled_from(CELLS),
    st.integers(1, 2),
)
def test_rows_together_are_steps_one_after_another(starts: list[list[bool]], cell: Cell, layers: int) -> None:
    """Several environments side by side, episodes beginning anywhere; gradients as well."""
    begins = np.array(starts)  # (sequences, steps)
    count, steps = begins.shape
    made = memory_of(cell, layers)
    features = numbers(count, steps, FEATURES).requires_grad_()
    states = numbers(count, made.numbers, seed=1)
    wanted = numbers(count, steps, HIDDEN, seed=2)

    state, outputs = states, []
    for step in range(steps):
        output, state = made.step(features[:, step], state, torch.from_numpy(begins[:, step].copy()))
        outputs.append(output)
    slowly = torch.stack(outputs, 1)
    (slowly * wanted).sum().backward()
    expected = gradients(made, features)

    segments = Segments.between(begins)
    first = np.isin(segments.begins, np.arange(count) * steps) & ~begins.ravel()[segments.begins]
    begun = torch.zeros(len(segments), made.numbers)
    for number in np.flatnonzero(first):
        begun[number] = states[segments.begins[number] // steps]
    quickly = made.along(features.flatten(0, 1), segments, begun)
    (quickly.view(count, steps, HIDDEN) * wanted).sum().backward()

    torch.testing.assert_close(quickly.view(count, steps, HIDDEN), slowly, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(gradients(made, features), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_long_and_short_ones_together_are_each_alone(cell: Cell) -> None:
    """In several calls; gradients also reach the states that they began with."""
    made, segments = memory_of(cell, 2), Segments(np.array(LONG_AND_SHORT))
    assert len(segments.paddings) > 1
    features = numbers(int(segments.ends[-1]), FEATURES).requires_grad_()
    states = numbers(len(segments), made.numbers, seed=1).requires_grad_()
    wanted = numbers(len(features), HIDDEN, seed=2)
    alone = [
        made.unroll(features[begin:end, None], states[number : number + 1])[0].squeeze(1)
        for number, (begin, end) in enumerate(zip(segments.begins, segments.ends, strict=True))
    ]
    (torch.cat(alone) * wanted).sum().backward()
    expected = gradients(made, features, states)
    together = made.along(features, segments, states)
    (together * wanted).sum().backward()
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(gradients(made, features, states), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("cell", CELLS)
def test_no_row_hears_of_another_segment_or_of_what_comes_later(cell: Cell) -> None:
    made, segments = memory_of(cell), Segments(np.array([5, 2, 7, 1]))
    features, states = numbers(15, FEATURES), numbers(4, made.numbers, seed=1)
    before = made.along(features, segments, states)
    for row in range(15):
        changed = features.clone()
        changed[row] += 1
        differs = (made.along(changed, segments, states) != before).any(1)
        end = next(int(end) for end in segments.ends if row < end)
        assert differs.nonzero().ravel().tolist() == list(range(row, end))


# The state, flat


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_a_flat_state_holds_torchs_hidden_activations_then_its_cells(cell: Cell, layers: int) -> None:
    made, envs = memory_of(cell, layers), 5
    assert made.numbers == (2 if cell == "lstm" else 1) * layers * HIDDEN
    state = numbers(envs, made.numbers)
    torch.testing.assert_close(made._joined(made._split(state)), state, rtol=0, atol=0)
    features = numbers(6, envs, FEATURES)
    output, after = made.unroll(features, torch.zeros(envs, made.numbers))
    expected, theirs = made(features)
    hidden, cells = theirs if isinstance(theirs, tuple) else (theirs, theirs[:0])
    torch.testing.assert_close(output, expected)
    for env in range(envs):
        torch.testing.assert_close(after[env], torch.cat([hidden[:, env].ravel(), cells[:, env].ravel()]))
    activations = made.activations(after)
    assert activations.shape == (envs, layers * HIDDEN)
    torch.testing.assert_close(activations[:, -HIDDEN:], output[-1])  # the uppermost layer comes last
    assert activations.abs().max() <= 1


@pytest.mark.parametrize(("cell", "kind"), [("lstm", LSTM), ("gru", GRU)])
def test_parameters_have_torchs_names_and_start(cell: Cell, kind: type[Memory]) -> None:
    torch.manual_seed(0)
    ours = MEMORIES[cell](FEATURES, HIDDEN, 2)
    assert type(ours) is kind
    torch.manual_seed(0)
    theirs = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell](FEATURES, HIDDEN, 2)
    torch.testing.assert_close(dict(ours.state_dict()), dict(theirs.state_dict()), rtol=0, atol=0)


# Segments


@given(st.lists(st.lists(st.booleans(), min_size=6, max_size=6), min_size=1, max_size=5))
def test_segments_lie_between_beginnings_and_never_reach_into_the_next_sequence(
    starts: list[list[bool]],
) -> None:
    segments = Segments.between(np.array(starts))
    expected: list[int] = []
    for sequence in starts:
        for step, start in enumerate(sequence):
            if step == 0 or start:
                expected.append(0)
            expected[-1] += 1
    assert segments.lengths.tolist() == expected
    assert len(segments) == len(expected)
    assert segments.begins.tolist() == [sum(expected[:number]) for number in range(len(expected))]
    assert (segments.ends - segments.begins).tolist() == expected


def test_looking_for_segments_changes_nothing() -> None:
    starts = np.zeros((2, 3), bool)
    Segments.between(starts)
    assert not starts.any()


@given(LENGTHS)
@example(LONG_AND_SHORT)
@example([100] * 20)
@example([300, 2, 2])
def test_each_row_has_one_place_in_one_padding(lengths: list[int]) -> None:
    segments = Segments(np.array(lengths))
    assert sorted(np.concatenate([part.which for part in segments.paddings])) == list(range(len(lengths)))
    flat = np.concatenate([part.rows.ravel() for part in segments.paddings])
    assert len(set(segments.places.tolist())) == sum(lengths)
    np.testing.assert_array_equal(flat[segments.places], np.arange(sum(lengths)))
    for part in segments.paddings:
        for column, number in enumerate(part.which):
            begin, end = int(segments.begins[number]), int(segments.ends[number])
            own = list(range(begin, end))
            assert part.rows[: len(own), column].tolist() == own
            assert set(part.rows[len(own) :, column].tolist()) <= {end - 1}  # filled up with what is its own
        assert len(part.rows) == segments.lengths[part.which].max()


def test_a_further_call_is_made_where_it_saves_more_rows_than_its_steps_cost() -> None:
    many = Segments(np.array([40, *[10] * (2 * WORTH_A_CALL)]))
    assert [part.rows.shape for part in many.paddings] == [(40, 1), (10, 2 * WORTH_A_CALL)]
    assert len(Segments(np.array([40, 10, 10])).paddings) == 1
    assert len(Segments(np.full(1000, 10)).paddings) == 1
    assert Segments(np.ones(3, np.int64)).paddings[0].rows.tolist() == [[0, 1, 2]]


def test_rows_without_a_past_are_moments() -> None:
    made, features = memory_of("gru"), numbers(6, FEATURES)
    nothing = Remembered.nothing(6, made.numbers, features.device)
    found = made.along(features, nothing.segments, nothing.states)
    expected, _ = made.step(features, numbers(6, made.numbers), torch.ones(6, dtype=torch.bool))
    torch.testing.assert_close(found, expected)
