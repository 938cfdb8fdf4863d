"""How sums of classes are read: names of any kind, with signs between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generative.generate.arithmetic import Term, parse_formula, written
from sandbox.core.errors import SandboxError

DIGITS = tuple("0123456789")
WORDS = ("left", "right", "none", "well", "done", "well-done", "New York", "York", "a+b", "it's")


@pytest.mark.parametrize(
    ("text", "classes", "terms"),
    [
        ("9-4+7", DIGITS, [(1, "9"), (-1, "4"), (1, "7")]),
        (" 9 − 4 ", DIGITS, [(1, "9"), (-1, "4")]),
        ("-4 + 9", DIGITS, [(-1, "4"), (1, "9")]),
        ("left - none + right", WORDS, [(1, "left"), (-1, "none"), (1, "right")]),
        ("left-none", WORDS, [(1, "left"), (-1, "none")]),
        ("well-done", WORDS, [(1, "well-done")]),
        ("well - done", WORDS, [(1, "well"), (-1, "done")]),
        ("well-done-well", WORDS, [(1, "well-done"), (-1, "well")]),
        ("'well'-'done'", WORDS, [(1, "well"), (-1, "done")]),
        ("New York-York", WORDS, [(1, "New York"), (-1, "York")]),
        ('"a+b" + it\'s', WORDS, [(1, "a+b"), (1, "it's")]),
        ("LEFT + Well-Done", WORDS, [(1, "left"), (1, "well-done")]),
        ("a - A", ("a", "A"), [(1, "a"), (-1, "A")]),
        ("12-1", ("1", "12", "2"), [(1, "12"), (-1, "1")]),
    ],
)
def test_a_formula_is_read_as_people_mean_it(
    text: str, classes: tuple[str, ...], terms: list[tuple[int, str]]
) -> None:
    assert parse_formula(text, classes) == terms


@given(st.lists(st.tuples(st.sampled_from([1, -1]), st.sampled_from(WORDS)), min_size=1, max_size=6))
def test_what_is_written_is_read_again(terms: list[tuple[int, str]]) -> None:
    found = [Term(*term) for term in terms]
    assert parse_formula(written(found), WORDS) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the formula is empty"),
        ("9 4", "there must be + or - before '4'"),
        ("9 -", "there must be a class behind every + and -"),
        ("9 - - 4", "there must be a class behind every + and -"),
        ("9 - 44", "unknown class '44'"),
        ("lefty - none", "unknown class 'lefty': did you mean 'left'?"),
        ("'lef' - none", "unknown class 'lef': did you mean 'left'?"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, message: str) -> None:
    with pytest.raises(SandboxError) as caught:
        parse_formula(text, (*DIGITS, *WORDS))
    assert message in caught.value.message


@given(st.text(max_size=12))
def test_no_text_is_a_bug(text: str) -> None:
    try:
        terms = parse_formula(text, WORDS)
    except SandboxError:
        return
    assert terms
    assert all(term.name in WORDS for term in terms)
