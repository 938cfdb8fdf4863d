"""The bench's diffusion models: what is drawn, and what is said of it. How good it is, is not tested here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from benchmarks.curves import draw_steps
from benchmarks.recipes import DIFFUSION
from benchmarks.tables import render
from generative.bench import ddpm, ddpm_others, ddpm_peer, gpu, judged, pace, steps
from generative.bench.ddpm_peer import Learning, as_good, in_turns, steps_within
from generative.bench.drawn import draw
from generative.bench.pace import pace_row
from generative.bench.tasks import GPU, OURS, PEER
from generative.bench.trainer import Trainer
from generative.commands import TrainGenerator
from generative.generate.sampling import Sampling
from generative.quality.judge import Judged
from generative.quality.recipe import HouseJudge
from sandbox.__main__ import main
from sandbox.commands.bench_envs.timing import Pace
from sandbox.core.arguments import parse_command
from sandbox.data.catalog import load
from sandbox.data.pictures import Dataset
from sandbox.ui.console import Console

Captured = pytest.CaptureFixture[str]
SHORT = ["--backbone", "tiny", "--threads", "1", "--device", "cpu"]


class NearestMean:
    """A judge that needs no training: pixels are its features, the nearest mean of a class its answer."""

    def __init__(self, dataset: Dataset) -> None:
        train, labels = dataset.train.images.flatten(1).float() / 255, dataset.train.labels
        self._means = torch.stack([train[labels == at].mean(0) for at in range(len(dataset.classes))])

    def __call__(self, images: Tensor, /) -> Judged:
        pixels = images.flatten(1).float() / 255
        return Judged(pixels, torch.cdist(pixels, self._means).argmin(1))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small digits in place of all data, another judge, trainings of a few steps, and few pictures."""

    def train(self: Trainer, words: str, seed: int, part: float = 1.0) -> dict[str, Any]:
        return plain_train(self, as_digits(words), seed, part)

    def untrained(self: Trainer, words: str, seed: int, steps: int) -> Any:
        return plain_untrained(self, f"{as_digits(words)} --backbone tiny", seed, steps)

    plain_train, plain_untrained = Trainer.train, Trainer.untrained
    monkeypatch.setattr(Trainer, "train", train)
    monkeypatch.setattr(Trainer, "untrained", untrained)
    monkeypatch.setattr(
        Trainer, "options", lambda self, seed, part=1.0: ["--seed", str(seed), "--steps", "3", *SHORT]
    )
    monkeypatch.setattr(judged, "load", lambda name, data_dir: load("digits"))
    monkeypatch.setattr(ddpm_peer, "load", lambda name, data_dir: load("digits"))
    monkeypatch.setattr(judged, "house_judge", nearest_mean)
    for module, name, count in (
        (ddpm, "DRAWN", 20), (ddpm, "LONG_DRAWN", 30), (ddpm, "TIMED", 2), (ddpm, "STEPS", 3),
        (ddpm_peer, "DRAWN", 200), (ddpm_peer, "LOOKED_AT", 20), (ddpm_peer, "STEPS", 3),
        (ddpm_others, "DRAWN", 20), (ddpm_others, "STEPS", 3),
        (steps, "SAMPLER_DRAWN", 20), (steps, "SAMPLER_STEPS", (2, 5)),
        (pace, "QUICK_SECONDS", 0.01), (pace, "SECONDS", 0.01),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, count)


def as_digits(words: str) -> str:
    signs = words.replace("sign_mnist", "digits").replace("mnist", "digits")
    return signs.replace("frames:Snake", "digits --no-class-conditional")


def nearest_mean(dataset: Dataset, console: Console) -> HouseJudge:
    return HouseJudge(NearestMean(dataset), kind="cnn", file=None)


