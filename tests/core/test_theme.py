"""Colours that can be read, wherever they are drawn."""

from __future__ import annotations

import dataclasses

import pytest

from sandbox.core.theme import DARK, LIGHT, SPACING_PX, Palette, contrast, rgb


def test_a_colour_becomes_three_numbers() -> None:
    assert rgb("#0072B2") == (0, 0x72, 0xB2)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_every_ink_can_be_read_on_background_and_panel(palette: Palette) -> None:
    for name in ("ink", "quiet", "good", "warn", "bad"):
        for surface in (palette.background, palette.panel):
            assert contrast(getattr(palette, name), surface) >= 4.5, name


def test_bars_of_the_window_stand_out_from_their_panel_and_their_empty_part() -> None:
    for colour in DARK.series:
        assert contrast(colour, DARK.panel) >= 4.5
        assert contrast(colour, DARK.grid) >= 3


def test_all_spacing_is_a_multiple_of_four() -> None:
    assert all(value % 4 == 0 for value in dataclasses.asdict(SPACING_PX).values())
