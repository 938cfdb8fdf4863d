"""The tree of errors decides the exit codes."""

from __future__ import annotations

import signal

import pytest

from sandbox.core import errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.SandboxError("x"), 1),
        (errors.ConfigError("x"), 2),
        (errors.UnknownName("command", "x", ["y"]), 2),
        (errors.UnsupportedSpace("x"), 2),
        (errors.MissingExtra("LunarLander-v3", "box2d"), 3),
        (errors.RunNotFound("x"), 4),
        (errors.EnvironmentNotFound("x"), 4),
        (errors.RunBroken("x"), 4),
        (errors.CheckpointBroken("x"), 4),
        (errors.Diverged("x"), 5),
        (errors.GateFailed("x"), 6),
        (errors.RunLocked("x"), 7),
        (errors.NoDevice("x"), 7),
        (errors.Interrupted("x"), 130),
        (errors.Interrupted("x", signum=signal.SIGTERM), 143),
    ],
)
def test_each_error_has_its_exit_code(error: errors.SandboxError, code: int) -> None:
    assert error.exit_code == code


def test_a_missing_extra_gives_the_command_that_installs_it() -> None:
    error = errors.MissingExtra("LunarLander-v3", "box2d")
    assert error.message == "LunarLander-v3 needs the extra [box2d], which is not installed"
    assert "pip install 'rl-sandbox[box2d]'" in (error.hint or "")


def test_as_text_an_error_carries_its_hint() -> None:
    known = errors.RunNotFound("no run", hint="python -m sandbox runs")
    assert str(known) == "no run (try: python -m sandbox runs)"
    assert str(errors.UsageError("no size", hint="leave it out")) == "no size (leave it out)"