def bench(capsys: Captured, *words: str) -> dict[str, Any]:
    assert main(["bench", "generative", "--seeds", "1", "--threads", "1", "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("small")
def test_digits_are_judged_and_samplers_compared_out_of_the_same_noise(
    capsys: Captured, tmp_path: Path
) -> None:
    result = bench(capsys, "--only", "ddpm", "--pictures", str(tmp_path))
    plain, guided = result["ddpm"]
    assert (plain["guidance"], plain["pictures"], plain["in_steps"]) == ("1", "20", "3")
    assert float(guided["guidance"]) > 1
    for row in (plain, guided):
        assert row["reached"] == (row["judged_right_percent"] >= 95)
        assert row["in_time"] == (row["seconds_for_64"] <= 1.5)
        assert row["judge_percent"] > 80
        assert row["floors"] == pytest.approx(row["frechet"] / row["floor"])
    assert [(row["sampler"], row["in_steps"]) for row in result["ddpm-steps"]] == [
        (sampler, number) for sampler in ("ddpm", "ddim", "dpm++", "unipc") for number in ("2", "5")
    ]
    assert len({row["floor"] for row in result["ddpm-steps"]}) == 1
    with (
        Image.open(tmp_path / "ddpm-samplers.png") as sheet,
        Image.open(tmp_path / "ddpm-steps.png") as curves,
    ):
        assert sheet.width > 2 * 5 * 8 * steps.SCALE
        assert curves.size == (1800, 780)


@pytest.mark.usefixtures("small")
def test_after_half_an_hour_share_and_distance_are_to_be_good(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = []
    trained = Trainer.train
    monkeypatch.setattr(Trainer, "train", lambda *given, part: (parts.append(part), trained(*given))[1])
    monkeypatch.setattr(ddpm, "LONG_RIGHT_GOAL", 0.0)
    assert not any(row["reached"] for row in bench(capsys, "--only", "ddpm-long")["ddpm-long"])
    monkeypatch.setattr(ddpm, "FLOORS_GOAL", 1e9)
    assert all(row["reached"] for row in bench(capsys, "--only", "ddpm-long")["ddpm-long"])
    assert parts == [6.0, 6.0]  # of five minutes


@pytest.mark.usefixtures("small")
def test_ours_stands_beside_diffusers_network_and_a_missing_gpu_is_said(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ddpm_peer, "steps_within", lambda seconds, pace, one: round(seconds / 9))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    result = bench(capsys, "--only", "ddpm-peer", "--quick")
    ours, ours_guided, theirs, theirs_guided = result["ddpm-peer"]
    assert [ours["network"], theirs["network"]] == [OURS, PEER]
    assert theirs["learned_from"] == 6 * ours["learned_from"]
    assert theirs["parameters"] > 5 * ours["parameters"]
    for row, other in ((ours, theirs), (ours_guided, theirs_guided)):
        assert row["guidance"] == other["guidance"]
        assert (row["reached"], other["reached"]) == (as_good(row, other), None)
    cpu, gpu = result["ddpm-pace"][:2], result["ddpm-pace"][2:]
    assert all(row["times"] > 1 for row in cpu)
    assert [row["on"] for row in gpu] == 2 * ["not measured: no GPU"]
    assert result["ddpm-gpu"] == [{"model": GPU, "goal": "≥ 99.5 % right", "on": "not measured: no GPU"}]


@pytest.mark.usefixtures("small")
def test_other_pictures_are_judged_and_kept_as_grids(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ddpm_others, "OTHERS_DRAWN", {"sign_mnist": "signs", "frames:Snake": "frames"})
    rows = bench(capsys, "--only", "ddpm-others", "--pictures", str(tmp_path))["ddpm-others"]
    assert [(row["drawn"], row["guidance"] == "1") for row in rows] == [
        ("signs", True), ("signs", False), ("frames", True)
    ]  # fmt: skip
    assert [row["judged_right_percent"] is None for row in rows] == [False, False, True]
    assert all(0 <= row["recall"] <= 1 and row["precision_floor"] > 0.5 for row in rows)
    assert {path.name for path in tmp_path.iterdir()} == {"ddpm-sign-mnist.png", "ddpm-snake.png"}


def test_the_larger_model_and_its_peer_are_command_lines_for_a_gpu() -> None:
    for words in (GPU, gpu.GPU_PEER):
        command = parse_command(TrainGenerator, words.split(), "train-generator")
        assert command.device == "cuda"


def test_networks_that_learn_in_turns_end_together(tmp_path: Path) -> None:
    trainer = Trainer(tmp_path, Console(quiet=True))
    both = {
        name: Learning(trainer.untrained("ddpm digits --backbone tiny --device cpu", 0, steps)[1], 1.0)
        for name, steps in (("few", 4), ("many", 11))
    }
    in_turns(both, Console(quiet=True))
    assert [one.training.step for one in both.values()] == [4, 11]
    assert [len(one.laps) for one in both.values()] == [4, 4]
    batch = both["few"].training.settings.batch_size
    assert steps_within(10.0, Pace((1.0 * batch, 3.0 * batch, 5.0 * batch), (1, 1, 1)), both["few"]) == 30


def test_noise_belongs_to_the_number_of_a_picture(tmp_path: Path) -> None:
    _, training = Trainer(tmp_path, Console(quiet=True)).untrained(
        "ddpm digits --backbone tiny --device cpu", 0, 1
    )
    many, few = (draw(training.learned.eval(), count, Sampling("ddim", 2), 5) for count in (12, 3))  # type: ignore[arg-type]
    assert many.asked is not None
    assert many.asked.tolist() == [*range(10), 0, 1]
    assert (many.images[:3].int() - few.images.int()).abs().max() <= 1


def test_a_ratio_is_that_of_the_turns() -> None:
    ours, theirs = Pace((10.0, 40.0, 90.0), (1.0, 0.9, 1.0)), Pace((5.0, 10.0, 10.0), (1.0, 1.0, 0.8))
    row = pace_row("here", "drawn", {"ours": ours, "theirs": theirs})
    assert (row["ours"], row["diffusers"], row["times"], row["cpu_over_wall"]) == (40.0, 10.0, 4.0, 0.8)


def test_the_tables_of_a_part_and_its_curves_come_from_its_results(tmp_path: Path) -> None:
    rows = [
        {"sampler": sampler, "in_steps": steps, "pictures": "20", "judged_right_percent": 90.0 + seed,
         "frechet": 9.0, "floor": 3.0}
        for seed in (0, 1) for sampler in ("ddim", "unipc") for steps in ("5", "20")
    ]  # fmt: skip
    runs = [{"part": "ddpm-steps", "seed": at // 4, **row} for at, row in enumerate(rows)]
    made = {"versions": {}, "processor": "a CPU", "usable_cpus": 2, "platform": "Linux", "python": "3.11",
            "time": "2026-01-31T12:00:00+00:00", "git": {"revision": "a" * 40}, "command": []}  # fmt: skip
    records = [
        {"recipe": "x", "seed": seed, "made": made,
         "result": {"ddpm-steps": rows[4 * seed : 4 * seed + 4], "runs": runs[4 * seed : 4 * seed + 4]}}
        for seed in (0, 1)
    ]  # fmt: skip
    lines = render(records, DIFFUSION["ddpm"]).splitlines()
    assert lines[2] == "| ddim | 5 | 20 | 90.5 (90 – 91) | 9 (9 – 9) | 3 (3 – 3) |"
    assert len(lines) == 2 + 4 + 2
    assert draw_steps(records, tmp_path / "curves.png").stat().st_size > 10_000


def test_a_folder_for_pictures_cannot_be_a_file(capsys: Captured, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert main(["bench", "generative", "--pictures", str(tmp_path / "file"), "--json"]) == 2
    assert "--pictures" in json.loads(capsys.readouterr().out)["error"]
