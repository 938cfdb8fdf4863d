"""A run that is stopped, however that happens, and resumed ends with the same bits as one that never was."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.session import AgentSession
from sandbox.__main__ import main
from sandbox.core.run import Run
from sandbox.nn.checkpoint import Checkpoints
from tests.agents.run_folders import (
    assert_same_run,
    at_metric_line,
    check_points,
    ended,
    left_behind,
    lines_of,
    press_ctrl_c,
    press_ctrl_c_twice,
    resume,
    start,
    train,
    train_words,
    wait_for,
)

Captured = pytest.CaptureFixture[str]
FLICKERING = ("--wrap", "mask_velocity", "--wrap", "flicker:0.3", "--wrap", "frame_stack:3")
NORMALISED = ("--set", "normalize_observation=true", "--set", "normalize_reward=true")


pytestmark = pytest.mark.usefixtures("short_evaluations")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.mark.parametrize(
    ("env", "options"),
    [
        ("CartPole-v1", ()),
        ("CartPole-v1", ("--vec", "async")),
        ("CartPole-v1", ("--set", "target_kl=0.001", "--set", "clip_range_vf=0.2")),
        ("Sandbox/CartPole-v0", NORMALISED),
        ("Sandbox/CartPole-v0", FLICKERING),
        ("Pendulum-v1", NORMALISED),
        ("Pendulum-v1", FLICKERING),
        ("Acrobot-v1", NORMALISED),
        ("Tiny/Corridor-v0", ("--env-arg", "kind=dict", "--policy", "MultiInputPolicy")),
        ("LunarLander-v3", NORMALISED),
        ("LunarLander-v3", FLICKERING),
    ],
)
def test_stopped_twice_and_resumed_is_never_stopped(root: Path, env: str, options: tuple[str, ...]) -> None:
    if env.startswith("LunarLander"):
        pytest.importorskip("Box2D", reason="LunarLander needs the extra [box2d]")
    assert train(root, "whole", env, *options) == 0
    with at_metric_line(7, press_ctrl_c):
        assert train(root, "stopped", env, *options) == 130
    assert Run(root / "stopped").status == "interrupted"
    with at_metric_line(12, press_ctrl_c):
        assert resume(root, "stopped") == 130
    assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", root / "stopped")


@settings(max_examples=12, derandomize=True)
@given(
    envs=st.integers(1, 5),
    n_steps=st.integers(2, 40),
    eval_every=st.sampled_from([0, 37, 150, 10_000]),
    checkpoint_every=st.sampled_from([1, 64, 111, 10_000]),
    lines=st.lists(st.integers(1, 14), min_size=1, max_size=3),
    kill=st.booleans(),
)
def test_any_loop_may_be_stopped_anywhere(
    tmp_path_factory: pytest.TempPathFactory,
    envs: int,
    n_steps: int,
    eval_every: int,
    checkpoint_every: int,
    lines: list[int],
    kill: bool,
) -> None:
    """Both kinds of stop: after the update, with a new checkpoint, or at once, back to the last one."""
    root = tmp_path_factory.mktemp("loop") / "runs"
    options = ["--envs", str(envs), "--set", f"n_steps={n_steps}", "--steps", "500"]
    options += ["--eval-every", str(eval_every), "--checkpoint-every", str(checkpoint_every)]
    env = "Sandbox/CartPole-v0"
    assert train(root, "whole", env, *options) == 0
    press = press_ctrl_c_twice if kill else press_ctrl_c
    with at_metric_line(lines[0], press):
        code = train(root, "stopped", env, *options)
    for line in lines[1:]:
        if code == 130:
            with at_metric_line(line, press):
                code = resume(root, "stopped")
    assert code == 0 or resume(root, "stopped") == 0
    assert_same_run(root / "whole", root / "stopped")


@pytest.mark.parametrize(
    ("env", "options", "kills"),
    [("CartPole-v1", (), 5), ("Sandbox/CartPole-v0", NORMALISED, 5), ("CartPole-v1", ("--vec", "async"), 2)],
)
def test_kill_9_between_any_two_changes_of_a_file(
    root: Path, tmp_path: Path, env: str, options: tuple[str, ...], kills: int
) -> None:
    """Several times in a row: before a rename, in the middle of a checkpoint, while an old one is removed."""
    options = (*options, "--keep-checkpoints", "3")
    assert ended(start(train_words(root, "whole", env, *options), events=tmp_path / "events")) == 0
    moments = random.Random(f"{env} {options}")
    events = int((tmp_path / "events").read_text())
    words = train_words(root, "killed", env, *options)
    for _ in range(kills):
        assert ended(start(words, kill_at=moments.randint(4, events // 2))) in (-signal.SIGKILL, 0)
        words = ["resume", str(root / "killed"), "--quiet"]
        if Run(root / "killed").status == "finished":
            break
    else:
        assert Run(root / "killed").status == "killed"
        assert ended(start(words)) == 0
    assert_same_run(root / "whole", root / "killed")


def test_kill_9_at_random_times(root: Path) -> None:
    assert ended(start(train_words(root, "whole"))) == 0
    moments = random.Random(20)
    words, log = train_words(root, "killed"), root / "killed" / "metrics.jsonl"
    for _ in range(4):
        process = start(words)
        lines = moments.randint(1, 25)
        wait_for(lambda lines=lines: lines_of(log) >= lines, process)
        time.sleep(moments.random() / 50)
        process.kill()
        assert ended(process) in (-signal.SIGKILL, 0)
        words = ["resume", str(root / "killed"), "--quiet"]
    if Run(root / "killed").status != "finished":
        assert ended(start(words)) == 0
    assert_same_run(root / "whole", root / "killed")


def test_a_run_that_is_killed_before_its_first_checkpoint_starts_anew(root: Path, capsys: Captured) -> None:
    assert train(root, "whole") == 0
    with at_metric_line(2, press_ctrl_c_twice):
        assert train(root, "stopped") == 130
    assert "there was no checkpoint yet, so it would start anew" in capsys.readouterr().err
    assert check_points(root / "stopped") == []
    assert resume(root, "stopped") == 0
    assert "there is no checkpoint yet: starting anew, with the same seed" in capsys.readouterr().err
    assert_same_run(root / "whole", root / "stopped")


@pytest.mark.parametrize("moment", ["save", "mark_best"])
def test_a_kill_around_the_best_checkpoint_keeps_the_best(root: Path, moment: str) -> None:
    """Between its own writing and that of BEST, the best one is known only to itself."""
    solves = ("--set", "learning_rate=0.003")
    assert train(root, "whole", "CartPole-v1", *solves) == 0
    for count in (1, 2):
        name, calls = f"stopped-{count}", 0
        original = getattr(Checkpoints, moment)

        def dies(self: Checkpoints, *args: object, original=original, count=count) -> object:
            nonlocal calls
            calls += 1
            if calls == count:
                raise KeyboardInterrupt
            return original(self, *args)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Checkpoints, moment, dies)
            assert train(root, name, "CartPole-v1", *solves) == 130
        assert resume(root, name) == 0
        assert_same_run(root / "whole", root / name)


def test_the_end_of_a_solved_run_can_be_resumed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training stops for good where it was solved, also if nobody was there to write that down."""
    config = train_words(root, "whole")[2]
    Path(config).write_text(
        Path(config).read_text().replace("early_stop = false", "early_stop = true\nthreshold = 15.0")
    )
    words = ["train-agent", "--config", config, "--out", str(root), "--quiet", "--name"]
    assert main([*words, "whole"]) == 0
    whole = left_behind(root / "whole")
    assert whole["result"]["solved"] is True
    assert whole["result"]["steps"] < 1536

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "mark_best", lambda *_: stop_at_once())
        assert main([*words, "stopped"]) == 130
    assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", root / "stopped")

    with monkeypatch.context() as patch:
        patch.setattr("agents.training.finish", lambda *_: stop_at_once())
        assert main([*words, "ended"]) == 130
    assert Run(root / "ended").status == "interrupted"
    assert resume(root, "ended") == 0
    assert_same_run(root / "whole", root / "ended")


def stop_at_once() -> None:
    raise KeyboardInterrupt


def test_a_kill_during_the_last_evaluation_costs_only_that(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train(root, "whole") == 0
    with monkeypatch.context() as patch:
        patch.setattr("agents.training.final_evaluation", lambda *_: stop_at_once())
        assert train(root, "stopped") == 130
    assert Run(root / "stopped").status == "interrupted"
    trained: list[int] = []
    monkeypatch.setattr(AgentSession, "after_update", lambda *_: trained.append(1))
    assert resume(root, "stopped") == 0
    assert trained == []
    assert_same_run(root / "whole", root / "stopped")


def test_an_environment_that_cannot_be_restored_says_what_restarts(root: Path, capsys: Captured) -> None:
    with at_metric_line(7, press_ctrl_c):
        assert train(root, "stopped", "Tiny/Noisy-v0") == 130
    capsys.readouterr()
    assert resume(root, "stopped") == 0
    assert (
        "note: environment 3 (Tiny/Noisy-v0) starts a new episode: its replayed episode went another way; "
        "from here on the run differs from an uninterrupted one" in capsys.readouterr().err
    )
