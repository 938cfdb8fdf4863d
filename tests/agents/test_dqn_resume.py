"""A run of DQN that is stopped and resumed ends with the same bits, as long as what it remembered is kept."""

from __future__ import annotations

import random
import shutil
import signal
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

import sandbox.nn.checkpoint
from agents import DQN
from sandbox import load_run
from sandbox.core.run import Run
from sandbox.nn.state_files import load_state, save_state
from tests.agents.run_folders import (
    assert_same_run,
    at_metric_line,
    bytes_in,
    check_points,
    ended,
    press_ctrl_c,
    press_ctrl_c_twice,
    resume,
    start,
    train,
    train_words,
)
from tests.agents.tasks import same_weights, small_dqn

Captured = pytest.CaptureFixture[str]
ALGO = ("--algo", "dqn")
RAINBOW = (*ALGO, "--set", "preset=rainbow")
NOISY = (*ALGO, "--set", "noisy=true", "--set", "distributional=true", "--set", "n_quantiles=5")
STACKED = ("--wrap", "mask_velocity", "--wrap", "frame_stack:3", "--set", "n_step=2")
NORMALISED = ("--set", "normalize_observation=true")

pytestmark = pytest.mark.usefixtures("short_evaluations")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def remembered(run: Path) -> dict[str, dict[str, str]]:
    """The buffers that a run folder keeps: name of the checkpoint, and the bytes."""
    return {folder.name: bytes_in(folder) for folder in (run / "bulk").iterdir()}


def stopped_at(root: Path, name: str, line: int, *options: str) -> Path:
    with at_metric_line(line, press_ctrl_c):
        assert train(root, name, "Sandbox/CartPole-v0", *options) == 130
    return root / name


@pytest.mark.parametrize(
    ("env", "options"),
    [
        ("CartPole-v1", ALGO),
        ("Sandbox/CartPole-v0", RAINBOW),
        ("Sandbox/CartPole-v0", NOISY),
        ("Sandbox/CartPole-v0", (*RAINBOW, *STACKED)),
        ("CartPole-v1", (*ALGO, *STACKED, *NORMALISED)),
        ("CartPole-v1", (*RAINBOW, "--vec", "async")),
        ("Acrobot-v1", (*NOISY, *NORMALISED, "--set", "preset=rainbow")),
        ("Sandbox/CartPole-v0", (*ALGO, "--set", "tau=0.1", "--set", "gradient_steps=-1", "--envs", "3")),
        ("Pendulum-v1", (*ALGO, "--wrap", "discretize:3")),
        ("Tiny/Corridor-v0", (*RAINBOW, "--env-arg", "kind=dict", "--policy", "MultiInputPolicy")),
        ("LunarLander-v3", (*RAINBOW, *NORMALISED)),
    ],
    ids=str,
)
def test_stopped_twice_and_resumed_is_never_stopped(root: Path, env: str, options: tuple[str, ...]) -> None:
    if env.startswith("LunarLander"):
        pytest.importorskip("Box2D", reason="LunarLander needs the extra [box2d]")
    line = (
        2 if env in ("Acrobot-v1", "Pendulum-v1", "LunarLander-v3") else 5
    )  # of long episodes the log says little
    assert train(root, "whole", env, *options) == 0
    for run in (train, resume):
        arguments = (env, *options) if run is train else ()
        with at_metric_line(line, press_ctrl_c):
            assert run(root, "stopped", *arguments) == 130
    assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", root / "stopped")
    assert remembered(root / "stopped") == remembered(root / "whole")


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize(
    "options", [{}, {"preset": "rainbow", "distributional": True, "noisy": True}], ids=str
)
def test_an_agent_goes_on_where_another_one_was(
    mode: AutoresetMode, options: dict[str, Any], tmp_path: Path
) -> None:
    """Also where a reset takes a step of its own."""

    def agent() -> DQN:
        batch = gym.make_vec("Sandbox/CartPole-v0", 4, autoreset_mode=mode)
        return small_dqn(batch, **options)

    first = agent().learn(300)
    save_state(tmp_path / "state", first.training_state())
    first.learn(200, reset_num_timesteps=False)
    second = agent()
    assert second.load_training_state(load_state(tmp_path / "state")) == []
    second.learn(200, reset_num_timesteps=False)
    assert same_weights(first, second)
    assert (first.num_timesteps, first._n_updates) == (second.num_timesteps, second._n_updates)


@settings(max_examples=5, derandomize=True)
@given(
    envs=st.integers(1, 5),
    train_freq=st.integers(1, 30),
    checkpoint_every=st.sampled_from([40, 64, 111, 10_000]),
    n_step=st.integers(1, 4),
    prioritized=st.booleans(),
    lines=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    kill=st.booleans(),
)
def test_any_loop_may_be_stopped_anywhere(
    tmp_path_factory: pytest.TempPathFactory,
    envs: int,
    train_freq: int,
    checkpoint_every: int,
    n_step: int,
    prioritized: bool,
    lines: list[int],
    kill: bool,
) -> None:
    """Both kinds of stop: after the update, with a new checkpoint, or at once, back to the last one."""
    root, env = tmp_path_factory.mktemp("loop") / "runs", "Sandbox/CartPole-v0"
    options = [*ALGO, "--envs", str(envs), "--steps", "300", "--checkpoint-every", str(checkpoint_every)]
    for name, value in {"train_freq": train_freq, "n_step": n_step, "prioritized": prioritized}.items():
        options += ["--set", f"{name}={str(value).lower()}"]
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
    assert remembered(root / "stopped") == remembered(root / "whole")


