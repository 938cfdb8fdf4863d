"""The line of every key of a TOML text."""

from __future__ import annotations

from sandbox.core.toml_lines import key_lines


def test_keys_tables_and_dotted_keys_have_their_lines() -> None:
    text = 'a = 1\n\n[b]  # a table\nc.d = 2\n"e f" = 3\n[b.g]\nh = 4\n[[list]]\ni = 5\n'
    assert key_lines(text) == {
        "a": 1,
        "b": 3,
        "b.c.d": 4,
        "b.e f": 5,
        "b.g": 6,
        "b.g.h": 7,
        "list": 8,
        "list.i": 9,
    }


def test_what_looks_like_a_key_inside_a_text_or_an_array_is_none() -> None:
    text = 'a = """\nb = 1\n[c]\n"""\nd = [\n  "e = 2",  # f = 3 ]\n]\ng = \'#[\'\nh = 4\n'
    assert key_lines(text) == {"a": 1, "d": 5, "g": 8, "h": 9}
