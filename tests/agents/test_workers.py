"""Environments in worker processes: the same steps as in one process, and orderly ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.simulators import as_simulator
from agents.simulators.workers import WorkerError, Workers

FAULTY = "Tiny/Faulty-v0"


@pytest.mark.parametrize("workers", [1, 2, 5, 99])
@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1", "FrozenLake-v1"])
def test_any_number_of_processes_gives_the_steps_of_one(name: str, workers: int) -> None:
    with closing(as_simulator(name, 5, vec="async", seed=1, workers=workers)) as many:
        one = as_simulator(name, 5, seed=1)
        np.testing.assert_array_equal(many.reset(), one.reset())
        many.action_space.seed(0)
        for _ in range(250):
            actions = np.array([many.action_space.sample() for _ in range(5)])
            left, right = many.step(actions), one.step(actions)
            ended = left.terminated | left.truncated
            for field in ("observation", "reward", "terminated", "truncated"):
                np.testing.assert_array_equal(getattr(left, field), getattr(right, field))
            assert left.infos == right.infos
            if ended.any():
                assert isinstance(left.final_observation, np.ndarray)
                assert isinstance(right.final_observation, np.ndarray)
                np.testing.assert_array_equal(left.final_observation[ended], right.final_observation[ended])


@pytest.mark.parametrize(
    ("fault", "words"), [("raise", "ZeroDivisionError: the wall"), ("unpicklable", "ValueError")]
)
def test_an_exception_in_a_worker_names_the_environment(fault: str, words: str) -> None:
    with closing(as_simulator(FAULTY, 4, vec="async", env_kwargs={"fault": fault}, workers=2)) as simulator:
        simulator.reset(seed=0)
        simulator.step(np.array([0, 0, 0, 1]))
        with pytest.raises(WorkerError, match=rf"environment 3 \({FAULTY}\) failed.*{words}") as caught:
            simulator.step(np.array([0, 0, 0, 1]))
        assert "\n" not in caught.value.message
        assert "conftest.py" in caught.value.data["traceback"]
        simulator.reset(seed=0)  # the others, and this one, can go on
        assert not simulator.step(np.array([1, 0, 0, 0])).terminated.any()


def test_a_worker_that_dies_is_named_with_its_exit_code() -> None:
    with closing(as_simulator(FAULTY, 4, vec="async", env_kwargs={"fault": "exit"}, workers=2)) as simulator:
        simulator.reset(seed=0)
        simulator.step(np.array([0, 0, 0, 1]))
        with pytest.raises(WorkerError, match=r"environments 2 to 3 .* died with exit code 3"):
            simulator.step(np.array([0, 0, 0, 1]))


def test_a_worker_that_is_killed_is_named_with_the_signal() -> None:
    with closing(as_simulator("CartPole-v1", 4, vec="async", workers=2)) as simulator:
        assert isinstance(simulator, Workers)
        simulator.reset(seed=0)
        os.kill(simulator._processes[0].pid, signal.SIGKILL)
        with pytest.raises(WorkerError, match=r"environments 0 to 1 .* died by signal 9"):
            simulator.step(np.zeros(4, int))


def test_an_environment_that_cannot_be_built_in_a_worker_is_reported() -> None:
    import gymnasium as gym

    built = []

    def make_once() -> Any:
        built.append(1)
        if os.getpid() != parent:
            raise RuntimeError("no licence left")
        return gym.make("CartPole-v1")

    parent = os.getpid()
    with pytest.raises(WorkerError, match="no licence left"):
        Workers([make_once] * 2, 2)


def test_after_closing_every_use_is_refused_and_closing_again_is_fine() -> None:
    simulator = as_simulator("CartPole-v1", 2, vec="async")
    assert isinstance(simulator, Workers)
    simulator.reset(seed=0)
    simulator.close()
    simulator.close()
    assert not any(process.is_alive() for process in simulator._processes)
    with pytest.raises(WorkerError, match="closed"):
        simulator.step(np.zeros(2, int))


def test_a_call_that_was_broken_off_leaves_no_stale_answer() -> None:
    with closing(as_simulator("Tiny/Corridor-v0", 2, vec="async", workers=2)) as simulator:
        assert isinstance(simulator, Workers)
        simulator.reset(seed=0)
        whole, simulator._collect = simulator._collect, _interrupted
        with pytest.raises(KeyboardInterrupt):
            simulator.step(np.array([1, 1]))
        simulator._collect = whole
        assert simulator.step(np.array([1, 0])).reward.tolist() == [2, 1]  # both steps were taken, once each


def _interrupted(workers: Any) -> Any:
    if workers:
        raise KeyboardInterrupt
    return []


SCRIPT = """
import signal, sys, time
import numpy as np
from agents.simulators import as_simulator

if __name__ == "__main__":
    if "own" in sys.argv:
        stopped = []
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, lambda *_: stopped.append(1))
    simulator = as_simulator("CartPole-v1", 4, vec="async", workers=3)
    simulator.reset(seed=0)
    print(*[process.pid for process in simulator._processes], flush=True)
    if "leave" in sys.argv:
        sys.exit()
    if "crash" in sys.argv:
        raise ValueError
    if "own" in sys.argv:
        while len(stopped) < 2:
            simulator.step(np.zeros(4, int))
        for _ in range(50):
            simulator.step(np.zeros(4, int))
        print(simulator.state_dict() is not None, flush=True)
        simulator.close()
        print("closed", flush=True)
    else:
        while True:
            simulator.step(np.zeros(4, int))
"""


def start(tmp_path: Path, *words: str) -> tuple[subprocess.Popen[str], list[int]]:
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    process = subprocess.Popen(
        [sys.executable, str(script), *words],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    return process, [int(pid) for pid in process.stdout.readline().split()]


def gone(pids: list[int]) -> bool:
    """Wait until none of the processes is left."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if not any(_alive(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # a zombie waits only to be counted by whoever inherits it


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


@needs_proc
def test_ctrl_c_and_sigterm_to_the_whole_group_leave_the_workers_to_the_parent(tmp_path: Path) -> None:
    process, pids = start(tmp_path, "own")
    os.killpg(process.pid, signal.SIGINT)
    os.killpg(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert out.split() == ["True", "closed"]
    assert err == ""
    assert gone(pids)


@needs_proc
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_survives_its_parent(tmp_path: Path, signum: int) -> None:
    process, pids = start(tmp_path)
    assert len(pids) == 3
    process.send_signal(signum)
    _, err = process.communicate(timeout=60)
    assert gone(pids)
    assert err == ""


@needs_proc
@pytest.mark.parametrize("word", ["leave", "crash"])
def test_a_parent_that_forgets_to_close_does_not_hang(tmp_path: Path, word: str) -> None:
    process, pids = start(tmp_path, word)
    _, err = process.communicate(timeout=60)
    assert err.count("Traceback") == (word == "crash")
    assert gone(pids)


@needs_proc
def test_ctrl_c_without_a_handler_ends_parent_and_workers(tmp_path: Path) -> None:
    process, pids = start(tmp_path)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert err.count("KeyboardInterrupt") == 1
    assert gone(pids)