# Where the buffer lies


def test_only_the_newest_checkpoint_has_its_buffer(root: Path) -> None:
    assert train(root, "whole", "CartPole-v1", *ALGO) == 0
    names = check_points(root / "whole")
    assert len(names) > 4
    assert list(remembered(root / "whole")) == [names[-1]]
    sizes = {
        name: sum(file.stat().st_size for file in (root / "whole" / "checkpoints" / name).iterdir())
        for name in names
    }
    # Their states hold no transitions, whose number grows: they are as large at the end as at the start.
    assert max(sizes.values()) - min(sizes.values()) < 1_000


def test_a_run_that_is_finished_can_be_loaded_without_its_buffer(root: Path) -> None:
    assert train(root, "whole", "CartPole-v1", *RAINBOW) == 0
    shutil.rmtree(root / "whole" / "bulk")
    agent = load_run(str(root / "whole"), checkpoint="last")
    assert isinstance(agent, DQN)
    assert agent.num_timesteps == 768


def test_the_greedy_agent_of_a_run_is_what_predict_asks(root: Path) -> None:
    """A trained agent explores as little as it did in the end, not as much as at the start."""
    assert train(root, "whole", "CartPole-v1", *ALGO, "--set", "exploration_final_eps=0") == 0
    agent = load_run(str(root / "whole"), checkpoint="last")
    batch = agent.observation_space.sample()[None].repeat(200, 0)
    assert len(set(agent.predict(batch)[0].tolist())) == 1


def test_a_buffer_may_be_left_out_and_what_that_costs_is_said(root: Path, capsys: Captured) -> None:
    stopped = stopped_at(root, "stopped", 12, *ALGO, "--no-checkpoint-replay")
    assert not (stopped / "bulk").exists()
    capsys.readouterr()
    assert resume(root, "stopped") == 0
    said = capsys.readouterr().err
    assert (
        "note: the replay buffer was not kept: it starts anew, and learning goes on in 100 steps; "
        "from here on the run differs from an uninterrupted one" in said
    )
    info = Run(stopped).info
    assert (info["status"], info["steps"]) == ("finished", 768)


@pytest.mark.parametrize(
    ("file", "harm"),
    [("tensors.safetensors", "flipped"), ("tensors.safetensors", "missing"), ("state.json", "cut")],
)
def test_a_damaged_buffer_is_a_warning_and_begins_anew(
    root: Path, capsys: Captured, file: str, harm: str
) -> None:
    stopped = stopped_at(root, "stopped", 12, *ALGO)
    (name,) = remembered(stopped)
    path = stopped / "bulk" / name / file
    content = bytearray(path.read_bytes())
    if harm == "missing":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    capsys.readouterr()
    assert resume(root, "stopped") == 0
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "warning: " in said
    assert f"bulk/{name}" in said
    assert "the replay buffer is damaged: it starts anew, and learning goes on in 100 steps" in said
    assert Run(stopped).status == "finished"


def test_an_older_checkpoint_to_fall_back_on_has_no_buffer(root: Path, capsys: Captured) -> None:
    stopped = stopped_at(root, "stopped", 12, *ALGO)
    newest = check_points(stopped)[-1]
    (stopped / "checkpoints" / newest / "tensors.safetensors").write_bytes(b"")
    capsys.readouterr()
    assert resume(root, "stopped") == 0
    assert "the replay buffer was not kept" in capsys.readouterr().err
    assert list(remembered(stopped)) == ["step-000000000768"]


# Killed


@pytest.mark.parametrize("count", [3, 4])
def test_a_kill_between_the_buffer_and_its_checkpoint_harms_neither(root: Path, count: int) -> None:
    """Each checkpoint is two folders, and the old buffer goes last."""
    options = (*ALGO, "--eval-every", "0")
    assert train(root, "whole", "CartPole-v1", *options) == 0
    calls, original = 0, sandbox.nn.checkpoint.save_state

    def dies(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == count:
            raise KeyboardInterrupt
        original(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox.nn.checkpoint, "save_state", dies)
        assert train(root, "stopped", "CartPole-v1", *options) == 130
    assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", root / "stopped")
    assert remembered(root / "stopped") == remembered(root / "whole")


@pytest.mark.parametrize("options", [ALGO, RAINBOW], ids=str)
def test_kill_9_between_any_two_changes_of_a_file(
    root: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    words = train_words(root, "whole", "Sandbox/CartPole-v0", *options, "--keep-checkpoints", "3")
    assert ended(start(words, events=tmp_path / "events")) == 0
    moments = random.Random(str(options))
    events = int((tmp_path / "events").read_text())
    words = ["killed" if word == "whole" else word for word in words]
    for _ in range(4):
        assert ended(start(words, kill_at=moments.randint(4, events // 2))) in (-signal.SIGKILL, 0)
        words = ["resume", str(root / "killed"), "--quiet"]
        if Run(root / "killed").status == "finished":
            break
    else:
        assert ended(start(words)) == 0
    assert_same_run(root / "whole", root / "killed")
    assert remembered(root / "killed") == remembered(root / "whole")


def test_a_run_that_goes_back_forgets_what_it_did_since(root: Path) -> None:
    """Stopped at once, it goes on from the last checkpoint, and remembers no more than was known there."""
    assert train(root, "whole", "CartPole-v1", *RAINBOW) == 0
    with at_metric_line(14, press_ctrl_c_twice):
        assert train(root, "stopped", "CartPole-v1", *RAINBOW) == 130
    assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", root / "stopped")
    assert remembered(root / "stopped") == remembered(root / "whole")
