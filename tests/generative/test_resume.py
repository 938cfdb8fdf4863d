"""A generator's run that is stopped, however that happens, ends with the bytes of one that never was."""

from __future__ import annotations

import random
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from generative.autoencoder import Autoencoder
from generative.model_folder import save_model
from generative.vae import VAE
from sandbox import load_run
from sandbox.__main__ import main
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
from tests.generative.run_folders import assert_same_run, pictures_in, train, train_words, without_curves

Captured = pytest.CaptureFixture[str]

NOISY = ("autoencoder", ("--noise", "0.3", "--set", "ema_decay=0"))
DRAWN = ("vae", ("--likelihood", "bernoulli", "--class-conditional", "--kl-warmup", "0.5"))
WEIGHTED = ("vae", ("--importance-samples", "3"))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    without_curves(monkeypatch)
    return tmp_path / "runs"


@pytest.mark.parametrize(("kind", "options"), [NOISY, DRAWN, WEIGHTED])
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


@pytest.mark.parametrize(("kind", "options"), [NOISY, DRAWN])
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


def opened(run: Path) -> Any:
    """`RUN/model`, as diffusers opens it."""
    cls = {"autoencoder": Autoencoder, "vae": VAE}[Run(run).info["kind"]]
    return cls.from_pretrained(run / "model", low_cpu_mem_usage=False)


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


def assert_equal_models(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    assert one.state_dict().keys() == other.state_dict().keys()
    for name, part in one.state_dict().items():
        assert torch.equal(other.state_dict()[name], part), name


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


# Copies of a run


@pytest.mark.parametrize("links", [True, False])
def test_a_run_may_be_copied_and_resumed_elsewhere(root: Path, tmp_path: Path, links: bool) -> None:
    """Also by those who follow links: `model` is a folder then."""
    assert train(root, "whole", "vae") == 0
    with at_metric_line(4, press_ctrl_c):
        assert train(root, "stopped", "vae") == 130
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(root / "stopped", elsewhere / "stopped", symlinks=links)
    shutil.rmtree(root / "stopped")
    assert_equal_models(opened(elsewhere / "stopped"), load_run(str(elsewhere / "stopped")))
    assert resume(elsewhere, "stopped") == 0
    assert_same_run(root / "whole", elsewhere / "stopped")


def test_the_models_folder_is_one_of_two_whatever_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while the same step's model is written again: the link still leads to the first one."""
    form = {"height": 8, "width": 8, "widths": (8, 16), "hidden": 8, "latent": 2}
    old, new = Autoencoder(**form), Autoencoder(**form)
    save_model(tmp_path, old, 5)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    for moment in ("generative.model_folder.write_atomically", "generative.model_folder._move_over"):
        with monkeypatch.context() as patch:
            patch.setattr(moment, dies)
            with pytest.raises(KeyboardInterrupt):
                save_model(tmp_path, new, 5)
        found = Autoencoder.from_pretrained(tmp_path / "model", low_cpu_mem_usage=False)
        assert_equal_models(found, old)
    for step in (5, 5, 6):
        save_model(tmp_path, new, step)
        found = Autoencoder.from_pretrained(tmp_path / "model", low_cpu_mem_usage=False)
        assert_equal_models(found, new)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "model-step-000000006"]


