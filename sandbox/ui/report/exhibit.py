"""What came out of a run, to be looked at: pictures and videos, and how they get into a page."""

from __future__ import annotations

import base64
import io
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from sandbox.core.run import Run

LARGEST_BYTES = 12_000_000
"""of a file that goes into a page; larger ones are named only"""
POSTER_FRAMES, POSTER_SECONDS = 60, 30
"""Among so many first frames the most typical one stands for a video; and how long ffmpeg may look."""
POSTER_SIDE = 640
"""pixels"""
SMALL_SIDE = 240
"""pixels: pictures no wider are enlarged, and keep their hard edges"""
MOST_OTHERS = 12
"""pictures that nobody expected"""
FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif"}


@dataclass(frozen=True)
class Exhibit:
    """A file in a run's folder that is worth looking at."""

    path: Path
    """a PNG, JPEG, GIF or mp4"""
    title: str
    alt: str
    """what is to be seen, for those who cannot see it"""
    caption: str = ""
    """what one should know to understand it"""


@dataclass(frozen=True)
class Figure:
    """An exhibit as the page has it."""

    exhibit: Exhibit
    source: str = ""
    """a data: URI"""
    poster: str = ""
    """of a video: the picture that stands for it before it plays, and on paper"""
    width: int = 0
    height: int = 0
    """pixels"""
    problem: str = ""
    """why it is not there"""

    @property
    def is_video(self) -> bool:
        """Whether it is to be played."""
        return self.source.startswith("data:video")

    @property
    def is_small(self) -> bool:
        """Whether it is to be enlarged without smoothing."""
        return 0 < self.width <= SMALL_SIDE


def others(run: Run, known: Collection[str]) -> list[Exhibit]:
    """What else lies among a run's pictures, such as what people had drawn: named after its file.

    Args:
        known: patterns of files that are shown otherwise, or not at all, such as ``plots/loss.png``.
    """
    found = []
    for folder in (run.samples_dir, run.plots_dir):
        for path in sorted(folder.glob("*.png")) if folder.is_dir() else []:
            name = f"{folder.name}/{path.name}"
            if not path.name.startswith(".") and not any(fnmatchcase(name, one) for one in known):
                title = path.stem.replace("-", " ").replace("_", " ")
                found.append(Exhibit(path, title[:1].upper() + title[1:], f"{title}, drawn for {run.name}"))
    return found[:MOST_OTHERS]


def is_fresh(run: Run, *names: str) -> bool:
    """Whether files of a run are there, and no older than what it has learned best."""
    try:
        made = min((run.path / name).stat().st_mtime for name in names)
    except OSError:
        return False
    try:
        return made >= (run.path / "BEST").stat().st_mtime
    except OSError:
        return True


def strange(run: Run, path: Path) -> str:
    """Why a file is none of the run's own, which a page may read; empty where it is one, or is not there."""
    try:
        place = path.resolve()
        if not place.is_relative_to(run.path.resolve()):
            return "it lies outside the run's folder"
        return "it is no regular file" if place.exists() and not place.is_file() else ""
    except (OSError, RuntimeError):  # links in a circle
        return "it cannot be read"


def embed(exhibit: Exhibit, run: Run) -> Figure:
    """Bring an exhibit of a run into a page. Never raises: what cannot be shown says why."""
    if problem := strange(run, exhibit.path):
        return Figure(exhibit, problem=problem)
    try:
        size = exhibit.path.stat().st_size
        if size > LARGEST_BYTES:
            return Figure(exhibit, problem=f"{size / 1e6:.0f} MB: too large for this page")
        content = exhibit.path.read_bytes()
    except OSError as error:
        return Figure(exhibit, problem=f"it cannot be read: {error.strerror}")
    if exhibit.path.suffix.lower() == ".mp4":
        return _video(exhibit, content)
    return _picture(exhibit, content)


def _picture(exhibit: Exhibit, content: bytes) -> Figure:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=tuple(FORMATS)) as picture:
            picture.verify()
            kind, (width, height) = FORMATS[str(picture.format)], picture.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # verify's own for a torn PNG
        return Figure(exhibit, problem="it is damaged, or no picture")
    return Figure(exhibit, _uri(kind, content), "", width, height)


def _video(exhibit: Exhibit, content: bytes) -> Figure:
    from PIL import Image

    poster = _poster(exhibit.path)
    if not poster:
        return Figure(exhibit, problem="it is damaged, or no video")
    with Image.open(io.BytesIO(poster)) as picture:
        width, height = picture.size
    return Figure(exhibit, _uri("video/mp4", content), _uri("image/jpeg", poster), width, height)


def _poster(path: Path) -> bytes:
    """A typical frame as a JPEG; empty where there is none."""
    from imageio_ffmpeg import get_ffmpeg_exe

    smaller = f"thumbnail={POSTER_FRAMES},scale='min({POSTER_SIDE},iw)':-2"
    command = [get_ffmpeg_exe(), "-nostdin", "-v", "error", "-protocol_whitelist", "file,pipe"]
    command += ["-f", "mp4", "-i", f"file:{path.absolute()}", "-vf", smaller, "-frames:v", "1"]
    command += ["-c:v", "mjpeg", "-q:v", "4", "-f", "image2pipe", "pipe:1"]
    try:
        return subprocess.run(command, capture_output=True, timeout=POSTER_SECONDS, check=True).stdout
    except (OSError, RuntimeError, subprocess.SubprocessError):
        return b""


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
