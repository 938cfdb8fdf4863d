"""What a search chooses, prunes, writes down and finds important."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.core.errors import ConfigError, RunBroken, SandboxError, UsageError
from sandbox.nn.budget import Budget
from sandbox.supervised.config import ClassifierConfig
from sandbox.supervised.resolve import resolve_config
from sandbox.supervised.search.chooser import Chooser, goodness, importances
from sandbox.supervised.search.config import LOOKS, SearchConfig
from sandbox.supervised.search.space import (
    Choice,
    Range,
    Values,
    combination,
    default_space,
    dimensions,
    grid_size,
    number_of,
    read_space,
)
from sandbox.supervised.search.trials import FILE, Trial, best_first, read_trials, write_trial


def start(**changes: Any) -> ClassifierConfig:
    return resolve_config("digits", {"threads": 1, **changes}, budget=Budget(steps=20))


def space_of(*texts: str) -> list[Choice | Range]:
    return dimensions(read_space(texts), start())


def made_up(number: int, score: float | None, rate: float, state: Any = "complete") -> Trial:
    looks = () if score is None else (score,) * 3
    return Trial(number, state, {"learning_rate": rate, "batch_size": 32}, score, 1.0, looks)


# The space


def test_a_space_is_ranges_and_lists() -> None:
    rate, batch, decay, augment, optimizer = space_of(
        "learning_rate=1e-4..1e-1",
        "batch-size=16..24",
        "ema_decay=0,0.9",
        "augment=true,false",
        "optimizer=sgd,adam",
    )
    assert rate == Range("learning_rate", 1e-4, 1e-1, whole=False)
    assert batch == Range("batch_size", 16, 24, whole=True)
    assert decay == Choice("ema_decay", (0.0, 0.9))
    assert augment == Choice("augment", (True, False))
    assert optimizer == Choice("optimizer", ("sgd", "adam"))


def test_wide_ranges_are_logarithmic() -> None:
    wide, narrow, from_zero = space_of("learning_rate=1e-4..1", "momentum=0.5..0.9", "clip_norm=0..100")
    assert isinstance(wide, Range)
    assert wide.logarithmic
    assert wide.points() == (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    assert narrow.points() == (0.5, 0.6, 0.7, 0.8, 0.9)
    assert from_zero.points() == (0, 25, 50, 75, 100)


def all_of(space: list[Choice | Range]) -> list[Values]:
    return [combination(space, number) for number in range(grid_size(space))]


def test_a_grid_has_all_combinations() -> None:
    points = all_of(space_of("batch_size=32,64", "optimizer=sgd,adam,adamw"))
    assert len(points) == 6
    assert points[1] == {"batch_size": 32, "optimizer": "adam"}
    assert len({tuple(point.values()) for point in points}) == 6


def test_a_combination_and_its_number_say_the_same() -> None:
    space = space_of("learning_rate=1e-4..1", "batch_size=1..3", "optimizer=sgd,adam")
    assert [number_of(space, point) for point in all_of(space)] == list(range(5 * 3 * 2))
    assert number_of(space, {"learning_rate": 0.5, "batch_size": 1, "optimizer": "sgd"}) is None


def test_a_narrow_range_has_no_point_twice() -> None:
    (narrow,) = space_of("momentum=0.5..0.5001")
    assert narrow.points() == (0.5, 0.5001)


@pytest.mark.parametrize("model", ["linear", "mlp", "cnn", "backbone"])
@pytest.mark.parametrize("method", ["random", "grid"])
def test_the_usual_space_lies_around_the_preset(model: str, method: str) -> None:
    config = start(model=model)
    known = {one.name: one for one in dimensions(default_space(config, method), config)}
    assert known["learning_rate"].holds(config.fit.learning_rate)
    assert known["batch_size"].holds(config.fit.batch_size)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("learning_rate", ConfigError, "not of the form KEY=LOW..HIGH or KEY=a,b,c"),
        ("learning_rat=1..2", UsageError, "did you mean 'learning_rate'?"),
        ("steps=1..2", UsageError, "steps cannot be searched"),
        ("data=digits,mnist", UsageError, "data cannot be searched"),
        ("learning_rate=0.1", UsageError, "no list of two or more different values"),
        ("learning_rate=0.1,0.1", UsageError, "no list of two or more different values"),
        ("learning_rate=2..1", UsageError, "does not go from a lower number to a higher one"),
        ("learning_rate=1..inf", UsageError, "does not go from a lower"),
        ("learning_rate=0..1", ConfigError, "learning_rate must be above 0, not 0.0"),
        ("learning_rate=fast,slow", ConfigError, "--space learning_rate: 'fast'"),
        ("optimizer=sgd..adam", UsageError, "only numbers have ranges"),
        ("optimizer=sgd,adm", ConfigError, "--space optimizer: "),
        ("model=cnn,mpl", ConfigError, "--space model: "),
        ("batch_size=0..64", ConfigError, "batch_size must be at least 1"),
    ],
)
def test_what_is_no_space_is_refused(text: str, error: type[SandboxError], says: str) -> None:
    with pytest.raises(error) as caught:
        space_of(text)
    assert says in caught.value.message


# What is tried


def test_trials_have_the_same_budget_whatever_their_batch_size() -> None:
    config = SearchConfig(start(), {"batch_size": "8,16"})
    small, large = (config.of_trial({"batch_size": size}).fit for size in (8, 16))
    assert small.steps * 8 == large.steps * 16 == 20 * config.start.fit.batch_size
    assert small.eval_every * LOOKS >= small.steps
    equal = SearchConfig(start(), {"batch_size": "8,16"}, equal="steps")
    assert equal.of_trial({"batch_size": 8}).fit.steps == 20


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_choices_follow_from_the_seed_and_from_what_is_done(method: Any) -> None:
    texts = {"learning_rate": "1e-4..1", "batch_size": "16..64", "optimizer": "sgd,adam"}
    config = SearchConfig(start(), texts, method, trials=20)
    space = dimensions(texts, config.start)
    done: list[Trial] = []
    chooser = Chooser(config, space)
    for number in range(14):
        values = chooser.choose(done)
        assert values == Chooser(config, space).choose(done)  # as after a restart
        assert all(one.holds(values[one.name]) for one in space) or number == 0
        done.append(Trial(number, "complete", values, score=0.5 + number / 100, looks=(0.1,)))
    assert done[0].values["learning_rate"] == config.start.fit.learning_rate
    assert len({json.dumps(trial.values) for trial in done}) == 14


def test_a_part_of_a_grid_is_in_a_fixed_order_and_has_no_point_twice() -> None:
    texts = {"batch_size": "16,32,64", "optimizer": "sgd,adam,adamw"}
    space = dimensions(texts, start())

    def tried(trials: int) -> list[Any]:
        chooser = Chooser(SearchConfig(start(), texts, "grid", trials), space)
        done: list[Trial] = []
        for number in range(chooser.trials):
            done.append(Trial(number, "failed", chooser.choose(done)))
        return [trial.values for trial in done]

    assert tried(5) == tried(8)[:5]
    assert len({json.dumps(values) for values in tried(10)}) == 10
    assert tried(99)[1:] == all_of(space)  # all of them: in the order in which they were typed


@pytest.mark.parametrize("method", ["random", "grid"])
def test_a_part_of_a_vast_grid_is_drawn_without_making_the_rest(method: Any) -> None:
    many = tuple(number / 100_000 for number in range(1, 90_001))
    space = [Choice(name, many) for name in ("learning_rate", "momentum", "weight_decay")]
    config = SearchConfig(start(), {one.name: "many" for one in space}, method, trials=50)
    listed = Chooser(config, space).listed
    assert listed is not None
    assert len(set(listed)) == 49
    assert max(listed) > 10**14 / 2


def test_each_choice_costs_the_same_however_many_were_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but `tpe` looks back, so nothing but `tpe` asks for a study of all trials."""
    monkeypatch.setattr("sandbox.supervised.search.chooser.study_of", None)
    ways: Any = (("random", "1e-4..1"), ("random", "0.1,0.2,0.3"), ("grid", "0.1,0.2,0.3"))
    for method, text in ways:
        config = SearchConfig(start(), {"learning_rate": text}, method, trials=3)
        space = dimensions(config.space, config.start)
        first = made_up(0, 0.5, 0.01)
        assert space[0].holds(Chooser(config, space).choose([first])["learning_rate"])