def test_without_links_the_folder_itself_is_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on most memory sticks."""
    import errno

    def refuses(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "symlink_to", refuses)
    for step in (5, 5, 6):
        model = VAE(height=8, width=8, widths=(8, 16), hidden=8, latent=2)
        save_model(tmp_path, model, step)
        assert [path.name for path in tmp_path.iterdir()] == ["model"]
        assert_equal_models(VAE.from_pretrained(tmp_path / "model", low_cpu_mem_usage=False), model)


def test_it_is_written_as_diffusers_would(tmp_path: Path) -> None:
    model = VAE(height=8, width=8, widths=(8, 16), hidden=8, latent=2)
    save_model(tmp_path, model, 5)
    model.save_pretrained(tmp_path / "theirs")
    for theirs in (tmp_path / "theirs").iterdir():
        assert (tmp_path / "model" / theirs.name).read_bytes() == theirs.read_bytes()
    rights = {path.stat().st_mode for path in (tmp_path / "model").iterdir()}
    assert len(rights) == 1  # weights for everybody who may read the config


# What RUN/model is


@pytest.mark.parametrize("kind", ["autoencoder", "vae"])
def test_the_model_of_a_run_is_its_best(kind: str, root: Path) -> None:
    """After a learning rate that ruins it: the best is none of the last."""
    options = ("--set", "schedule=warm_restarts", "--set", "learning_rate=0.5", "--set", "ema_decay=0")
    assert train(root, "run", kind, *options) == 0
    run = root / "run"
    assert_equal_models(opened(run), load_run(str(run)))
    last = load_run(str(run), checkpoint="last")
    weights = load_run(str(run)).backbone.state_dict()
    assert (run / "BEST").read_text() != (run / "LAST").read_text()
    assert not torch.equal(last.backbone.state_dict()["stem.weight"], weights["stem.weight"])
    for name, part in load_backbone(run).state_dict().items():
        assert torch.equal(weights[name], part)
    assert not load_run(str(run)).training


# Damage


@pytest.fixture
def run(root: Path) -> Path:
    with at_metric_line(6, press_ctrl_c):
        assert train(root, "run", "vae", "--class-conditional") == 130
    return root / "run"


def damaged(run: Path, file: str, change: Any) -> None:
    path = run / file
    path.write_text(change(path.read_text()))


@pytest.mark.parametrize(
    ("file", "change", "code", "says"),
    [
        ("config.toml", lambda text: "", 4, "config.toml"),
        ("config.toml", lambda text: text + "}", 4, "config.toml"),
        ("config.toml", lambda text: text.replace("latent = 4", "latent = 0"), 4, "latent must be 1 to"),
        ("config.toml", lambda text: text.replace("latent = 4", 'latent = "4 }"'), 4, "latent"),
        ("config.toml", lambda text: text.replace("latent = 4", "latent = 5"), 4, "does not fit"),
        ("config.toml", lambda text: text.replace('"tiny"', '"small"'), 4, "does not fit"),
        ("config.toml", lambda text: text.replace('"tiny"', '"tinny"'), 4, "backbone"),
        ("config.toml", lambda text: "noise = 0.1\n" + text, 4, "noise"),
        ("run.json", lambda text: "", 4, "run.json"),
        ("run.json", lambda text: "[]", 4, "run.json"),
        ("run.json", lambda text: text.replace('"vae"', '"gan"'), 2, "unknown kind of run 'gan'"),
        ("run.json", lambda text: text.replace('"classes"', '"others"'), 4, "run.json"),
        ("run.json", lambda text: text.replace('"9"', "9"), 4, "run.json"),
        ("run.json", lambda text: text.replace('"9"', '"x"'), 4, ""),
    ],
)
def test_a_damaged_run_is_one_line(
    run: Path, file: str, change: Any, code: int, says: str, capsys: Captured
) -> None:
    damaged(run, file, change)
    capsys.readouterr()
    for command in ("resume", "evaluate"):
        assert main([command, str(run)]) == code
        lines = capsys.readouterr().err.splitlines()
        lines = [line for line in lines if not line.startswith("continuing")]
        assert says in lines[0]
        assert len(lines) <= 2
        assert len(lines[0]) < 400


@pytest.mark.parametrize(
    ("shape", "says"),
    [("", "no shape"), ("[1, 8]", "no shape"), ('[1, 8, "x"]', "no shape"), ("[0, 8, 8]", "no shape")],
)
def test_a_damaged_shape_is_named_by_load_run(run: Path, shape: str, says: str) -> None:
    from sandbox.core.errors import RunBroken

    text = (run / "run.json").read_text()
    start_, end = text.index('"shape"'), text.index("]", text.index('"shape"')) + 1
    new = f'"shape": {shape}' if shape else '"form": []'
    (run / "run.json").write_text(text[:start_] + new + text[end:])
    with pytest.raises(RunBroken, match=says):
        load_run(str(run))


def test_impossible_shapes_ask_for_no_memory(run: Path, capsys: Captured) -> None:
    text = (run / "run.json").read_text()
    start_, end = text.index('"shape"'), text.index("]", text.index('"shape"')) + 1
    (run / "run.json").write_text(text[:start_] + '"shape": [1, 99999, 99999]' + text[end:])
    error = error_of(capsys, ["evaluate", str(run)], 4)
    assert error.endswith("run.json is damaged: no pictures have 1 channels of 99999×99999")


def test_without_a_checkpoint_there_is_nothing_to_open(run: Path, capsys: Captured) -> None:
    shutil.rmtree(run / "checkpoints")
    assert "checkpoint" in error_of(capsys, ["evaluate", str(run)], 4)
    assert "checkpoint" in error_of(capsys, ["resume", str(run)], 4)


@pytest.mark.parametrize("words", [["watch"], ["predict", "{picture}"]])
def test_commands_for_others_say_so(words: list[str], run: Path, tmp_path: Path, capsys: Captured) -> None:
    pictures_in(tmp_path / "mine", "cats", each=1)
    picture = str(tmp_path / "mine" / "cats" / "0.png")
    command, *rest = (word.format(picture=picture) for word in words)
    assert "of the kind 'vae'" in error_of(capsys, [command, str(run), *rest], 2)


def test_resume_is_for_the_kind_that_made_the_run(run: Path, capsys: Captured) -> None:
    damaged(run, "run.json", lambda text: text.replace('"kind": "vae"', '"kind": "autoencoder"'))
    error_of(capsys, ["resume", str(run)], 4)
    damaged(run, "run.json", lambda text: text.replace('"kind": "autoencoder"', '"kind": "classifier"'))
    error_of(capsys, ["resume", str(run)], 4)
    assert main(["evaluate", str(run)]) in (2, 4)
