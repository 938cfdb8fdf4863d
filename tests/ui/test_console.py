"""The console: people read stdout and stderr, scripts read one JSON object."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from sandbox.ui import progress as progress_module
from sandbox.ui.console import Console, plain_table


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def become_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make stdout and stderr one terminal of 100 columns."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    return stream


def test_people_read_stdout_and_remarks_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.print("steps", 3, "[bold]")
    console.note("careful")
    console.emit({"a": 1})
    assert capsys.readouterr() == ("steps 3 [bold]\n", "careful\n")


def test_scripts_read_one_json_object_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(json=True)
    console.print("not for scripts")
    console.table(["a"], [[1]])
    console.note("careful")
    console.emit({"mean": np.float32(0.5), "std": float("nan")})
    out, err = capsys.readouterr()
    assert json.loads(out) == {"mean": 0.5, "std": None}
    assert err == "careful\n"


def test_a_plain_table_is_aligned_with_numbers_to_the_right() -> None:
    text = plain_table(["name", "steps"], [["ppo", "12,288"], ["dqn long", "–"]])
    assert text == "name       steps\nppo       12,288\ndqn long       –"


def test_a_table_shows_none_as_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    Console().table(["name", "best"], [["ppo", None]], title="runs")
    assert capsys.readouterr().out == "runs\nname  best\nppo      –\n"


def test_on_a_terminal_a_table_is_drawn_and_brackets_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = become_terminal(monkeypatch)
    Console().table(["name", "best"], [["[red]ppo", 475.5]], title="runs")
    assert "[red]ppo" in terminal.getvalue()
    assert "─" in terminal.getvalue()


def test_elsewhere_progress_is_a_plain_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: clock[0])
    with Console(json=True).progress(total=1000, description="training") as progress:
        for done in range(0, 1001, 100):
            progress.update(done, episode_return=done / 3, note="ok")
            clock[0] += 1.0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "training: 500/1,000 steps (50%) · 100/s · episode return 166.7 · note ok",
        "training: 1,000/1,000 steps (100%) · 100/s · episode return 333.3 · note ok",
    ]


def test_quiet_means_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = become_terminal(monkeypatch)
    with Console(quiet=True).progress(total=10, description="training") as progress:
        progress.update(10)
    assert terminal.getvalue() == ""


def test_on_a_terminal_progress_is_one_live_line_and_remarks_stand_above_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = become_terminal(monkeypatch)
    console = Console()
    with console.progress(total=100, description="training [fast]") as progress:
        progress.update(100, loss=0.25)
        console.note("saving [now]")
    assert console.live is None
    text = terminal.getvalue()
    assert "training [fast]" in text
    assert "100/100 steps (100%)" in text
    assert "loss 0.25" in text
    assert "saving [now]" in text


def test_an_empty_task_is_no_division_by_zero(capsys: pytest.CaptureFixture[str]) -> None:
    with Console().progress(total=0, description="nothing") as progress:
        progress.update(0)
    assert "0/0 steps" in capsys.readouterr().err


def test_a_reader_that_goes_away_does_not_stop_the_work() -> None:
    code = "\n".join(
        [
            "import os, sys",
            "from sandbox.ui.console import Console",
            "console = Console()",
            "sys.stdin.readline()",  # Until then the reader has gone.
            "for number in range(1000): console.print('x' * 1000)",
            "console.note('done')",
        ]
    )
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    os.close(reader)
    _, err = process.communicate("\n")
    assert (process.returncode, err) == (0, "done\n")


@pytest.mark.parametrize(
    ("per_second", "shown"),
    [(31_000, "31,000/s"), (12.4, "12/s"), (2.44, "2.4/s"), (0.5, "2 s each"), (0.004, "250 s each")],
)
def test_slow_work_is_never_shown_as_standing_still(
    per_second: float, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    times = iter([0.0, 0.0, 1000.0, 1000.0])
    monkeypatch.setattr("sandbox.ui.progress.time.monotonic", lambda: next(times))
    with Console().progress(10**9, "work") as progress:
        progress.update(0)
        progress.update(round(1000 * per_second))
    assert f" · {shown}\n" in capsys.readouterr().err
