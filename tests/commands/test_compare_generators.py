"""``compare`` with generative models: their own measure, in which less is better, and only like with like."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sandbox.__main__ import main
from sandbox.commands.comparison.measured import choose_metric, is_better_when_lower, measure
from sandbox.core.metrics import MetricsWriter
from sandbox.core.runs import Run, create_run

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(runs_root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Pictures are drawn into the working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def finished(
    root: Path,
    name: str,
    kind: str,
    lines: Sequence[dict[str, float]],
    score: dict[str, float],
    *,
    seed: int = 0,
    side: int = 28,
    only: str = "",
    **settings: Any,
) -> Run:
    """A run of train-generator with a line of validation every ten steps."""
    subject = "-".join(filter(None, [kind, "mnist", only]))
    run = create_run(
        root, "train-generator", subject, seed, kind, name, data="mnist", model=kind,
        shape=[1, side, side], evaluation={"split": "test", "n": 100, **score},
    )  # fmt: skip
    values = {"data": "mnist", "seed": seed, "latent": 32, **settings}
    run.config_path.write_text("\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items()))
    with MetricsWriter(run.metrics_path) as writer:
        for index, line in enumerate(lines, 1):
            values = {f"valid/{key}": value for key, value in line.items()}
            writer.write(10 * index, values | {"time/seconds": index / 2})
    run.update(status="finished")
    return run


def autoencoder(root: Path, name: str, mse: float, **options: Any) -> Run:
    lines = [{"loss": 784 * value, "mse": value} for value in (4 * mse, mse)]
    return finished(root, name, "autoencoder", lines, {"mse": mse}, **options)


def vae(root: Path, name: str, nats: float, beta: float = 1.0, **options: Any) -> Run:
    lines = [{"loss": value + beta * 20, "elbo": -value - 20, "kl": 20.0} for value in (2 * nats, nats)]
    return finished(root, name, "vae", lines, {"nats": nats + 18}, beta=beta, **options)


def answer(capsys: Captured, *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["compare", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refusal(capsys: Captured, *words: str) -> str:
    capsys.readouterr()
    assert main(["compare", *words]) == 2
    text = capsys.readouterr().err
    assert len(text.splitlines()) <= 2
    return text


def test_autoencoders_are_compared_by_their_error_and_the_least_is_the_best(
    runs_root: Path, capsys: Captured
) -> None:
    for seed, (few, many) in enumerate([(0.04, 0.01), (0.03, 0.02)]):
        autoencoder(runs_root, f"few-{seed}", few, seed=seed, latent=2)
        autoencoder(runs_root, f"many-{seed}", many, seed=seed, latent=16)
    result = answer(capsys, "*", "--threshold", "0.03")
    assert (result["metric"], result["task"]) == ("valid/mse", "autoencoder-mnist")
    few, many = result["groups"]
    assert (few["label"], many["label"]) == ("latent=2", "latent=16")
    assert (few["mean"], few["best"]) == pytest.approx((0.035, 0.035))
    assert (few["reached"], many["reached"]) == (1, 2)  # at or below 0.03
    assert Path(result["picture"]).stat().st_size > 10_000


def test_what_a_vae_is_judged_by_does_not_depend_on_what_its_loss_weighs(
    runs_root: Path, capsys: Captured
) -> None:
    vae(runs_root, "plain", 70.0)
    vae(runs_root, "pressed", 80.0, beta=4.0)
    result = answer(capsys, "*")
    assert result["metric"] == "valid/nats"
    assert [group["label"] for group in result["groups"]] == ["beta=1.0", "beta=4.0"]
    assert [group["best"] for group in result["groups"]] == [90, 100]
    assert [group["mean"] for group in result["groups"]] == [88, 98]


def ddpm(root: Path, name: str, noise: float, loss: float, **options: Any) -> Run:
    values = {"prediction": "v", "noise_schedule": "cosine", **options}
    lines = [{"loss": factor * loss, "noise_mse": factor * noise} for factor in (2, 1)]
    return finished(root, name, "ddpm", lines, {"loss": loss, "noise_mse": noise}, **values)


def test_diffusion_models_are_compared_by_the_noise_whatever_they_predict(
    runs_root: Path, capsys: Captured
) -> None:
    ddpm(runs_root, "v", 0.1, 0.3)
    ddpm(runs_root, "x0", 0.2, 0.05, prediction="x0")
    result = answer(capsys, "*")
    assert result["metric"] == "valid/noise_mse"
    assert [group["label"] for group in result["groups"]] == ["prediction=v", "prediction=x0"]
    assert [group["mean"] for group in result["groups"]] == [0.1, 0.2]
    assert [group["runs"][0]["final_is"] for group in result["groups"]] == ["evaluation"] * 2
    ddpm(runs_root, "other", 0.1, 0.3, noise_schedule="linear")
    assert "noise_schedule is cosine in v, and linear in other" in refusal(capsys, "v", "other")


def test_only_like_is_compared_with_like(runs_root: Path, capsys: Captured) -> None:
    autoencoder(runs_root, "error", 0.01)
    autoencoder(runs_root, "larger", 0.01, side=64)
    autoencoder(runs_root, "threes", 0.01, only="3")
    vae(runs_root, "black-or-white", 80.0, likelihood="bernoulli")
    vae(runs_root, "grey", 900.0, likelihood="gaussian")
    assert "autoencoder-mnist (1), vae-mnist (1)" in refusal(capsys, "error", "grey")
    assert "autoencoder-mnist (1), autoencoder-mnist-3 (1)" in refusal(capsys, "error", "threes")
    said = refusal(capsys, "black-or-white", "grey")
    assert "valid/nats" in said
    assert "likelihood is bernoulli in black-or-white, and gaussian in grey" in said
    assert "shape is [1, 28, 28] in error, and [1, 64, 64] in larger" in refusal(capsys, "error", "larger")


@pytest.mark.parametrize(
    ("metric", "less"),
    [("valid/mse", True), ("valid/nats", True), ("train/loss", True), ("valid/elbo", False),
     ("valid/accuracy", False), ("eval/mean_reward", False)],
)  # fmt: skip
def test_which_metrics_measure_mistakes(metric: str, less: bool) -> None:
    assert is_better_when_lower(metric) is less


def test_a_run_whose_first_look_is_still_to_come_is_compared_by_its_loss(runs_root: Path) -> None:
    run = finished(runs_root, "young", "autoencoder", [{"loss": 9.0}, {"loss": 8.0}], {})
    assert choose_metric([measure(run)]) == "valid/loss"
