"""The transfer matrix: what is trained, what is kept, and what the tables and the heat map say of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks import transfer, transfer_plot, transfer_runs
from benchmarks.transfer import TransferBench, column_of
from benchmarks.transfer_plot import heat_map
from benchmarks.transfer_runs import COLUMNS, FIRSTS, Column, First, Workshop, accuracy
from benchmarks.transfer_tables import ALONE, TOTAL, tables
from sandbox.__main__ import main
from sandbox.core.errors import UnknownName, UsageError
from sandbox.core.plugins import resolve
from sandbox.core.run import Run
from sandbox.core.runs import list_runs
from sandbox.ui.console import Console
from tests.agents.run_folders import at_metric_line, press_ctrl_c

PHOTOGRAPHS, MNIST, SNAKE, _ = COLUMNS
DIGITS = Column("digits", "digits, percent", "train-classifier digits --pictures 100", 20, 4, accuracy)
EYES = First("autoencoder-digits", "autoencoder, digits", "train-generator autoencoder digits --steps 10")


def cell(learned_by: str, column: Column, seed: int, score: float) -> dict[str, Any]:
    return {"learned_by": learned_by, "column": column.name, "seed": seed, "score": score}


CELLS = [
    *(cell(TOTAL, SNAKE, seed, 5.0 + seed) for seed in (0, 1)),
    *(cell(ALONE, SNAKE, seed, 2.0 + seed) for seed in (0, 1)),
    *(cell("VAE, MNIST", SNAKE, seed, 4.0 + seed) for seed in (0, 1)),
    *(cell(TOTAL, MNIST, seed, 90.0) for seed in (0, 1)),
    *(cell(ALONE, MNIST, seed, 70.0) for seed in (0, 1)),
    *(cell("VAE, MNIST", MNIST, seed, 95.0) for seed in (0, 1)),
]


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path, Console(json=True, quiet=True))


def test_gains_are_differences_of_the_same_seed() -> None:
    found = tables(CELLS, [MNIST, SNAKE])
    assert [row["return of Snake, gain"] for row in found["gains"]] == [-1.0, -1.0]
    assert [row["return of Snake, gain"] for row in found["gains_alone"]] == [2.0, 2.0]
    assert [row["MNIST, 10 a class, percent, gain"] for row in found["gains"]] == [5.0, 5.0]
    assert [row["learned_by"] for row in found["rows"][:3]] == [TOTAL, ALONE, "VAE, MNIST"]


def test_who_saw_all_labels_does_not_learn_from_few(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    knows = dataclasses.replace(EYES, name="classifier-digits")
    column = dataclasses.replace(DIGITS, known_to=("classifier-digits",))
    monkeypatch.setattr(transfer, "FIRST_SECONDS", 1)
    assert [each["learned_by"] for each in column_of(workshop, column, [knows], 0)] == [TOTAL, ALONE]


def test_a_column_is_trained_from_scratch_twice_and_from_each_backbone_in_equal_steps(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "FIRST_SECONDS", 4)
    cells = column_of(workshop, DIGITS, [EYES], 0)
    assert [(each["learned_by"], each["steps"]) for each in cells] == [
        (TOTAL, 40),
        (ALONE, 20),
        ("autoencoder, digits", 20),
    ]
    assert all(0 < each["score"] < 100 and each["cpu_seconds"] > 0 for each in cells)
    child = Run(workshop.folder / "s0-digits-from-autoencoder-digits")
    assert child.info["parent"].endswith("s0-autoencoder-digits")
    scratch, second = ((workshop.folder / name / "config.toml").read_text() for name in
                       ("s0-digits-scratch-4", child.name))  # fmt: skip
    assert 'backbone = "tiny"' in scratch
    assert 'backbone = "tiny"' in second


def test_what_is_finished_is_kept(workshop: Workshop) -> None:
    whole = workshop.then(DIGITS, 0, 4.0)
    made = whole.run.info["created"]
    again = workshop.then(DIGITS, 0, 4.0)
    assert again.run.info["created"] == made
    assert again.cpu_seconds == whole.cpu_seconds


def test_what_was_stopped_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in (transfer, transfer_plot):
        monkeypatch.setattr(module, "COLUMNS", (dataclasses.replace(DIGITS, steps=200),))
    monkeypatch.setattr(transfer, "FIRSTS", (EYES,))
    monkeypatch.setattr(transfer, "FIRST_SECONDS", 1)
    words = ["bench", "transfer", "--seeds", "1", "--out", str(tmp_path), "--png", str(tmp_path / "map.png")]
    with at_metric_line(2, press_ctrl_c):
        assert main([*words, "--json"]) == 130
    assert [run.status for run in list_runs(tmp_path)] == ["interrupted"]
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {run.status for run in list_runs(tmp_path)} == {"finished"}
    assert [cell["cpu_seconds"] is None for cell in found["cells"]] == [True, False, False]
    assert (tmp_path / "map.png").stat().st_size > 1000


def test_a_run_that_was_trained_otherwise_is_not_taken(workshop: Workshop) -> None:
    workshop.then(DIGITS, 0, 4.0)
    with pytest.raises(UsageError, match="other words"):
        workshop.then(dataclasses.replace(DIGITS, steps=30), 0, 4.0)


def test_what_nothing_can_be_said_about_is_refused() -> None:
    with pytest.raises(UsageError, match="all labels"):
        TransferBench(firsts=("classifier-mnist",), columns=("mnist",)).run(Console(json=True, quiet=True))


def test_quick_makes_every_budget_small(tmp_path: Path) -> None:
    quick = Workshop(tmp_path, Console(json=True, quiet=True), quick=True)
    assert quick.then(DIGITS, 0, 20.0).run.info["steps"] == 2


def test_every_row_and_column_can_be_asked_for() -> None:
    assert resolve("benches", "transfer") is TransferBench
    assert len({first.name for first in FIRSTS}) == len(FIRSTS) == 16
    with pytest.raises(UnknownName, match="vae-mnist"):
        TransferBench(firsts=("vae-mnst",)).run(Console(json=True, quiet=True))
    with pytest.raises(UnknownName, match="snake"):
        TransferBench(columns=("snak",)).run(Console(json=True, quiet=True))


def test_the_return_of_an_agent_is_that_of_the_end_of_its_training(tmp_path: Path) -> None:
    run = Run(tmp_path)
    lines = [{"step": step, "rollout/ep_rew_mean": step / 10} for step in range(0, 101, 2)]
    lines.append({"step": 101, "eval/mean_reward": 99.0})
    run.metrics_path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert transfer_runs.training_return(run) == pytest.approx(np.mean([9.2, 9.4, 9.6, 9.8, 10.0]))


def test_better_is_blue_and_worse_is_orange(tmp_path: Path) -> None:
    with Image.open(heat_map(tmp_path / "map.png", CELLS)) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    blue = (pixels[..., 2] - pixels[..., 0] > 60).sum(0)
    orange = (pixels[..., 0] - pixels[..., 2] > 60).sum(0)
    middle = pixels.shape[1] // 2
    assert orange[:middle].any()
    assert not orange[middle + 150 :].any()
    assert blue[middle + 150 :].any()
