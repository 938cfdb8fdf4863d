"""Whatever a stranger puts into a run folder or a saved agent: loading it executes nothing."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import shutil
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agents import PPO
from sandbox import load_run
from sandbox.__main__ import main
from sandbox.core.errors import SandboxError, UsageError
from sandbox.core.run import Run
from tests.agents.run_folders import error_of, resume, train, train_words

Captured = pytest.CaptureFixture[str]
pytestmark = pytest.mark.usefixtures("short_evaluations")


class Evil:
    """An object whose unpickling makes a folder."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


def as_pickle(evil: Evil) -> bytes:
    return pickle.dumps(evil)


def as_torch_file(evil: Evil) -> bytes:
    file = io.BytesIO()
    torch.save({"weights": evil}, file)
    return file.getvalue()


def as_numpy_file(evil: Evil) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([evil], dtype=object), allow_pickle=True)
    return file.getvalue()


def as_json_that_names_it(evil: Evil) -> bytes:
    call = f"__import__('os').mkdir({str(evil.marker)!r})"
    return json.dumps(
        {"$class": call, "py/reduce": [{"py/function": "os.mkdir"}, [str(evil.marker)]]}
    ).encode()


DISGUISES = [as_pickle, as_torch_file, as_numpy_file, as_json_that_names_it]


@pytest.fixture
def evil(tmp_path: Path) -> Iterator[Evil]:
    """The payload; at the end of the test it must not have been executed."""
    marker = tmp_path / "executed"
    yield Evil(marker)
    assert not marker.exists()


def test_the_payload_works(tmp_path: Path) -> None:
    pickle.loads(as_pickle(Evil(tmp_path / "executed")))
    assert (tmp_path / "executed").exists()


def files_of(run: Path) -> list[str]:
    """All files of a run, but for the checkpoints before the last."""
    last = (run / "LAST").read_text().strip()
    paths = [path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()]
    return sorted(path for path in paths if not path.startswith("checkpoints/") or last in path)


