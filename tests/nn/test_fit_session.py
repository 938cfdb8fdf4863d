"""A run folder while something is fitted: what is logged, kept, stopped, marked, and continued."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sandbox.core.errors import Diverged, Interrupted
from sandbox.core.metrics import MetricsWriter, read_metrics
from sandbox.core.run import Run
from sandbox.core.runs import create_run
from sandbox.nn.checkpoint import Checkpoints, load_state
from sandbox.nn.fit import Training
from sandbox.nn.fit_run import carry_out, learned_weights
from sandbox.nn.fit_session import FitSession
from sandbox.ui.console import Console
from tests.agents.run_folders import bytes_in
from tests.nn.learners import Classifier, MadeUp, Watched, classifier, fitted, same

VALIDATION = MadeUp(10, seed=1)
BEST = "best.txt"


def brighten(pictures: Tensor, generator: torch.Generator) -> Tensor:
    return (pictures + 0.1 * torch.rand(len(pictures), 1, 1, 1, generator=generator)).clamp(0, 1)


def new_run(root: Path, name: str = "run") -> Run:
    return create_run(root, "train-classifier", "made-up", 0, "classifier", name)


def run_fit(run: Run, training: Training, resume: bool = False, **options: Any) -> FitSession:
    """Fit `training` in `run` to its end; each best model leaves the sum of its weights in a file."""

    def keep(model: torch.nn.Module) -> None:
        (run.path / BEST).write_text(repr([float(part.double().sum()) for part in model.parameters()]))

    with run.lock():
        chosen = {"keep_checkpoints": 99, "on_best": keep, **options}
        session = FitSession(run, Console(quiet=True), training.settings, "made-up", **chosen)
        carry_out(training, VALIDATION, session, resume=resume, again="train-classifier")
    run.update(status="finished")
    return session


def metrics(run: Run) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in line.items() if not key.startswith("time/")}
        for line in read_metrics(run.metrics_path)
    ]


def names(run: Run) -> list[int]:
    return [int(name[5:]) for name in Checkpoints(run.checkpoints_dir).names()]


def left_behind(run: Run) -> dict[str, Any]:
    """All that must not depend on interruptions, but the checkpoints."""
    best = (run.path / "BEST").read_text()
    return {"metrics": metrics(run), "best": best, "weights": (run.path / BEST).read_text()}


def assert_same(whole: Run, other: Run) -> None:
    """`other` left what `whole` left; it may have more checkpoints, of the moments when it was stopped."""
    assert left_behind(other) == left_behind(whole)
    for folder in whole.checkpoints_dir.iterdir():
        assert bytes_in(other.checkpoints_dir / folder.name) == bytes_in(folder)


# What is logged and kept


def test_a_line_holds_the_means_since_the_one_before(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    run_fit(run, fitted(classifier(), steps=10, log_every=4, eval_every=99))
    alone = fitted(classifier(), steps=10)
    losses = [float(alone.update()["loss"]) for _ in range(10)]
    lines = {line["step"]: line["train/loss"] for line in metrics(run) if "train/loss" in line}
    assert lines == {
        4: pytest.approx(sum(losses[:4]) / 4),
        8: pytest.approx(sum(losses[4:8]) / 4),
        10: pytest.approx(sum(losses[8:]) / 2),
    }


@pytest.mark.parametrize(
    ("every", "looks", "checkpoint_every", "saves"),
    [
        (0, [3, 6, 9, 10], 0, [3, 6, 9, 10]),  # 24 pictures, 8 in a batch: an epoch is three steps
        (4, [4, 8, 10], 0, [4, 8, 10]),
        (99, [10], 5, [5, 10]),
    ],
)
def test_looks_and_checkpoints_come_when_they_are_due_and_at_the_end(
    tmp_path: Path, every: int, looks: list[int], checkpoint_every: int, saves: list[int]
) -> None:
    run = new_run(tmp_path)
    run_fit(run, fitted(classifier(), steps=10, eval_every=every), checkpoint_every=checkpoint_every)
    assert [line["step"] for line in metrics(run) if "valid/loss" in line] == looks
    assert names(run) == saves


class Scripted:
    """Lets the looks of a training find given losses, in their order."""

    def __init__(self, training: Training, monkeypatch: pytest.MonkeyPatch, losses: list[float]) -> None:
        found = iter(losses)
        monkeypatch.setattr(training, "evaluate", lambda pictures: {"loss": next(found)})


@pytest.mark.parametrize(
    ("higher", "values", "best"),
    [
        (False, [5.0, 3.0, 4.0, 3.0, 6.0], 2),
        (True, [5.0, 3.0, 6.0, 6.0, 1.0], 3),
        (False, [math.nan, 3.0, math.nan, 4.0, math.inf], 2),
        (True, [1.0, math.inf, math.nan, 2.0, 1.5], 4),
    ],
)
def test_the_best_look_is_marked_and_its_weights_are_those_that_remain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, higher: bool, values: list[float], best: int
) -> None:
    """Of equals the first; a look that finds no number is never the best."""
    run, training = new_run(tmp_path), fitted(classifier(), steps=5, eval_every=1, ema_decay=0.5)
    Scripted(training, monkeypatch, values)
    session = run_fit(run, training, higher_is_better=higher)
    assert (session.best_step, session.best) == (best, values[best - 1])
    assert (run.path / "BEST").read_text() == f"step-{best:012d}\n"
    kept = load_state(run.checkpoints_dir / f"step-{best:012d}")
    assert same(training.learned.state_dict(), learned_weights(kept))
    sums = [float(part.double().sum()) for part in training.learned.parameters()]
    assert (run.path / BEST).read_text() == repr(sums)


def test_a_damaged_best_checkpoint_costs_the_best_weights_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, training = new_run(tmp_path), fitted(classifier(), steps=3, eval_every=1)
    Scripted(training, monkeypatch, [1.0, 2.0, 3.0])
    original = FitSession.after_step

    def after_step(self: FitSession, *arguments: Any) -> None:
        original(self, *arguments)
        if training.step == 3:
            (run.checkpoints_dir / "step-000000000001" / "state.json").write_text("{")

    monkeypatch.setattr(FitSession, "after_step", after_step)
    run_fit(run, training)
    assert "using the last weights instead of the best" in capsys.readouterr().err
    last = load_state(run.checkpoints_dir / "step-000000000003")
    assert same(training.model.state_dict(), last["model"])


# Early stopping


@pytest.mark.parametrize(
    ("patience", "values", "looks"),
    [
        (1, [3.0, 2.0, 2.0, 1.0], 3),
        (2, [3.0, 2.0, 2.5, 1.0, 1.0, math.nan, 0.0], 6),
        (2, [3.0, 4.0, 2.0, 4.0], 4),  # patient to the end of the budget
        (0, [1.0, 2.0, 3.0, 4.0], 4),
    ],
)
def test_patience_ends_training_after_so_many_looks_without_a_better_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience: int, values: list[float], looks: int
) -> None:
    run = new_run(tmp_path)
    training = fitted(classifier(), steps=2 * len(values), eval_every=2, patience=patience)
    Scripted(training, monkeypatch, values)
    session = run_fit(run, training)
    assert training.step == 2 * looks
    assert session.reason == ("patience" if looks < len(values) else "steps")
    assert names(run)[-1] == 2 * looks


@pytest.mark.parametrize("checkpoint_every", [0, 3])
@pytest.mark.parametrize("moment", ["after the last checkpoint", "before the last checkpoint"])
def test_an_early_stop_stays_one_when_the_process_is_killed_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, checkpoint_every: int
) -> None:
    """Training stops for good, also if nobody was there to write that down."""
    options = {"steps": 200, "eval_every": 4, "patience": 2, "learning_rate": 0.05}
    whole, killed = new_run(tmp_path, "whole"), new_run(tmp_path, "killed")
    session = run_fit(whole, fitted(classifier(), **options), checkpoint_every=checkpoint_every)
    assert session.reason == "patience"
    end = names(whole)[-1]
    assert end < 200

    original = Checkpoints.save

    def save(self: Checkpoints, step: int, state: Any, bulk: Any) -> Path:
        if step == end and moment == "before the last checkpoint":
            raise KeyboardInterrupt
        path = original(self, step, state, bulk)
        if step == end:
            raise KeyboardInterrupt
        return path

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", save)
        with pytest.raises(KeyboardInterrupt):
            run_fit(killed, fitted(classifier(), **options), checkpoint_every=checkpoint_every)
    assert killed.info["status"] == "interrupted"
    run_fit(killed, fitted(classifier(), **options), resume=True, checkpoint_every=checkpoint_every)
    assert_same(whole, killed)


# NaN


class Spoiled(Watched):
    """After `good` losses, the loss is `value` times its inputs' mean."""

    def __init__(self, good: int, value: float) -> None:
        super().__init__()
        self.good, self.value = good, value

    def loss(self, batch: Any, generator: torch.Generator) -> Any:
        loss, found = super().loss(batch, generator)
        return (loss * self.value if self.training and len(self.seen) > self.good else loss), found


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(
    ("log_every", "eval_every", "good"),
    [(1, 5, 5), (10, 5, 5), (99, 5, 5), (2, 3, 9), (99, 99, None)],
)
def test_a_loss_that_is_no_number_ends_the_run_and_names_the_last_good_checkpoint(
    tmp_path: Path, value: float, log_every: int, eval_every: int, good: int | None
) -> None:
    run = new_run(tmp_path)
    looks = 0 if good is None else good // eval_every
    training = fitted(
        Spoiled((good or 7) + looks, value), steps=30, log_every=log_every, eval_every=eval_every
    )
    with pytest.raises(Diverged) as diverged:
        run_fit(run, training)
    assert diverged.value.exit_code == 5
    assert run.info["status"] == "diverged"
    if good is None:
        assert diverged.value.message.endswith("; no checkpoint was written before")
        return
    name = f"step-{good:012d}"
    assert diverged.value.message.endswith(f"; the last good checkpoint is {name}")
    assert diverged.value.data == {"checkpoint": name}
    assert names(run)[-1] == good
    state = load_state(run.checkpoints_dir / name)
    assert all(bool(part.isfinite().all()) for part in state["model"].values())


