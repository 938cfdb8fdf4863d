"""What `report` tells of an agent: a video of it at play, and what its task's preset would have been."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sandbox.core.config import read_toml, to_mapping, to_toml
from sandbox.core.errors import SandboxError
from sandbox.core.run import Run
from sandbox.ui.report.exhibit import Exhibit, others, strange

from .algorithms import imported_by, label
from .config import AgentConfig

EPISODES, MOST_FRAMES = 3, 1_000
"""of a video that is made for the page"""
MADE = re.compile(r"report-step-(\d+)\.mp4")
WATCHED = re.compile(r"watch-\d{8}-\d{6}(-\d+)?\.mp4")
"""the names of such videos, with the checkpoint's step"""
GIVEN = ("env_args", "wrap", "policy")
"""settings that decide which preset there is"""


def exhibits(run: Run, note: Callable[[str], None], make: bool, trust: bool = False) -> list[Exhibit]:
    """The newest video, or one that is recorded now, and pictures that people had drawn."""
    video = _newest(run)
    if make and (video is None or _is_outdated(run, video)):
        try:
            video = _record(run, note, trust)
        except SandboxError as error:
            note(f"There is no video: {error}.")
        except Exception as error:  # noqa: BLE001 - an environment may raise anything; the page is more than that
            note(f"There is no video: {type(error).__name__}: {error}.")
    elif video is None:
        note("There is no video: none was recorded.")
    found = [] if video is None else [_shown(run, video)]
    return [*found, *others(run, ("plots/learning_curve.png",))]


def preset_of(config: AgentConfig) -> dict[str, Any]:
    """The config of such a task and algorithm, had nothing else been asked for.

    Raises:
        SandboxError: the environment cannot be made here.
    """
    task = {"env": config.env, "train_env": config.train_env, "algo": config.algo}
    plain = _resolved(task)
    alike = _resolved(task | {key: getattr(config, key) for key in GIVEN})
    return {**alike, **{key: plain[key] for key in GIVEN}}


def words_of(run: Run) -> list[str]:
    """`train-agent`, with the environment and the algorithm where they name modules to import.

    Those are taken from a command line alone, and not from a file.

    Raises:
        NotFound, ConfigError: the config cannot be read.
    """
    env, algo = _named(read_toml(run.config_path)[0])
    return ["train-agent", *([env] if env else []), *(["--algo", algo] if algo else [])]


def _named(values: Mapping[str, Any]) -> tuple[str, str]:
    """The environment and the algorithm of a config, each empty where nothing is imported for it."""
    named = imported_by(values)
    env, algo = str(values.get("env", "")), str(values.get("algo", ""))
    return env if {env, values.get("train_env")} & {*named} else "", algo if algo in named else ""


def _resolved(values: dict[str, Any]) -> dict[str, Any]:
    from .resolve import resolve_config

    with TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        file.write_text(to_toml(values), encoding="utf-8")
        env, algo = _named(values)
        return to_mapping(resolve_config(env, {"algo": algo} if algo else {}, config=file))


def _newest(run: Run) -> Path | None:
    if not run.videos_dir.is_dir():
        return None
    files = [path for path in run.videos_dir.iterdir() if path.suffix.lower() in (".mp4", ".gif")]
    files = [path for path in files if not path.name.startswith(".") and path.is_file()]
    files = [path for path in files if not strange(run, path)]
    return max(files, key=lambda path: (path.stat().st_mtime, path.name), default=None)


def _is_outdated(run: Run, video: Path) -> bool:
    """Whether we made it of a checkpoint that is not the best any more."""
    from sandbox.nn.checkpoint import Checkpoints

    made = MADE.fullmatch(video.name)
    if made is None:
        return False
    try:
        best = Checkpoints(run.checkpoints_dir).best()
    except SandboxError:
        return False
    return best is not None and best != f"step-{int(made[1]):012d}"


def _record(run: Run, note: Callable[[str], None], trust: bool) -> Path:
    """Film the best checkpoint; raises SandboxError where that cannot be done."""
    from sandbox.nn.checkpoint import Checkpoints
    from sandbox.ui.recorder import fps_of, record_episodes, without_window
    from sandbox.ui.video import VideoWriter

    from .watched import run_watched

    without_window()
    # Which one that is may change, or a damaged one be left out: the agent gets the one that is named here.
    step, _ = Checkpoints(run.checkpoints_dir).load("best", lambda sentence: note(f"{sentence}."))
    watched = run_watched(run, str(step), "", {}, trust, note)
    try:
        run.videos_dir.mkdir(exist_ok=True)
        path = run.videos_dir / f"report-step-{step:012d}.mp4"
        with VideoWriter(path, fps_of(watched.env)) as writer:
            record_episodes(watched.actor, watched.env, writer, EPISODES, 0, MOST_FRAMES)
    finally:
        watched.env.close()
    return path


def _shown(run: Run, video: Path) -> Exhibit:
    info = run.info
    who = f"{label(str(info.get('algo') or info['kind']))} in {info['subject']}"
    caption = video.name
    if made := MADE.fullmatch(video.name):
        step = int(made[1])
        caption = f"the best checkpoint, after {step:,} step{'s' * (step != 1)}, acts greedily"
    elif WATCHED.fullmatch(video.name):
        caption = "recorded by watch"
    return Exhibit(video, "The agent at play", f"Video of {who}, as it plays", caption)