def test_the_settings_to_start_from_are_not_tried_again() -> None:
    config = start()
    rate = config.fit.learning_rate
    texts = {"learning_rate": f"0.5,{rate},0.25"}
    chooser = Chooser(SearchConfig(config, texts, "grid", 99), dimensions(texts, config))
    done: list[Trial] = []
    for number in range(chooser.trials):
        done.append(Trial(number, "failed", chooser.choose(done)))
    assert [trial.values["learning_rate"] for trial in done] == [rate, 0.5, 0.25]


def test_bad_trials_are_pruned_and_good_ones_are_not() -> None:
    config = SearchConfig(start(), {"learning_rate": "1e-4..1"}, trials=20)
    chooser = Chooser(config, dimensions(config.space, config.start))
    done = [
        Trial(number, "complete", {"learning_rate": 0.01}, 0.9, 0.1, (0.5, 0.7, 0.9)) for number in range(6)
    ]
    chooser.choose(done)
    assert not chooser.prune(1, 0.1)  # too early to say
    assert chooser.prune(2, 0.1)
    assert not chooser.prune(3, 0.1)  # it survived
    chooser.choose(done)
    assert not chooser.prune(2, 0.8)
    lenient = Chooser(SearchConfig(start(), config.space, prune=False), chooser.space)
    lenient.choose(done)
    assert not lenient.prune(2, 0.1)


