"""Small runs for tests: train, stop, resume and kill them, and compare what they leave behind."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sandbox.__main__ import main
from sandbox.core.metrics import MetricsWriter, read_metrics
from sandbox.core.run import Run

CONFIG = """
env = "{env}"
train_env = "{env}"
steps = 1536
envs = 4
eval_every = 256
eval_episodes = 2
early_stop = false
checkpoint_every = 256
keep_checkpoints = 99
[settings]
n_steps = 16
batch_size = 32
n_epochs = 2
net_arch = [8]
learning_rate = "lin_3e-3"
"""
"""24 updates of 64 steps, a checkpoint after every fourth"""

DQN_CONFIG = """
env = "{env}"
train_env = "{env}"
algo = "dqn"
steps = 768
envs = 4
eval_every = 128
eval_episodes = 2
early_stop = false
checkpoint_every = 128
keep_checkpoints = 99
[settings]
buffer_size = 300
learning_starts = 100
batch_size = 16
train_freq = 8
target_update_interval = 50
net_arch = [8]
learning_rate = "lin_3e-3"
"""
"""84 updates, a checkpoint every 128 steps; the buffer is full before half of the steps are taken"""

SLOW = ("--set", "n_epochs=40")
"""options for a run that takes seconds, so that there is time to send it a signal"""

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["agents.training", "agents.runs", "agents.commands", "generative.training", "sandbox.__main__"]
)


def train(root: Path, name: str, env: str = "CartPole-v1", *options: str) -> int:
    """Train a small run `root/name` in this process; returns the exit code."""
    return main(train_words(root, name, env, *options))


def train_words(root: Path, name: str, env: str = "CartPole-v1", *options: str) -> list[str]:
    """The command line of `train`."""
    dqn = ("--algo", "dqn") in pairwise(options)
    config = root.parent / f"{root.name}-{env.replace('/', '-').replace(':', '-')}.toml"
    config.write_text((DQN_CONFIG if dqn else CONFIG).format(env=env))
    return ["train-agent", "--config", str(config), "--out", str(root), "--name", name, "--quiet", *options]


def resume(root: Path, name: str, *options: str) -> int:
    """Resume the run `root/name` in this process; returns the exit code."""
    return main(["resume", str(root / name), "--quiet", *options])


def left_behind(run: Path) -> dict[str, Any]:
    """All that must not depend on interruptions: metrics without times, result, the bytes of checkpoints."""
    info = Run(run).info
    return {
        "metrics": [
            {key: str(value) for key, value in line.items() if not key.startswith("time/")}
            for line in read_metrics(run / "metrics.jsonl")
        ],
        "result": {key: info.get(key) for key in ("status", "steps", "best", "solved", "evaluation")},
        "best": (run / "BEST").read_text() if (run / "BEST").exists() else None,
        "checkpoints": {folder.name: bytes_in(folder) for folder in (run / "checkpoints").iterdir()},
    }


def bytes_in(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in `folder`."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def assert_same_run(one: Path, other: Path) -> None:
    """`other`, which may have been stopped, left behind what `one` did.

    It may have more checkpoints, of the moments when it was stopped.
    """
    first, second = left_behind(one), left_behind(other)
    for name, files in first.pop("checkpoints").items():
        assert second["checkpoints"].get(name) == files, name
    del second["checkpoints"]
    assert first == second


def check_points(run: Path) -> list[str]:
    """Names of the checkpoints, the oldest first."""
    return sorted(folder.name for folder in (run / "checkpoints").glob("step-*"))


@contextmanager
def at_metric_line(count: int, action: Callable[[], object]) -> Iterator[None]:
    """Call `action` after the line number `count`, counted from now, was written to some metrics.jsonl."""
    written = 0
    original = MetricsWriter.write

    def write(self: MetricsWriter, step: int, values: Any) -> None:
        nonlocal written
        original(self, step, values)
        written += 1
        if written == count:
            action()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MetricsWriter, "write", write)
        yield


def press_ctrl_c() -> None:
    """What the terminal does: a signal, which asks to finish the update and save."""
    signal.raise_signal(signal.SIGINT)


def press_ctrl_c_twice() -> None:
    press_ctrl_c()
    press_ctrl_c()


def quick_ends(patch: pytest.MonkeyPatch) -> None:
    """Make the last evaluation short, and draw no curve."""
    for module in ("session", "training"):
        patch.setattr(f"agents.{module}.CONFIRM_EPISODES", 4)
    patch.setattr("sandbox.ui.plots.learning_curve", lambda *_, **__: None)


def error_of(capsys: pytest.CaptureFixture[str], words: list[str], code: int) -> str:
    """Run a command that fails with `code`; its error, which is one line, without a traceback."""
    capsys.readouterr()
    assert main(words) == code
    err = capsys.readouterr().err
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, err
    return lines[0].removeprefix("error: ")


# Other processes


def start(words: list[str], kill_at: int | None = None, events: Path | None = None) -> Any:
    """Run a command line in a process of its own, which has torch loaded already.

    Args:
        words: what comes after `python -m sandbox`.
        kill_at: the process sends itself SIGKILL at this change of a file or line of metrics, from 1.
        events: file for the number of such events.
    """
    process = PROCESSES.Process(target=_serve, args=(words, kill_at, events))
    process.start()
    return process


def ended(process: Any) -> int:
    """Wait for the process; its exit code, negative for a signal."""
    process.join(120)
    assert process.exitcode is not None
    return process.exitcode


def wait_for(condition: Callable[[], bool], process: Any) -> None:
    """Wait until `condition` holds, or the process has ended."""
    while not condition() and process.is_alive():
        time.sleep(0.002)


def lines_of(path: Path) -> int:
    """Number of whole lines in a file that may not be there yet."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _serve(words: list[str], kill_at: int | None, events: Path | None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        quick_ends(patch)
        counter = _Counter(kill_at)
        counter.listen(patch)
        code = main(words)
    if events is not None:
        events.write_text(str(counter.count))
    sys.exit(code)


class _Counter:
    """Counts what happens to files, and kills the process at a chosen moment."""

    watched = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "shutil.rmtree")

    def __init__(self, kill_at: int | None) -> None:
        self.count, self.kill_at, self.process = 0, kill_at, os.getpid()

    def listen(self, patch: pytest.MonkeyPatch) -> None:
        original = MetricsWriter.write

        def write(writer: MetricsWriter, step: int, values: Any) -> None:
            self.tick()
            original(writer, step, values)

        patch.setattr(MetricsWriter, "write", write)
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in self.watched or (event == "open" and ".writing-" in str(arguments[0])):
            self.tick()

    def tick(self) -> None:
        if os.getpid() != self.process:  # a worker process
            return
        self.count += 1
        if self.count == self.kill_at:
            os.kill(self.process, signal.SIGKILL)
