"""Videos, frame by frame: H.264 in an mp4, which plays everywhere, or an animated gif.

The file appears under its name when it is complete, never before. ffmpeg comes with imageio-ffmpeg; it is run
here and not by that package, which does not look at how ffmpeg ended and so takes a torn file for a video.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np

from sandbox.core.errors import NotFound, Refused, UsageError

ENDINGS = (".mp4", ".gif")
GIF_FASTEST_FPS = 50
"""Viewers play a gif's frames slowly if each stays for less than two hundredths of a second."""

_EVEN = "pad=ceil(iw/2)*2:ceil(ih/2)*2"  # yuv420p halves the colours' resolution
_CONVERTED = "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,format=yuv420p"
_TAGGED = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"  # or players guess
_MP4 = [
    *("-vf", f"{_EVEN},{_CONVERTED},{_TAGGED}", "-c:v", "libx264", "-preset", "veryfast", "-crf", "18"),
    *("-movflags", "+faststart", "-f", "mp4"),
]
_LOSSLESS = ["-c:v", "ffv1", "-f", "matroska"]


class VideoWriter:
    """Writes the frames it is given, all of them and in this order, at `fps` frames a second.

    Leaving the ``with`` block completes the file, also by Ctrl-C; any other error discards it. An existing
    file is replaced. Without a single frame there is no file.

    Args:
        path: ends in ``.mp4`` or ``.gif``. Frames of odd sizes are padded by a line in an mp4; a gif plays at
            50 frames a second at the most. Its delays are whole hundredths of a second, and differ where that
            keeps the pace: at 30 frames a second they are 30, 40, 30, 30, 40… ms.
        fps: frames a second, as the environment's ``metadata["render_fps"]``.

    Raises:
        UsageError: another ending, or an `fps` that is no positive number.
        NotFound: there is no such folder.
        Refused: the folder cannot be written, or there is no ffmpeg.
    """

    def __init__(self, path: str | Path, fps: float) -> None:
        self.path = checked_path(path)
        if not (math.isfinite(fps) and fps > 0):
            raise UsageError(f"a video needs a positive number of frames a second, not {fps}")
        self.fps = min(fps, GIF_FASTEST_FPS) if self.path.suffix.lower() == ".gif" else fps
        self.frames = 0
        """how many were added so far"""
        self._ffmpeg = _find_ffmpeg()
        self._aside = self.path.with_name(f".writing-{os.getpid()}-{self.path.name}")
        self._shape: tuple[int, ...] | None = None
        self._process: _Ffmpeg | None = None
        self._closed = False
        try:
            self._aside.touch()
        except OSError as error:
            raise Refused(f"{self.path} cannot be written: {error.strerror}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, KeyboardInterrupt | SystemExit):
            self.close()
        else:
            self.discard()

    def add(self, frame: np.ndarray) -> None:
        """Append a frame, (height, width, 3) uint8.

        Raises:
            UsageError: It has another form, or another size than the first one.
            Refused: ffmpeg failed, as on a full disk; what there was of the video is removed.
        """
        if self._closed:
            raise ValueError(f"{self.path} is closed")
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
            raise UsageError(f"a video's frame is (height, width, 3) uint8, not {frame.shape} {frame.dtype}")
        if self._process is None:
            self._shape = frame.shape
            self._process = self._start(frame.shape)
        if frame.shape != self._shape:
            old, new = (f"{shape[1]}×{shape[0]}" for shape in (self._shape or (0, 0), frame.shape))
            raise UsageError(f"the picture changed from {old} to {new} while {self.path} was recorded")
        try:
            self._process.write(np.ascontiguousarray(frame).data)
        except Refused:
            self.discard()
            raise
        self.frames += 1

    def close(self) -> None:
        """Complete the file; calling it again does nothing. Raises Refused as `add` does."""
        if self._closed:
            return
        try:
            if self._process is not None:
                self._process.finish()
                if self.path.suffix.lower() == ".gif":
                    self._make_gif()
                os.replace(self._aside, self.path)  # noqa: PTH105 - its error names both
        except OSError as error:
            raise Refused(f"{self.path} cannot be written: {error.strerror}") from None
        finally:
            self.discard()

    def discard(self) -> None:
        """Stop, and leave nothing behind; after `close` it does nothing."""
        self._closed = True
        if self._process is not None:
            self._process.kill()
        for file in (self._aside, self._palette):
            with contextlib.suppress(OSError):
                file.unlink()

    @property
    def _palette(self) -> Path:
        return self._aside.with_name(f"{self._aside.name}.png")

    def _start(self, shape: tuple[int, ...]) -> _Ffmpeg:
        rate = str(Fraction(self.fps).limit_denominator(100_000))
        # A gif's 256 colours are chosen when all frames are known; until then they are kept as they are.
        to = _LOSSLESS if self.path.suffix.lower() == ".gif" else _MP4
        size = f"{shape[1]}x{shape[0]}"
        come = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", rate, "-i", "pipe:0"]
        return self._run([*come, "-an", *to, _file(self._aside)])

    def _make_gif(self) -> None:
        lossless = self._aside.with_name(f"{self._aside.name}.mkv")
        self._aside.replace(lossless)
        source = ["-i", _file(lossless)]
        colours = "palettegen=stats_mode=full:reserve_transparent=1"
        with_colours = "paletteuse=dither=none:diff_mode=rectangle"
        picture = ["-frames:v", "1", "-update", "1", "-f", "image2"]
        try:
            self._run([*source, "-vf", colours, *picture, _file(self._palette)]).finish()
            both = [*source, "-i", _file(self._palette), "-lavfi", with_colours]
            self._run([*both, "-loop", "0", "-f", "gif", _file(self._aside)]).finish()
        finally:
            lossless.unlink(missing_ok=True)

    def _run(self, arguments: list[str]) -> _Ffmpeg:
        return _Ffmpeg([self._ffmpeg, "-nostdin", "-hide_banner", "-v", "error", "-y", *arguments], self.path)


def checked_path(path: str | Path) -> Path:
    """Return `path` as a Path if a video can be written there, so that nobody plays for nothing.

    Raises:
        UsageError: It does not end in .mp4 or .gif, or it is a folder.
        NotFound: Its folder does not exist.
    """
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"a video ends in .mp4 or .gif, and {path.name!r} does not", hint="try play.mp4")
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint=f"try {path / 'play.mp4'}")
    if not path.parent.is_dir():
        raise NotFound(f"there is no folder {path.parent} for {path.name}", hint=f"mkdir -p {path.parent}")
    return path


