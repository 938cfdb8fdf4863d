"""What runs inside a worker process: it serves a block of environments over a pipe."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

import gymnasium as gym
import numpy as np

from .shared_arrays import SharedBatch
from .singles import Singles

_GRACE_S = 5.0
"""Time that a worker has to leave by itself after its parent has died."""


@dataclass
class Failure:
    """An exception, as text: what was raised in the worker may not survive pickling."""

    index: int
    """Number of the environment, in the whole batch."""
    kind: str
    """Name of the exception's class."""
    summary: str
    traceback: str


def serve(
    pipe: Connection,
    inherited: list[Connection],
    makers: list[Callable[[], gym.Env[Any, Any]]],
    first: int,
    batch: SharedBatch,
) -> None:
    """Build environments number `first` onwards and answer until "close", or until the parent is gone.

    `inherited` are the parent's ends of pipes, of which this process must not keep copies.
    """
    _ignore_signals()
    for parents_end in inherited:
        parents_end.close()
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    block: _Block | None = None
    with suppress(EOFError, OSError, KeyboardInterrupt):  # the parent is gone
        while True:
            command, arguments = pipe.recv()
            if command == "close":
                break
            try:
                if block is None:
                    block = _Block(makers, first, batch)
                answer = getattr(block, command)(*arguments)
            except Exception as error:  # noqa: BLE001 - whatever it is, the parent reports it
                answer = _failure(error, first if block is None else block.index())
            _send(pipe, answer, first)
    if block is not None:
        block.singles.close()


class _Block:
    """The commands that a worker understands."""

    def __init__(self, makers: list[Callable[[], gym.Env[Any, Any]]], first: int, batch: SharedBatch) -> None:
        self.first = first
        self.arrays = batch.arrays(first, first + len(makers))
        self.singles = Singles(
            [maker() for maker in makers],
            buffers=self.arrays.observations,
            final=self.arrays.final,
            first_index=first,
        )

    def index(self) -> int:
        return self.first + self.singles.current

    def ready(self) -> None:
        pass

    def reset(self, slot: int, seed: int | None, options: dict[str, Any] | None) -> None:
        self.singles.write_next_to(slot)
        self.singles.reset(seed, options)

    def step(self, slot: int) -> list[dict[str, Any]]:
        self.singles.write_next_to(slot)
        step = self.singles.step(self.arrays.actions)
        self.arrays.reward[...] = step.reward
        self.arrays.terminated[...] = step.terminated
        self.arrays.truncated[...] = step.truncated
        return step.infos

    def state_dict(self) -> dict[str, Any] | None:
        return self.singles.state_dict()

    def load_state_dict(self, slot: int, state: dict[str, Any]) -> tuple[list[str], np.ndarray | None]:
        self.singles.write_next_to(slot)
        return self.singles.load_state_dict(state), self.singles.restarted

    def get_attr(self, one: int, name: str) -> Any:
        return self.singles.get_attr(name, one)

    def set_attr(self, one: int, name: str, value: Any) -> None:
        self.singles.set_attr(name, value, one)

    def env_method(self, one: int, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.singles.env_method(name, one, *args, **kwargs)

    def stack_depth(self) -> int:
        return self.singles.stack_depth

    def render(self) -> Any:
        return self.singles.render()


def _send(pipe: Connection, answer: Any, index: int) -> None:
    try:
        pipe.send(answer)
    except (EOFError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - pickling can raise anything
        pipe.send(_failure(error, index))


def _failure(error: Exception, index: int) -> Failure:
    summary = f"{type(error).__name__}: {error}".splitlines()[0]
    return Failure(index, type(error).__name__, summary, "".join(traceback.format_exception(error)))


def _ignore_signals() -> None:
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})


def _leave_with_parent() -> None:
    """End the process some seconds after its parent, even in the midst of an endless step."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        time.sleep(_GRACE_S)
        os._exit(1)
