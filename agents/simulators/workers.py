"""Single environments in worker processes, as a `Simulator`: for simulators that are slow.

Each worker steps a block of environments with `Singles`. Actions, observations, rewards and flags lie in
shared memory, so that a step costs each worker one short message and its answer.
"""

from __future__ import annotations

import atexit
import multiprocessing
import multiprocessing.util
import signal
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

import gymnasium as gym
import numpy as np

from sandbox.core.errors import SandboxError
from sandbox.core.machine import usable_cpus

from .arrays import Observation, check_spaces
from .shared_arrays import SharedBatch
from .simulator import Simulator, Step
from .singles import has_monitor, saved_environments
from .worker import Failure, serve

_CLOSE_TIMEOUT_S = 5.0
_open: weakref.WeakSet[Workers] = weakref.WeakSet()


class WorkerError(SandboxError):
    """An environment in a worker process raised, or the process died; `data["traceback"]` says where."""

    kind: str = ""
    """Name of the exception's class."""


class Workers(Simulator):
    """`Singles` spread over processes: same seeds, same steps, same saved states.

    Workers ignore SIGINT and SIGTERM, which reach the whole process group: the parent alone decides whether
    to finish an update and save before it closes them. When the parent is gone, however it went, they exit.

    Args:
        makers: functions that build one environment each.
        workers: number of processes (default: one a core), at most one an environment.

    Raises:
        WorkerError: a worker cannot build its environments.
        UnsupportedSpace: the spaces are not made of arrays.
    """

    def __init__(self, makers: Sequence[Callable[[], gym.Env[Any, Any]]], workers: int | None = None) -> None:
        probe = makers[
            0
        ]()  # its spaces decide on the shared memory, which must exist before the processes do
        self.num_envs = len(makers)
        self.observation_space, self.action_space = probe.observation_space, probe.action_space
        self.monitored = has_monitor(probe)
        self._name = probe.spec.id if probe.spec is not None else type(probe.unwrapped).__name__
        probe.close()
        check_spaces(self.observation_space, self.action_space)
        context = multiprocessing.get_context()
        batch = SharedBatch(context, self.observation_space, self.action_space, self.num_envs)
        self._arrays = batch.arrays()
        self._slot = 0
        self._blocks = np.array_split(np.arange(self.num_envs), min(workers or usable_cpus(), self.num_envs))
        self._pipes: list[Connection] = []
        self._processes: list[Any] = []
        self._unanswered: set[int] = set()
        self._closed = False
        _open.add(self)
        with _signals_held_back():
            for block in self._blocks:
                self._start(context, [makers[one] for one in block], int(block[0]), batch)
        try:
            self._ask("ready")
        except WorkerError:
            self.close()
            raise

    def _start(self, context: Any, makers: list[Any], first: int, batch: SharedBatch) -> None:
        ours, theirs = context.Pipe()
        # A forked child holds copies of our ends of the pipes; while any is open, no worker would see us go.
        inherited = [*self._pipes, ours] if context.get_start_method() == "fork" else []
        # Not daemonic: an environment may have processes of its own. `_close_all` ends them at exit.
        process = context.Process(
            target=serve, args=(theirs, inherited, makers, first, batch), name=f"environments-{first}"
        )
        process.start()
        theirs.close()
        self._pipes.append(ours)
        self._processes.append(process)

    def __str__(self) -> str:
        return self._name

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Observation:
        self._slot ^= 1
        self._ask("reset", self._slot, self._take_first_seed(seed), options)
        return self._current()

    def step(self, actions: np.ndarray) -> Step:
        arrays = self._arrays
        self._collect(self._unanswered)  # before the actions of a step that Ctrl-C broke off are overwritten
        np.copyto(arrays.actions, actions, casting="same_kind")
        self._slot ^= 1
        infos = [info for block in self._ask("step", self._slot) for info in block]
        terminated, truncated = arrays.terminated.copy(), arrays.truncated.copy()
        ended = terminated | truncated
        final = arrays.final if ended.any() else None
        step = Step(self._current(), arrays.reward.copy(), terminated, truncated, final, infos=infos)
        if self.monitored:
            step.episodes = [
                infos[one]["episode"] for one in np.flatnonzero(ended) if "episode" in infos[one]
            ]
        return step

    def _current(self) -> Observation:
        self.observation = self._arrays.observations[self._slot]
        return self.observation

    def state_dict(self) -> dict[str, Any] | None:
        """Every environment's running episode, in the form that `Singles` has too."""
        blocks = self._ask("state_dict")
        if None in blocks:
            return None
        return {"environments": [one for block in blocks for one in block["environments"]]}

    def load_state_dict(self, state: dict[str, Any] | None) -> list[str]:
        if state is None:
            return super().load_state_dict(state)
        saved = saved_environments(state, self.num_envs)
        self._slot ^= 1
        states = [{"environments": [saved[one] for one in block]} for block in self._blocks]
        answers = self._ask_each("load_state_dict", [(self._slot, part) for part in states])
        self.restarted = np.concatenate([restarted for _, restarted in answers])
        self._current()
        return [sentence for lost, _ in answers for sentence in lost]

    def get_attr(self, name: str, one: int) -> Any:
        try:
            return self._ask_one(one, "get_attr", name)
        except WorkerError as error:
            if error.kind == "AttributeError":
                raise AttributeError(f"{self} has no attribute {name!r}") from error
            raise

    def set_attr(self, name: str, value: Any, one: int) -> None:
        self._ask_one(one, "set_attr", name, value)

    def env_method(self, name: str, one: int, *args: Any, **kwargs: Any) -> Any:
        return self._ask_one(one, "env_method", name, args, kwargs)

    @property
    def stack_depth(self) -> int:
        depths = set(self._ask("stack_depth"))
        return depths.pop() if len(depths) == 1 else 1

    def render(self) -> Sequence[Any] | None:
        return [picture for block in self._ask("render") for picture in block]

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for pipe in self._pipes:
            with suppress(OSError):  # it is gone already
                pipe.send(("close", ()))
            pipe.close()
        for process in self._processes:
            process.join(_CLOSE_TIMEOUT_S)
            if process.is_alive():
                process.kill()  # SIGTERM would be ignored
                process.join()

    # Messages.

    def _ask(self, command: str, *arguments: Any) -> list[Any]:
        return self._ask_each(command, [arguments] * len(self._pipes))

    def _ask_one(self, one: int, command: str, *arguments: Any) -> Any:
        worker = next(k for k, block in enumerate(self._blocks) if one in block)
        inside = one - int(self._blocks[worker][0])
        return self._ask_each(command, {worker: (inside, *arguments)})[0]

    def _ask_each(
        self, command: str, arguments: Sequence[tuple[Any, ...]] | dict[int, tuple[Any, ...]]
    ) -> list:
        """Send to all (or the listed) workers and wait for all answers, even where one of them fails."""
        if self._closed:
            raise WorkerError(f"{self}: the environments are closed")
        self._collect(self._unanswered)  # of a call that Ctrl-C broke off
        asked = dict(enumerate(arguments)) if not isinstance(arguments, dict) else arguments
        for worker, values in asked.items():
            message = ForkingPickler.dumps((command, values))  # what does not pickle raises before it is sent
            self._unanswered.add(worker)
            self._talk(worker, lambda pipe, message=message: pipe.send_bytes(message))
        answers = self._collect(asked)
        for answer in answers:
            if isinstance(answer, Failure):
                raise self._error(answer)
        return answers

    def _collect(self, workers: Any) -> list[Any]:
        answers = []
        for worker in sorted(workers):
            answers.append(self._talk(worker, Connection.recv))
            self._unanswered.discard(worker)
        return answers

    def _talk(self, worker: int, call: Callable[[Connection], Any]) -> Any:
        try:
            return call(self._pipes[worker])
        except (EOFError, ConnectionError):
            raise self._death(worker) from None

    def _error(self, failure: Failure) -> WorkerError:
        error = WorkerError(
            f"environment {failure.index} ({self}) failed in its worker process: {failure.summary}",
            data={"traceback": failure.traceback},
        )
        error.kind = failure.kind
        error.add_note(failure.traceback)
        return error

    def _death(self, worker: int) -> WorkerError:
        block, process = self._blocks[worker], self._processes[worker]
        process.join(_CLOSE_TIMEOUT_S)
        code = process.exitcode
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        hint = "it was killed, perhaps for want of memory" if code == -signal.SIGKILL else None
        return WorkerError(
            f"the worker process of environments {block[0]} to {block[-1]} ({self}) died {how}", hint=hint
        )


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Hold SIGINT and SIGTERM back until the processes that start here ignore them by themselves."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@atexit.register  # registered after multiprocessing.util's, so called before it: that one waits for workers
def _close_all() -> None:
    for workers in list(_open):
        workers.close()