# Resuming


def interrupted_fit(run: Run, training: Training, stops: list[int], resume: bool, **options: Any) -> bool:
    """Fit until a Ctrl-C during the first of `stops` still to come; whether the end was reached."""
    original = Training.update

    def update(self: Training) -> Any:
        if stops and self.step == stops[0]:
            stops.pop(0)
            signal.raise_signal(signal.SIGINT)
        return original(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "update", update)
        try:
            run_fit(run, training, resume, **options)
            return True
        except Interrupted as error:
            stop = error
    assert stop.exit_code == 130
    assert stop.data["steps"] == training.step == names(run)[-1]
    assert run.info["status"] == "interrupted"
    return False


fits = st.fixed_dictionaries(
    {
        "steps": st.integers(2, 16),
        "batch_size": st.integers(3, 40),
        "log_every": st.integers(1, 9),
        "eval_every": st.integers(0, 9),
        "patience": st.integers(0, 3),
        "ema_decay": st.sampled_from([0.0, 0.9]),
        "clip_norm": st.sampled_from([0.0, 1.0]),
        "optimizer": st.sampled_from(["sgd", "momentum", "adagrad", "rmsprop", "adamw"]),
        "schedule": st.sampled_from(["one_cycle", "warm_restarts"]),
    }
)


@settings(max_examples=40, derandomize=True)
@given(
    fit=fits,
    stops=st.lists(st.integers(0, 15), min_size=1, max_size=3, unique=True),
    checkpoint_every=st.integers(0, 9),
    augmented=st.booleans(),
)
def test_any_fit_may_be_stopped_anywhere_and_ends_with_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory,
    fit: dict[str, Any],
    stops: list[int],
    checkpoint_every: int,
    augmented: bool,
) -> None:
    root = tmp_path_factory.mktemp("fit")
    whole, stopped = new_run(root, "whole"), new_run(root, "stopped")

    def begin() -> Training:
        return fitted(classifier(), augment=brighten if augmented else None, **fit)

    run_fit(whole, begin(), checkpoint_every=checkpoint_every)
    left, resume = sorted(stops), False
    while not interrupted_fit(stopped, begin(), left, resume, checkpoint_every=checkpoint_every):
        resume = True
    assert_same(whole, stopped)


