"""What `report` tells of an agent: a video of it at play, and what its task's preset would have been."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sandbox.core.config import to_mapping, to_toml
from sandbox.core.errors import SandboxError
from sandbox.core.run import Run
from sandbox.ui.report.exhibit import Exhibit, others

from .config import AgentConfig

EPISODES, MOST_FRAMES = 3, 1_000
"""of a video that is made for the page"""
MADE = "report-step-"
"""how the names of such videos begin; the checkpoint's step follows"""
GIVEN = ("env_args", "wrap", "policy")
"""settings that decide which preset there is"""


def exhibits(run: Run, note: Callable[[str], None], make: bool) -> list[Exhibit]:
    """The newest video, or one that is recorded now, and pictures that people had drawn."""
    video = _newest(run)
    if make and (video is None or _is_outdated(run, video)):
        try:
            video = _record(run, note)
        except SandboxError as error:
            note(f"There is no video: {error.message}.")
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


def _resolved(values: dict[str, Any]) -> dict[str, Any]:
    from .resolve import resolve_config

    with TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        file.write_text(to_toml(values), encoding="utf-8")
        return to_mapping(resolve_config("", {}, config=file))


def _newest(run: Run) -> Path | None:
    if not run.videos_dir.is_dir():
        return None
    files = [path for path in run.videos_dir.iterdir() if path.suffix.lower() in (".mp4", ".gif")]
    files = [path for path in files if not path.name.startswith(".")]
    return max(files, key=lambda path: (path.stat().st_mtime, path.name), default=None)


def _is_outdated(run: Run, video: Path) -> bool:
    """Whether we made it of a checkpoint that is not the best any more."""
    from sandbox.nn.checkpoint import Checkpoints

    if not video.name.startswith(MADE):
        return False
    try:
        best = Checkpoints(run.checkpoints_dir).best()
    except SandboxError:
        return False
    return best is not None and not best.endswith(video.stem.removeprefix(MADE))


def _record(run: Run, note: Callable[[str], None]) -> Path:
    """Film the best checkpoint; raises SandboxError where that cannot be done."""
    from sandbox.nn.checkpoint import Checkpoints
    from sandbox.ui.recorder import fps_of, record_episodes, without_window
    from sandbox.ui.video import VideoWriter

    from .watched import run_watched

    without_window()
    watched = run_watched(run, "best", "", {}, False, note)
    step, _ = Checkpoints(run.checkpoints_dir).load("best", note)
    try:
        run.videos_dir.mkdir(exist_ok=True)
        path = run.videos_dir / f"{MADE}{step:012d}.mp4"
        with VideoWriter(path, fps_of(watched.env)) as writer:
            record_episodes(watched.actor, watched.env, writer, EPISODES, 0, MOST_FRAMES)
    finally:
        watched.env.close()
    return path


def _shown(run: Run, video: Path) -> Exhibit:
    info = run.info
    who = f"{str(info.get('algo') or info['kind']).upper()} in {info['subject']}"
    caption = video.name
    if video.name.startswith(MADE):
        step = video.stem.removeprefix(MADE).lstrip("0") or "0"
        caption = f"the best checkpoint, after {int(step):,} steps, acts greedily"
    return Exhibit(video, "The agent at play", f"Video of {who}, as it plays", caption)
