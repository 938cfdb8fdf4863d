"""Short names, and what happens to misspelled ones."""

from __future__ import annotations

import pytest

from sandbox.core.errors import UnknownName
from sandbox.core.names import Names, resolve
from sandbox.core.spelling import suggest


def test_a_slip_gets_a_suggestion_and_nonsense_gets_none() -> None:
    known = ["CartPole", "Acrobot", "Snake"]
    assert suggest("cartpol", known) == "CartPole"
    assert suggest("SNAKE", known) == "Snake"
    assert suggest("xyzzy", known) is None
    assert suggest("nope", ["Hopper"]) is None
    assert suggest("pp0", ["ppo"]) == "ppo"


def test_case_does_not_matter_where_it_is_unambiguous() -> None:
    assert resolve("cartpole", ["CartPole", "Snake"], "environment") == "CartPole"
    assert resolve("a", ["a", "A"], "letter") == "a"


def test_an_unknown_name_says_its_kind_the_likely_one_and_all() -> None:
    with pytest.raises(UnknownName) as caught:
        resolve("pp0", ["ppo", "dqn"], "algorithm")
    assert caught.value.message == "unknown algorithm 'pp0': did you mean 'ppo'?"
    assert caught.value.hint == "known: dqn, ppo"
    assert caught.value.exit_code == 2


def test_a_registry_keeps_its_order_and_refuses_a_second_entry() -> None:
    names: Names[int] = Names("number")
    names.add("two", 2)
    names.add("one", 1)
    assert list(names) == ["two", "one"]
    assert names.resolve("ONE") == 1
    with pytest.raises(ValueError, match="already registered"):
        names.add("one", 3)