EVENTS: list[tuple[type, str]] = [
    (MetricsWriter, "write"),
    (Checkpoints, "save"),
    (Checkpoints, "mark_best"),
    (Checkpoints, "_mark"),
    (Run, "update"),
]


@settings(max_examples=40, derandomize=True)
@given(
    deaths=st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=3),
    checkpoint_every=st.integers(0, 7),
    patience=st.integers(0, 2),
    averaged=st.booleans(),
)
def test_any_fit_may_die_around_any_change_of_a_file(
    tmp_path_factory: pytest.TempPathFactory,
    deaths: list[tuple[int, bool]],
    checkpoint_every: int,
    patience: int,
    averaged: bool,
) -> None:
    """Before or after a line, a checkpoint, its mark, or the best weights are written."""
    root = tmp_path_factory.mktemp("death")
    whole, killed = new_run(root, "whole"), new_run(root, "killed")

    def begin() -> Training:
        return fitted(
            classifier(), steps=14, eval_every=3, log_every=2, patience=patience, ema_decay=0.9 * averaged
        )

    run_fit(whole, begin(), checkpoint_every=checkpoint_every)
    for number, (event, before) in enumerate(deaths):
        if died(killed, begin(), event, before, number > 0, checkpoint_every):
            continue
        break
    else:
        run_fit(killed, begin(), resume=True, checkpoint_every=checkpoint_every)
    assert_same(whole, killed)


