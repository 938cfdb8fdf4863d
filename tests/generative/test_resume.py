"""A generator's run that is stopped, however that happens, ends with the bytes of one that never was."""

from __future__ import annotations

import random
import shutil
import signal
from pathlib import Path

import pytest

from sandbox import load_run
from sandbox.core.run import Run
from sandbox.nn.transfer import FILE, load_backbone
from tests.agents.run_folders import (
    at_metric_line,
    check_points,
    ended,
    error_of,
    press_ctrl_c,
    press_ctrl_c_twice,
    resume,
    start,
)
from tests.generative.run_folders import (
    assert_equal_models,
    assert_same_run,
    opened,
    train,
    train_words,
    without_curves,
)

Captured = pytest.CaptureFixture[str]

NOISY = ("autoencoder", ("--noise", "0.3", "--set", "ema_decay=0"))
DRAWN = ("vae", ("--likelihood", "bernoulli", "--class-conditional", "--kl-warmup", "0.5"))
WEIGHTED = ("vae", ("--importance-samples", "3"))
DIFFUSED = ("ddpm", ())
OTHERWISE = ("ddpm", ("--prediction", "epsilon", "--no-class-conditional", "--set", "ema_decay=0"))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    without_curves(monkeypatch)
    return tmp_path / "runs"


@pytest.mark.parametrize(("kind", "options"), [NOISY, DRAWN, WEIGHTED, DIFFUSED, OTHERWISE])
def test_stopped_twice_and_resumed_is_never_stopped(
    root: Path, kind: str, options: tuple[str, ...], capsys: Captured
) -> None:
    assert train(root, "whole", kind, *options) == 0
    with at_metric_line(3, press_ctrl_c):
        assert train(root, "stopped", kind, *options) == 130
    assert Run(root / "stopped").status == "interrupted"
    with at_metric_line(2, press_ctrl_c_twice):
        assert resume(root, "stopped") == 130
    with at_metric_line(3, press_ctrl_c):
        assert resume(root, "stopped") == 130
    capsys.readouterr()
    assert resume(root, "stopped") == 0
    shown = capsys.readouterr().err
    assert "continuing at step" in shown
    assert "differs from an uninterrupted one" not in shown
    assert_same_run(root / "whole", root / "stopped")


@pytest.mark.parametrize(("kind", "options"), [NOISY, DRAWN, DIFFUSED])
def test_kill_9_between_any_two_changes_of_a_file(
    root: Path, tmp_path: Path, kind: str, options: tuple[str, ...]
) -> None:
    """Several times in a row: in a checkpoint, in the model's folder, before its link moves, in the film.

    Whenever that is, `model` and the backbone beside it are there or not, and never halves of themselves.
    """
    words = train_words(root, "whole", kind, *options)
    assert ended(start(words, events=tmp_path / "events")) == 0
    moments = random.Random(f"{kind} {options}")
    events = int((tmp_path / "events").read_text())
    words = train_words(root, "killed", kind, *options)
    for _ in range(4):
        assert ended(start(words, kill_at=moments.randint(12, events // 2))) in (-signal.SIGKILL, 0)
        assert_whole_or_not_there(root / "killed")
        words = ["resume", str(root / "killed"), "--quiet"]
        if Run(root / "killed").status == "finished":
            break
    else:
        assert ended(start(words)) == 0
    assert_same_run(root / "whole", root / "killed")


def assert_whole_or_not_there(run: Path) -> None:
    if (run / "model").exists():
        opened(run)
    if (run / FILE).exists():
        load_backbone(run / FILE)


def test_killed_before_anything_was_learned_has_its_first_picture_too(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train(root, "whole", "vae") == 0

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("generative.samples.save_png", dies)
        assert train(root, "stopped", "vae") == 130
    assert not list((root / "stopped").glob("samples/*"))
    assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", root / "stopped")


def test_a_checkpoint_whose_model_never_came_gets_it_on_resuming(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the best checkpoint and what others read of it."""
    assert train(root, "whole", "vae") == 0

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("generative.training.save_model", dies)
        assert train(root, "stopped", "vae") == 130
    assert check_points(root / "stopped")
    assert not (root / "stopped" / "model").exists()
    with at_metric_line(1, press_ctrl_c_twice):  # nothing else is learned yet
        assert resume(root, "stopped") == 130
    assert_equal_models(opened(root / "stopped"), load_run(str(root / "stopped")))
    assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", root / "stopped")


def test_an_early_stop_stays_one_when_its_end_never_came(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ("--set", "patience=1", "--set", "learning_rate=0.5", "--set", "steps=300")
    assert train(root, "whole", "vae", *options) == 0
    assert Run(root / "whole").info["steps"] < 300

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("generative.samples.save_gif", dies)
        assert train(root, "stopped", "vae", *options) == 130
    with monkeypatch.context() as patch:
        patch.setattr("sandbox.nn.fit.Training.update", dies)  # nothing is trained any more
        assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", root / "stopped")


def test_a_run_that_is_stopped_before_its_first_checkpoint_starts_anew(root: Path, capsys: Captured) -> None:
    assert train(root, "whole") == 0
    with at_metric_line(1, press_ctrl_c_twice):
        assert train(root, "stopped") == 130
    assert check_points(root / "stopped") == []
    assert resume(root, "stopped") == 0
    assert "there is no checkpoint yet: starting anew, with the same seed" in capsys.readouterr().err
    assert_same_run(root / "whole", root / "stopped")


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(root: Path, capsys: Captured) -> None:
    assert train(root, "whole", "vae") == 0
    with at_metric_line(8, press_ctrl_c_twice):
        assert train(root, "stopped", "vae") == 130
    last = root / "stopped" / "checkpoints" / check_points(root / "stopped")[-1]
    (last / "tensors.safetensors").write_bytes(b"x")
    assert resume(root, "stopped") == 0
    assert f"warning: {last}" in capsys.readouterr().err
    assert_same_run(root / "whole", root / "stopped")


def test_a_lost_or_damaged_sample_spoils_no_run(root: Path) -> None:
    for name in ("lost", "damaged"):
        with at_metric_line(4, press_ctrl_c):
            assert train(root, name, "vae") == 130
    shutil.rmtree(root / "lost" / "samples")
    (root / "damaged" / "samples" / "step-000000000.png").write_bytes(b"\x89PNG no more")
    for name in ("lost", "damaged"):
        assert resume(root, name) == 0
        assert (root / name / "samples" / "training.gif").is_file()


def test_a_finished_run_has_nothing_left_to_resume(root: Path, capsys: Captured) -> None:
    assert train(root, "whole") == 0
    error = error_of(capsys, ["resume", str(root / "whole")], 2)
    assert error == "run whole is finished, at 12 steps: nothing is left to resume"
