"""The numbers beside kernels: short ones as they are written, long ones with two digits."""

from __future__ import annotations

import pytest

from sandbox.ui.kernel_plots import _shortened


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("−12", "−12"),
        ("0.123", "0.123"),
        ("white ≥ 1,020", "white ≥ 1,020"),
        ("12% cut off", "12% cut off"),
        (f"−{round(1e300)}", "−1e300"),
        ("123456789", "1.2e8"),
        (f"white ≥ {2.449e302:,.0f}", "white ≥ 2.4e302"),
        ("1.23e+08", "1.2e8"),
        ("1e-05", "1e-5"),
    ],
)
def test_long_numbers_are_shortened(text: str, short: str) -> None:
    assert _shortened(text) == short