class _Ffmpeg:
    """One run of ffmpeg, fed through its stdin."""

    def __init__(self, command: list[str], video: Path) -> None:
        self._video = video
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as ffmpeg is
        try:
            # In a session of its own, so that Ctrl-C in the terminal lets it complete the file.
            self._process: subprocess.Popen[Any] = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                start_new_session=True,
            )
        except OSError as error:
            self._said.close()
            raise Refused(f"ffmpeg cannot be started: {error.strerror}", _FFMPEG_HINT) from None

    def write(self, frame: memoryview) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(frame)
        except OSError:  # It is gone, and the pipe with it.
            self._process.wait()
            raise self._failure() from None

    def finish(self) -> None:
        """Wait until all is written. Raises Refused where that fails."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # What went wrong is told by the exit status.
            self._process.stdin.close()
        if self._process.wait() != 0:
            raise self._failure()
        self._said.close()

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._said.close()

    def _failure(self) -> Refused:
        self._said.seek(0)
        lines = [line.strip() for line in self._said.read(20_000).decode(errors="replace").splitlines()]
        reason = next(filter(None, lines), f"it ended with {self._process.returncode}")
        if any("No space left on device" in line for line in lines):
            reason = "No space left on device"
        reason = re.sub(r"^(\[[^\]]*\]\s*)+", "", reason)
        return Refused(f"ffmpeg could not write {self._video}: {reason}")


_FFMPEG_HINT = "python -m pip install --force-reinstall imageio-ffmpeg, or name one by IMAGEIO_FFMPEG_EXE"


def _find_ffmpeg() -> str:
    from imageio_ffmpeg import get_ffmpeg_exe

    try:
        return get_ffmpeg_exe()
    except RuntimeError:
        raise Refused("there is no ffmpeg, which writes videos", _FFMPEG_HINT) from None


def _file(path: Path) -> str:
    """As ffmpeg takes it for a file, whatever it is called (``-x``, ``a:b``)."""
    return f"file:{os.path.abspath(path)}"  # noqa: PTH100 - links stay as they were typed