def test_what_mattered_is_what_made_the_difference() -> None:
    space = space_of("learning_rate=1e-4..1", "batch_size=16,32,64")
    trials = []
    for number in range(24):
        values: Any = {"learning_rate": 10 ** -(number % 4 + 0.5), "batch_size": (16, 32, 64)[number % 3]}
        trials.append(Trial(number, "complete", values, 0.9 if number % 4 == 2 else 0.3, 1.0))
    found = importances(trials, space, 100)
    assert found["learning_rate"] > 0.8 > found["batch_size"]
    assert importances(trials[:4], space, 100) == {}
    assert importances([made_up(n, 0.5, 0.1) for n in range(9)], space, 100) == {}


def test_halving_the_mistakes_is_as_good_everywhere() -> None:
    assert goodness(0.9, 10_000) == pytest.approx(1)
    assert goodness(0.99, 10_000) == pytest.approx(2)
    assert goodness(1.0, 50) == pytest.approx(2)  # half a picture


# The file of trials


def test_trials_come_back_as_they_were_and_a_torn_line_is_none(tmp_path: Path) -> None:
    trials = [made_up(0, 0.5, 0.1), made_up(1, None, 0.2, "diverged")]
    for trial in trials:
        write_trial(tmp_path / FILE, trial)
    assert read_trials(tmp_path / FILE) == trials
    with (tmp_path / FILE).open("a") as file:
        file.write('{"step": 2, "sta')
    assert read_trials(tmp_path / FILE) == trials
    write_trial(tmp_path / FILE, made_up(2, 0.7, 0.3))
    assert len(read_trials(tmp_path / FILE)) == 3


@pytest.mark.parametrize(
    "line", ['{"step": 0}', '{"step": 0, "looks": [], "what": 1}', '{"step": 1, "looks": 3}']
)
def test_a_line_that_is_no_trial_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(line + "\n")
    with pytest.raises(RunBroken, match="line 1 is no"):
        read_trials(tmp_path / FILE)


def test_among_equals_the_lower_loss_is_better() -> None:
    worse, better = (Trial(n, "complete", {}, 0.9, loss) for n, loss in enumerate((0.3, 0.2)))
    pruned = Trial(2, "pruned", {}, 0.99, 0.1)
    assert best_first([worse, better, pruned]) == [better, worse]
