"""Videos of an agent while it learns: what it does, greedily, in one episode.

They are made in a process of their own, which gets copies of the weights: training neither waits for pictures
nor can it be changed by them, and what goes wrong with a video does not harm the run.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from sandbox.core.errors import SandboxError
from sandbox.core.seeding import derive_seed
from sandbox.ui.recorder import (
    check_render_mode,
    fps_of,
    picture_of,
    record_episodes,
    without_window,
)
from sandbox.ui.video import VideoWriter

from .build import build_agent
from .config import AgentConfig
from .protocols import AnyAgent
from .simulators.from_id import find_spec, make, make_single

LONGEST_VIDEO = 1_000
"""frames after which a video ends, also in the middle of the episode"""
_LOOK_UP_S = 0.5
"""how often someone who waits looks whether the other process is still there"""

Weights = dict[str, np.ndarray]


def check_pictures(config: AgentConfig) -> None:
    """Make one picture, before hours of training are to be filmed.

    Raises:
        UsageError: the environment has no pictures.
        MissingExtra: it needs a package for them that is not installed.
    """
    with _environment(config) as env:
        env.reset(seed=config.seed)
        picture_of(env)


class TrainingVideos:
    """Films an agent at chosen steps, aside; the process starts with the first video.

    Args:
        config: of the run.
        folder: gets ``step-….mp4``.
        warn: is told, in one line, what could not be recorded.
    """

    def __init__(self, config: AgentConfig, folder: Path, warn: Callable[[str], None]) -> None:
        self._config, self._folder, self._warn = config, folder, warn
        self._process: Any = None
        self.pending = 0
        """videos that are not there yet"""

    def record(self, agent: AnyAgent) -> None:
        """Film the agent as it is now. Returns at once."""
        if self._process is None:
            self._start()
        weights = {name: part.cpu().numpy().copy() for name, part in agent.policy.state_dict().items()}
        self._jobs.put((agent.num_timesteps, weights))
        self.pending += 1
        self._take_answers()

    def finish(self) -> None:
        """Wait for what is not there yet."""
        if self._process is None:
            return
        self._jobs.put(None)
        try:
            while self.pending:
                self._take_answers(_LOOK_UP_S)
                if self.pending and not self._process.is_alive():
                    self._take_answers()
                    self._complain(f"{self.pending} videos are missing: the process that makes them died")
                    self.pending = 0
            self._process.join()
        finally:
            self.stop()

    def stop(self) -> None:
        """End at once; what is half made is removed."""
        if self._process is None:
            return
        self._process.terminate()
        self._process.join()
        for one in (self._jobs, self._answers):
            one.close()
            one.cancel_join_thread()
        self._process, self.pending = None, 0

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would inherit torch's threads and the GPU
        self._jobs, self._answers = context.Queue(), context.Queue()
        config = replace(self._config, envs=1, vec="sync", device="cpu", threads=1, video_every=0)
        self._process = context.Process(
            target=_serve, args=(config, self._folder, self._jobs, self._answers), name="videos", daemon=True
        )
        self._process.start()

    def _take_answers(self, timeout_s: float = 0.0) -> None:
        with suppress(queue.Empty):
            while self.pending:
                step, trouble = self._answers.get(timeout_s > 0, timeout_s)
                self.pending -= 1
                if trouble is not None:
                    self._complain(f"no video of step {step:,}: {trouble}")

    def _complain(self, text: str) -> None:
        self._warn(f"warning: {text}")


def _environment(config: AgentConfig) -> gym.Env[Any, Any]:
    """One environment as the agent learns on, with pictures."""
    without_window()
    spec = find_spec(config.train_env)
    with make(gym.make, spec, **config.env_args) as blind:
        check_render_mode(blind)
    return make_single(spec, config.wrap, {**config.env_args, "render_mode": "rgb_array"})


class _Stopped(Exception):  # noqa: N818 - nobody's error
    """The parent wants no more videos."""


def _serve(config: AgentConfig, folder: Path, jobs: Any, answers: Any) -> None:
    """What runs in the process: make videos until there is nothing more to do, or nobody to do it for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    signal.signal(signal.SIGTERM, _stop)
    if hasattr(os, "nice"):
        os.nice(10)  # training comes first
    with suppress(_Stopped):
        agent: AnyAgent | None = None
        while (job := _next(jobs)) is not None:
            step, weights = job
            trouble = None
            try:
                agent = build_agent(config) if agent is None else agent
                _record(config, agent, weights, folder / f"step-{step:012d}.mp4")
            except _Stopped:
                raise
            except SandboxError as error:
                trouble = error.message
            except Exception as error:  # noqa: BLE001 - an environment may raise anything; training goes on
                trouble = f"{type(error).__name__}: {error}"
            answers.put((step, trouble))


def _next(jobs: Any) -> tuple[int, Weights] | None:
    parent = multiprocessing.parent_process()
    while parent is not None and parent.is_alive():
        with suppress(queue.Empty):
            return jobs.get(timeout=_LOOK_UP_S)
    return None


def _record(config: AgentConfig, agent: AnyAgent, weights: Weights, path: Path) -> None:
    """One episode, the same start in every video of a run, so that they can be compared."""
    agent.policy.load_state_dict({name: torch.from_numpy(part) for name, part in weights.items()})
    path.parent.mkdir(exist_ok=True)
    with _environment(config) as env, VideoWriter(path, fps_of(env)) as writer:
        actor, seed = agent.actor("the agent in training"), derive_seed(config.seed, "video")
        record_episodes(actor, env, writer, 1, seed, LONGEST_VIDEO)


def _stop(*_: object) -> None:
    raise _Stopped
