"""Confidence that can be believed: the calibration error by hand, and the temperature that mends it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sandbox.supervised.calibration import BINS, Reliability, fit_temperature, flattened

answers = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


@given(answers)
def test_the_calibration_error_is_that_of_its_definition(given_answers: list[tuple[float, bool]]) -> None:
    confidence, right = zip(*given_answers, strict=True)
    found = Reliability.of(torch.tensor(confidence, dtype=torch.float64), torch.tensor(right))
    error = 0.0
    for number in range(BINS):
        low, high = number / BINS, (number + 1) / BINS
        held = [
            (sure, good)
            for sure, good in given_answers
            if low < sure * (1 - 1e-15) <= high or (number == 0 and sure == 0) or sure == high
        ]
        if held:
            sure, good = (sum(part) / len(held) for part in zip(*held, strict=True))
            error += len(held) / len(given_answers) * abs(sure - good)
    assert found.error == pytest.approx(error, abs=1e-6)
    assert sum(row["n"] for row in found.rows()) == len(given_answers)


@given(answers, answers)
def test_two_parts_count_as_their_whole(
    one: list[tuple[float, bool]], other: list[tuple[float, bool]]
) -> None:
    def counted(some: list[tuple[float, bool]]) -> Reliability:
        confidence, right = zip(*some, strict=True)
        return Reliability.of(torch.tensor(confidence, dtype=torch.float64), torch.tensor(right))

    assert (counted(one) + counted(other)).error == pytest.approx(counted([*one, *other]).error)


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_the_temperature_takes_back_what_made_logits_too_large_or_too_small(factor: float) -> None:
    generator = torch.Generator().manual_seed(0)
    honest = 2 * torch.randn(4000, 5, generator=generator)
    labels = torch.multinomial(honest.softmax(1), 1, generator=generator)[:, 0]
    assert fit_temperature(factor * honest, labels) == pytest.approx(factor, rel=0.08)


def test_a_network_without_mistakes_is_not_made_certain() -> None:
    labels = torch.arange(200) % 4
    temperature = fit_temperature(8.0 * torch.nn.functional.one_hot(labels).float(), labels)
    sure = float((torch.tensor([8.0, 0, 0, 0]) / temperature).softmax(0)[0])
    assert sure == pytest.approx(1 - 1 / 202, abs=1e-3)


@given(st.lists(st.floats(-20, 20), min_size=2, max_size=9), st.floats(0.01, 1))
def test_flattening_keeps_the_order_and_the_limit(logits: list[float], part: float) -> None:
    scores = torch.tensor(logits).log_softmax(0)
    most = max(part, 1 / len(logits))
    flat = flattened(scores, most)
    assert float(flat.max()) <= most + 1e-4
    assert float(flat.sum()) == pytest.approx(1, abs=1e-4)
    assert bool((flat[scores.argsort()].diff() >= -1e-6).all())
    if float(scores.exp().max()) <= most:
        assert torch.equal(flat, scores.exp())
