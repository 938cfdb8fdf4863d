"""Runs that differ in nothing but the seed are one group, and a group's label says what sets it apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.commands.comparison.grouping import differing_within, flatten, group_runs, repeats
from sandbox.core.errors import UnknownName


@dataclass
class Entry:
    settings: dict[str, Any] = field(default_factory=dict)


def entry(algo: str = "ppo", seed: int = 0, **settings: Any) -> Entry:
    return Entry({"steps": 100, **settings, "algo": algo, "seed": seed, "run": f"{algo}-{seed}-{settings}"})


def labels(runs: list[Entry], *by: str) -> list[tuple[str, int]]:
    return [(group.label, len(group.runs)) for group in group_runs(runs, by)]


def test_seeds_of_one_thing_are_one_group_named_after_the_algorithm() -> None:
    assert labels([entry(seed=seed) for seed in range(3)]) == [("ppo", 3)]


def test_algorithms_are_told_apart_by_their_names_whatever_else_differs() -> None:
    ours, theirs = entry(n_epochs=4, steps=100), entry("sb3-ppo", n_epochs=10, steps=200)
    assert labels([ours, theirs]) == [("ppo", 1), ("sb3-ppo", 1)]


def test_a_label_names_what_differs_among_runs_of_one_algorithm() -> None:
    runs = [entry("dqn", n_step=1), entry("dqn", n_step=3), entry("ppo", n_epochs=4)]
    assert labels(runs) == [("dqn n_step=1", 1), ("dqn n_step=3", 1), ("ppo", 1)]
    assert labels(runs[:2]) == [("n_step=1", 1), ("n_step=3", 1)]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ((True, False), ["double=True", "double=False"]),
        ((None, 0.01), ["without double", "double=0.01"]),
        (([32], [64, 64]), ["double=[32]", "double=[64, 64]"]),
        ((1, 1.0), ["double=1", "double=1.0"]),
    ],
)
def test_values_are_written_so_that_different_ones_differ(values: tuple[Any, Any], names: list[str]) -> None:
    runs = [entry("ppo", 0, **({} if value is None else {"settings.double": value})) for value in values]
    assert [label for label, _ in labels(runs)] == [
        name.replace("True", "yes").replace("False", "no") for name in names
    ]


def test_of_many_differences_a_label_names_those_that_tell_the_groups_apart() -> None:
    one = entry(a=1, b=1, c=1, d=1, e=1)
    two, three = entry(a=2, b=2, c=2, d=2, e=2), entry(a=2, b=2, c=3, d=3, e=3)
    groups = group_runs([one, two, three])
    assert [group.label for group in groups] == ["a=1 c=1", "a=2 c=2", "a=2 c=3"]
    assert groups[0].named == ["a", "c"]
    assert groups[0].settings == {"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}


def test_what_changes_nothing_separates_nothing() -> None:
    runs = [entry(checkpoint_every=10, video_every=0), entry(seed=1, checkpoint_every=20, video_every=5)]
    assert labels(runs) == [("ppo", 2)]


def test_a_key_may_be_chosen_by_its_short_name_and_decides_alone() -> None:
    runs = [entry("ppo", seed, **{"settings.n_epochs": 4 + seed % 2, "other": seed}) for seed in range(4)]
    assert labels(runs, "n_epochs") == [("n_epochs=4", 2), ("n_epochs=5", 2)]
    assert labels(runs, "algo") == [("ppo", 4)]
    assert labels(runs, "algo", "settings.n_epochs") == [("ppo n_epochs=4", 2), ("ppo n_epochs=5", 2)]
    assert len(labels(runs, "run")) == 4
    assert differing_within(group_runs(runs, ["n_epochs"])[0]) == ["other"]


def test_an_unknown_key_gets_a_suggestion_and_what_differs() -> None:
    with pytest.raises(UnknownName, match="did you mean 'n_epochs'") as caught:
        group_runs([entry(n_epochs=1), entry(n_epochs=2)], ["n_epoch"])
    assert caught.value.hint == "the runs differ in: n_epochs"


def test_a_short_name_that_means_two_keys_is_refused() -> None:
    with pytest.raises(UnknownName) as caught:
        group_runs([entry("ppo", 0, **{"fit.size": 1, "net.size": 2})], ["size"])
    assert caught.value.hint == "known: fit.size, net.size"


def test_the_same_seed_of_the_same_thing_is_a_repeat() -> None:
    assert repeats([entry(), entry(seed=1), Entry(entry().settings | {"run": "again"}), entry(steps=5)]) == [
        0, 1, 0, 2,
    ]  # fmt: skip


def test_tables_become_dotted_keys() -> None:
    assert flatten({"a": 1, "b": {"c": 2, "d": {"e": [3]}}}) == {"a": 1, "b.c": 2, "b.d.e": [3]}


settings = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([None, 0, 1, True, "x"]), max_size=6)


@given(st.lists(st.tuples(st.sampled_from(["ppo", "dqn"]), settings), min_size=1, max_size=8))
def test_groups_hold_each_run_once_are_alike_inside_and_have_labels_of_their_own(
    described: list[tuple[str, dict[str, Any]]],
) -> None:
    runs = [
        entry(algo, seed, **{k: v for k, v in values.items() if v is not None})
        for seed, (algo, values) in enumerate(described)
    ]
    groups = group_runs(runs)
    assert sorted(id(run) for group in groups for run in group.runs) == sorted(map(id, runs))
    assert all(differing_within(group) == [] for group in groups)
    assert len({group.label for group in groups}) == len(groups)
