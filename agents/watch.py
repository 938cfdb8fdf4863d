"""`watch`: an agent at play, in a window or, where there is no display, in a video."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, UseAppendAction, arg

from sandbox.core.config import Count, parse_assignments
from sandbox.core.errors import Refused, UsageError
from sandbox.ui.console import Console

if TYPE_CHECKING:
    from sandbox.ui.show import Outcome

    from .watched import Watched

SCHEMA = "sandbox.watch/1"
RECORDED_EPISODES = 3
"""in a video, unless --episodes says otherwise"""


@dataclass(frozen=True)
class Watch:
    """Watch an agent play, look into its head, and take over with the keyboard; h shows the keys.

    RUN is a name, a unique beginning of one, a path, "latest" (as without RUN), or the file of a saved agent.
    Without a display, a video is recorded instead.

    Examples:
        python -m sandbox watch
        python -m sandbox watch latest --checkpoint first --speed 0.5
        python -m sandbox watch latest --record cartpole.gif --episodes 1
        python -m sandbox watch latest --saliency
        python -m sandbox watch latest --memory
        python -m sandbox watch --random --env Acrobot
        python -m sandbox watch ppo_lander.zip --env LunarLander --trust
    """

    name: Annotated[Positional[str], arg(metavar="[RUN]")] = "latest"
    """The run, or the file of a saved agent."""
    checkpoint: str = "best"
    """best, last, first, or a step."""
    env: str = ""
    """Another environment than the run's; it must have the same spaces."""
    env_arg: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="KEY=VALUE")] = ()
    """Argument for the environment; may be repeated."""
    wrap: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME[:VALUE]")] = ()
    """Wrapper around it, instead of the run's; may be repeated."""
    random: bool = False
    """No agent: random actions, on --env."""
    episodes: Count | None = None
    """How many; in a window until it is closed, in a video 3, unless given."""
    speed: float = 1.0
    """How many times faster than the environment's own pace."""
    saliency: bool = False
    """Show where decisions come from, by blurring spots (Greydanus et al. 2018); e in the window."""
    memory: bool = False
    """Show beneath the picture what its memory holds, step by step; m in the window."""
    seed: int = 0
    """Of the first episode; each further one has the next number."""
    record: Path | None = None
    """Write a video (.mp4 or .gif), without a window."""
    window: bool = False
    """Insist on a window (with --record, record what it shows)."""
    trust: bool = False
    """Allow what executes code: a stock SB3 file, or a run whose environment's id names a module."""
    out: Path | None = None
    """Folder with the runs; SANDBOX_RUNS or ./runs, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """Show or record; returns what `--json` prints."""
        check_options(self.speed, self.episodes, self.record)
        if self.random and not self.env:
            raise UsageError("--random needs --env", hint="python -m sandbox watch --random --env CartPole")
        from sandbox.ui.actor import blindness, forgetfulness
        from sandbox.ui.screen import has_display

        visible = (self.window or self.record is None) and has_display()
        if self.window and not visible:
            raise Refused("there is no display for a window", hint="leave --window out to record a video")
        if not visible:
            from sandbox.ui.recorder import without_window

            without_window()
        watched = self._watched(console)
        try:
            if self.saliency and (reason := blindness(watched.actor)):
                raise UsageError(
                    f"{watched.actor.name} has no saliency: {reason}", hint="leave --saliency out"
                )
            if self.memory and (reason := forgetfulness(watched.actor)):
                raise UsageError(
                    f"{watched.actor.name} has no memory to show: {reason}", hint="leave --memory out"
                )
            return self._show(watched, console) if visible else self._record(watched, console)
        finally:
            watched.env.close()

    def _watched(self, console: Console) -> Watched:
        from .watched import file_watched, random_actions, run_watched

        arguments = parse_assignments(self.env_arg)
        if self.random:
            return random_actions(self.env, arguments, self.wrap)
        if self.name.endswith(".zip") or Path(self.name).is_file():
            return file_watched(Path(self.name), self.env, arguments, self.trust, self.wrap)
        from sandbox.core.runs import find_run

        run = find_run(self.name, self.out)

        def warn(text: str) -> None:
            console.note(f"warning: {text}")

        return run_watched(run, self.checkpoint, self.env, arguments, self.trust, warn, self.wrap)

    def _show(self, watched: Watched, console: Console) -> dict[str, Any]:
        from envs.controls import controls_of
        from sandbox.ui.show import Show
        from sandbox.ui.stage import Stage
        from sandbox.ui.viewer import Viewer

        show = Show(
            watched.env_id,
            controls_of(watched.env),
            watched.next_actor,
            self.episodes,
            self.speed,
            self.record,
            watched.folder,
        )
        console.note(f"watching {watched.actor.name} in {watched.env_id}; h in the window shows the keys")
        stage = Stage(watched.env, watched.actor, self.seed, self.saliency, self.memory)
        outcome = Viewer(stage, show).run()
        return report(watched.env_id, watched.actor.name, outcome, console)

    def _record(self, watched: Watched, console: Console) -> dict[str, Any]:
        from sandbox.ui.recorder import fps_of, record_episodes
        from sandbox.ui.screen import fresh_path
        from sandbox.ui.video import VideoWriter

        path = self.record
        if path is None:
            console.note("there is no display: recording a video instead")
            watched.folder.mkdir(parents=True, exist_ok=True)
            path = fresh_path(watched.folder, "watch", ".mp4")
        with VideoWriter(path, fps_of(watched.env) * self.speed) as writer:
            episodes = self.episodes or RECORDED_EPISODES
            result = record_episodes(
                watched.actor,
                watched.env,
                writer,
                episodes,
                self.seed,
                saliency=self.saliency,
                memory=self.memory,
            )
        scores = ", ".join(f"{score:g}" for score in result.returns)
        console.print(f"{watched.actor.name} in {watched.env_id}: returns {scores}")
        console.print(f"video  {path} ({result.frames:,} frames)")
        played = zip(result.returns, result.lengths, strict=True)
        return {
            "schema": SCHEMA,
            "env": watched.env_id,
            "actor": watched.actor.name,
            "episodes": [
                {"return": score, "steps": steps, "by_hand": False, "finished": True}
                for score, steps in played
            ],
            "steps": sum(result.lengths),
            "frames": result.frames,
            "videos": [str(path)],
            "screenshots": [],
        }


def check_options(speed: float, episodes: int | None, record: Path | None) -> None:
    """Raise UsageError or NotFound for options that can never work, before anything is loaded."""
    if not (math.isfinite(speed) and 0.01 <= speed <= 1000):
        raise UsageError(f"--speed must be between 0.01 and 1000, not {speed:g}")
    if episodes is not None and episodes < 1:
        raise UsageError("--episodes must be at least 1")
    if record is not None:
        from sandbox.ui.video import checked_path

        checked_path(record)


def report(env_id: str, who: str, outcome: Outcome, console: Console) -> dict[str, Any]:
    """Say what happened in a window, and return it."""
    for number, episode in enumerate(outcome.episodes, 1):
        player = "you" if episode["by_hand"] else who
        cut = "" if episode["finished"] else ", not finished"
        console.print(f"{number}. {player}: {episode['return']:g} in {episode['steps']:,} steps{cut}")
    for path in [*outcome.videos, *outcome.screenshots]:
        console.print(f"saved  {path}")
    files = {name: [str(path) for path in getattr(outcome, name)] for name in ("videos", "screenshots")}
    return {"schema": SCHEMA, "env": env_id, "actor": who, **asdict(outcome), **files}
