"""Names of pictures: kept where they are harmless, harmless afterwards where they were not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from generative.compression.names import file_names, kept_name

ENDS = frozenset({".png", ".jpg"})
NASTY = st.text(st.sampled_from("ab./\\ :\x00\x1b\ud800ü*é-") | st.characters(), max_size=300)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("cat.jpg", "cat.jpg"),
        ("holidays/2024/IMG 2 (kopia).JPG", "holidays/2024/IMG 2 (kopia).JPG"),
        ("日本.png", "日本.png"),
        (".hidden.png", ".hidden.png"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\windows\\x.png", "C__windows_x.png"),
        ("a/./b//c", "a/b/c"),
        ("line\nbreak\x1b[31m.png", "line_break_[31m.png"),
        ("con.png", "_on.png"),
        ("..", "picture"),
    ],
)
def test_names_that_lead_elsewhere_are_made_harmless(name: str, kept: str) -> None:
    assert kept_name(name) == kept


@given(NASTY)
@example("con." + "x" * 300)
@example("x" * 195 + "/con. .")
def test_a_kept_name_is_harmless_and_stays_as_it_is(name: str) -> None:
    kept = kept_name(name)
    assert kept_name(kept) == kept
    assert Path("folder", kept).resolve().is_relative_to(Path("folder").resolve())
    parts = kept.split("/")
    assert all(part and part.strip(". ") and len(part.encode()) <= 200 for part in parts)
    assert not any(letter < " " or letter in '\\:*?"<>|' for letter in kept)


def test_every_picture_gets_a_file_of_its_own() -> None:
    names = ["1.jpg", "a/1.png", "1.png", "1-2.png", "B.PNG", "b.jpg", "v1.2", "1.JPG"]
    files = ["1.png", "a/1.png", "1-2.png", "1-2-2.png", "B.png", "b-2.png", "v1.2.png", "1-3.png"]
    assert file_names(names, ENDS) == files


@given(st.lists(st.text("aA1-.", min_size=1, max_size=5).map(kept_name), max_size=30))
def test_no_two_files_differ_in_capitals_only(names: list[str]) -> None:
    files = file_names(names, ENDS)
    assert len({file.casefold() for file in files}) == len(names)
    assert all(file.endswith(".png") for file in files)
