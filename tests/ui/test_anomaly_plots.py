"""The axis of how unusual pictures are, as people read numbers."""

from __future__ import annotations

import pytest

from sandbox.ui.anomaly_plots import _tick


@pytest.mark.parametrize(
    ("score", "text"), [(-2.5, "\u22122.5"), (-0.0, "0"), (-1e-17, "0"), (12.5, "12.5"), (-10.0, "\u221210")]
)
def test_a_score_has_a_real_minus_and_zero_has_none(score: float, text: str) -> None:
    assert _tick(score) == text