class Killed(BaseException):
    """Nobody catches this."""


def died(run: Run, training: Training, event: int, before: bool, resume: bool, checkpoint_every: int) -> bool:
    """Whether the fit came as far as the change of a file number `event`, where it dies."""
    count = 0

    def dying(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal count
            count += 1
            now = count == event
            if now and before:
                raise Killed
            result = original(*arguments, **named)
            if now:
                raise Killed
            return result

        return call

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in EVENTS:
            patch.setattr(owner, name, dying(getattr(owner, name)))
        try:
            run_fit(run, training, resume, checkpoint_every=checkpoint_every)
        except Killed:
            return True
    return False


def test_the_best_weights_are_written_anew_when_the_process_died_before_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known only to the checkpoint, that is; whoever stops again right after resuming finds them too."""
    options = {"steps": 6, "eval_every": 3}
    run, training = new_run(tmp_path), fitted(classifier(), **options)
    Scripted(training, monkeypatch, [2.0, 1.0])

    def dies(model: torch.nn.Module) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_fit(run, training, on_best=dies)
    assert not (run.path / BEST).exists()
    again = fitted(classifier(), **options)
    with monkeypatch.context() as patch:
        patch.setattr(Training, "update", lambda self: dies(self.model))
        with pytest.raises(KeyboardInterrupt):
            run_fit(run, again, resume=True)
    assert names(run) == [3]
    assert (run.path / BEST).read_text() == repr(
        [float(part.double().sum()) for part in again.learned.parameters()]
    )


def test_a_fit_leaves_torchs_own_generator_as_it_was(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    run_fit(new_run(tmp_path), fitted(Classifier(), steps=3))
    assert not torch.equal(torch.get_rng_state(), before)  # making the classifier drew its weights
    before = torch.get_rng_state()
    run_fit(new_run(tmp_path, "other"), fitted(classifier(), steps=3))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_fit_on_a_gpu_goes_on_where_it_stopped(tmp_path: Path) -> None:
    from tests.nn.test_fit import GpuClassifier

    def begin() -> Training:
        chosen = fitted(classifier(), steps=20, log_every=7, ema_decay=0.9).settings
        return Training(GpuClassifier(), MadeUp(), chosen, seed=0, device="cuda")

    run = new_run(tmp_path)
    assert not interrupted_fit(run, begin(), [4, 11], resume=False)
    assert not interrupted_fit(run, begin(), [11], resume=True)
    assert interrupted_fit(run, begin(), [], resume=True)
    assert [line["step"] for line in metrics(run) if "train/loss" in line] == [7, 14, 20]