@pytest.mark.parametrize("disguise", DISGUISES)
def test_no_file_of_a_run_is_executed(
    two_runs: Path, tmp_path: Path, evil: Evil, disguise: Callable[[Evil], bytes], capsys: Captured
) -> None:
    for name in files_of(two_runs / "stopped"):
        run = shutil.copytree(two_runs / "stopped", tmp_path / name.replace("/", "-") / "run")
        (run / name).write_bytes(disguise(evil))
        look_at(run)
        assert "Traceback" not in capsys.readouterr().err, name


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("file", ["state.json", "tensors.safetensors"])
def test_no_checkpoint_with_the_right_checksums_is_executed(
    two_runs: Path, tmp_path: Path, evil: Evil, disguise: Callable[[Evil], bytes], file: str, capsys: Captured
) -> None:
    run = shutil.copytree(two_runs / "stopped", tmp_path / "run")
    for folder in (run / "checkpoints").iterdir():
        (folder / file).write_bytes(disguise(evil))
        sums = json.loads((folder / "checksums.json").read_text())
        for name in sums["sha256"]:
            sums["sha256"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        (folder / "checksums.json").write_text(json.dumps(sums, indent=2) + "\n")
    for words in (["evaluate", str(run)], ["resume", str(run)]):
        error_of(capsys, words, 4)
    look_at(run)


def look_at(run: Path) -> None:
    """Everything that loads a run; each succeeds, or fails with an exit code that says why."""
    for words in (["runs", "list", "--out", str(run.parent)], ["runs", "show", str(run)]):
        assert main(words) in (0, 2, 4)
    for checkpoint in ("best", "last"):
        assert main(["evaluate", str(run), "--episodes", "1", "--checkpoint", checkpoint]) in (0, 2, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            load_run(str(run))
        except SandboxError as error:
            assert error.exit_code in (2, 4)  # noqa: PT017 - success is fine, too
    assert main(["resume", str(run)]) in (0, 2, 4)


# Saved agents


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "agent.zip"
    PPO("MlpPolicy", "CartPole-v1", policy_kwargs={"net_arch": [4]}).save(path)
    return path


@pytest.mark.parametrize("disguise", DISGUISES)
def test_no_part_of_a_saved_agent_is_executed(
    saved: Path, tmp_path: Path, evil: Evil, disguise: Callable[[Evil], bytes]
) -> None:
    target = tmp_path / "agent.zip"
    members = zipfile.ZipFile(saved).namelist()
    for evil_one in [*members, "whole file"]:
        if evil_one == "whole file":
            target.write_bytes(disguise(evil))
        else:
            with zipfile.ZipFile(saved) as good, zipfile.ZipFile(target, "w") as bad:
                for member in members:
                    bad.writestr(member, disguise(evil) if member == evil_one else good.read(member))
        with pytest.raises(SandboxError) as caught:
            PPO.load(target)
        assert caught.value.exit_code in (2, 4)


def test_a_stock_agent_is_a_pickle_and_needs_trust(tmp_path: Path, evil: Evil) -> None:
    target = tmp_path / "agent.zip"
    with zipfile.ZipFile(target, "w") as bad:
        for member in ("data", "policy.pth", "policy.optimizer.pth", "pytorch_variables.pth"):
            bad.writestr(member, as_torch_file(evil))
    with pytest.raises(UsageError, match="holds pickles, which can execute code"):
        PPO.load(target)


# Modules that an id names

MODULE = """
import gymnasium
from gymnasium.envs.classic_control import CartPoleEnv
from pathlib import Path
Path({marker!r}).mkdir(exist_ok=True)
gymnasium.register("FromModule-v0", CartPoleEnv, max_episode_steps=20)
"""


@pytest.fixture
def with_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Callable[[], bool]]:
    """A stopped run on `evil_env:FromModule-v0`, and a question: was the module imported since?"""
    marker = tmp_path / "imported"
    (tmp_path / "evil_env.py").write_text(MODULE.format(marker=str(marker)))
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("evil_env", None)
    words = train_words(tmp_path / "runs", "run")
    assert main([words[0], "evil_env:FromModule-v0", *words[1:]]) == 0
    assert marker.exists()
    marker.rmdir()
    del sys.modules["evil_env"]
    Run(tmp_path / "runs" / "run").update(status="interrupted")
    return tmp_path / "runs" / "run", marker.exists


@pytest.mark.parametrize("key", ["env", "train_env"])
def test_a_module_that_a_run_names_is_imported_with_trust_only(
    with_module: tuple[Path, Callable[[], bool]], key: str, capsys: Captured
) -> None:
    run, imported = with_module
    other = {"env": "train_env", "train_env": "env"}[key]
    config = run / "config.toml"
    config.write_text(
        config.read_text().replace(f'\n{other} = "evil_env:FromModule-v0"', f'\n{other} = "CartPole-v1"')
        if key == "env"
        else config.read_text().replace('env = "evil_env:FromModule-v0"\ntrain', 'env = "CartPole-v1"\ntrain')
    )
    refusal = "'evil_env:FromModule-v0' in its config would import (and so execute) 'evil_env'"
    for words in (["evaluate", str(run)], ["resume", str(run)]):
        assert error_of(capsys, words, 2) == refusal
    for words in (["runs", "show", str(run)], ["runs", "list", "--out", str(run.parent)]):
        assert main(words) == 0
    with pytest.raises(UsageError, match="would import"):
        load_run(str(run))
    error = error_of(capsys, ["train-agent", "--config", str(config)], 2)
    assert error == f"{config} would import (and so execute) 'evil_env'"
    assert not imported()
    assert "evil_env" not in sys.modules

    assert main(["evaluate", str(run), "--trust", "--episodes", "1"]) == 0
    assert imported()


def test_with_trust_such_a_run_can_be_resumed(with_module: tuple[Path, Callable[[], bool]]) -> None:
    run, imported = with_module
    assert resume(run.parent, run.name, "--trust") == 0
    assert imported()


def test_nothing_of_this_stops_an_honest_run(tmp_path: Path) -> None:
    assert train(tmp_path / "runs", "honest") == 0
    look_at(tmp_path / "runs" / "honest")
