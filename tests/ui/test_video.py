"""Videos have every frame, at the environment's pace; what goes wrong leaves nothing half-made behind."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from imageio_ffmpeg import count_frames_and_secs
from PIL import Image

from sandbox.core.errors import NotFound, Refused, UsageError
from sandbox.ui.video import VideoWriter


def frames(count: int, height: int = 40, width: int = 60) -> np.ndarray:
    """A bar that moves every second frame, so that some frames repeat, (count, height, width, 3)."""
    pictures = np.full((count, height, width, 3), 240, np.uint8)
    for index, picture in enumerate(pictures):
        picture[height // 2 :, (index // 2) % width] = (0, 114, 178)
    return pictures


def record(path: Path, pictures: np.ndarray, fps: float = 50) -> Path:
    with VideoWriter(path, fps) as video:
        for picture in pictures:
            video.add(picture)
    assert video.frames == len(pictures)
    assert names(path.parent) == [path.name]
    return path


def names(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


def read(path: Path) -> tuple[dict[str, object], np.ndarray]:
    import imageio.v3 as iio

    return iio.immeta(path, plugin="FFMPEG"), iio.imread(path, plugin="FFMPEG")


def test_a_thousand_frames_are_a_thousand_frames(tmp_path: Path) -> None:
    path = record(tmp_path / "long.mp4", frames(1000), fps=50)
    assert count_frames_and_secs(path) == (1000, 20.0)


@pytest.mark.parametrize("fps", [1, 15, 29.97, 30, 60, 100])
def test_an_mp4_has_the_pace_of_the_environment(tmp_path: Path, fps: float) -> None:
    path = record(tmp_path / "play.mp4", frames(31), fps)
    about, pictures = read(path)
    assert about["fps"] == pytest.approx(fps, abs=0.01)
    assert len(pictures) == 31


def test_an_mp4_is_what_plays_everywhere(tmp_path: Path) -> None:
    about, _ = read(record(tmp_path / "play.mp4", frames(5)))
    assert about["codec"] == "h264"
    assert str(about["pix_fmt"]).startswith("yuv420p")


def test_colours_survive(tmp_path: Path) -> None:
    picture = np.zeros((1, 40, 60, 3), np.uint8)
    picture[:, :, :30], picture[:, :, 30:] = (213, 94, 0), (0, 114, 178)
    _, seen = read(record(tmp_path / "play.mp4", picture))
    np.testing.assert_allclose(seen[0, 20, [10, 50]], [(213, 94, 0), (0, 114, 178)], atol=4)


@pytest.mark.parametrize("size", [(1, 1), (41, 33), (40, 33), (210, 160)])
def test_odd_sizes_are_padded_in_an_mp4(tmp_path: Path, size: tuple[int, int]) -> None:
    _, pictures = read(record(tmp_path / "play.mp4", frames(3, *size)))
    assert pictures.shape[1:3] == (size[0] + size[0] % 2, size[1] + size[1] % 2)


@pytest.mark.parametrize(("fps", "seconds"), [(10, 6.0), (18, 60 / 18), (30, 2.0), (50, 1.2), (60, 1.2)])
def test_a_gif_has_all_frames_and_loops(tmp_path: Path, fps: float, seconds: float) -> None:
    picture = Image.open(record(tmp_path / "play.gif", frames(60, 41, 33), fps))
    durations = []
    for index in range(picture.n_frames):
        picture.seek(index)
        durations.append(picture.info["duration"])
    assert len(durations) == 60
    assert max(durations) - min(durations) <= 10  # in hundredths of a second, spread evenly
    assert min(durations) >= 20  # viewers slow down what is faster
    assert sum(durations) / 1000 == pytest.approx(seconds, abs=0.02)
    assert picture.info["loop"] == 0
    assert picture.size == (33, 41)


def test_a_gif_of_few_colours_keeps_them_exactly(tmp_path: Path) -> None:
    pictures = frames(4)
    gif = Image.open(record(tmp_path / "play.GIF", pictures))
    for index, picture in enumerate(pictures):
        gif.seek(index)
        np.testing.assert_allclose(np.asarray(gif.convert("RGB")), picture, atol=1)


def test_a_video_replaces_the_one_before_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "play.mp4"
    path.write_bytes(b"the one before")
    with VideoWriter(path, 30) as video:
        video.add(frames(1)[0])
        assert path.read_bytes() == b"the one before"
    assert count_frames_and_secs(path)[0] == 1


@pytest.mark.parametrize("name", ["-y.mp4", "a:b.mp4", "100%d.mp4", "späße spiel.gif", "x.y.MP4"])
def test_any_name_will_do(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with VideoWriter(name, 30) as video:
        video.add(frames(1)[0])
    assert names(tmp_path) == [name]


def test_without_a_frame_there_is_no_file(tmp_path: Path) -> None:
    VideoWriter(tmp_path / "play.mp4", 30).close()
    assert not list(tmp_path.iterdir())


def test_closing_twice_is_no_error(tmp_path: Path) -> None:
    video = VideoWriter(tmp_path / "play.mp4", 30)
    video.add(frames(1)[0])
    video.close()
    video.close()
    video.discard()
    assert (tmp_path / "play.mp4").exists()


def test_ctrl_c_keeps_what_was_recorded_and_an_error_does_not(tmp_path: Path) -> None:
    for error, kept in ((KeyboardInterrupt, ["play.mp4"]), (ZeroDivisionError, [])):
        path = tmp_path / error.__name__ / "play.mp4"
        path.parent.mkdir()
        with pytest.raises(error), VideoWriter(path, 30) as video:  # noqa: PT012
            video.add(frames(1)[0])
            raise error
        assert names(path.parent) == kept


@pytest.mark.parametrize("name", ["play", "play.avi", ".mp4", "play.mp4.zip"])
def test_another_ending_is_refused_before_anything_is_recorded(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"\.mp4 or \.gif"):
        VideoWriter(tmp_path / name, 30)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_named_before_anything_is_recorded(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no folder .*nowhere") as caught:
        VideoWriter(tmp_path / "nowhere" / "play.mp4", 30)
    assert "mkdir" in str(caught.value.hint)


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "play.mp4").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        VideoWriter(tmp_path / "play.mp4", 30)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_refuses(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Refused, match="Permission denied"):
        VideoWriter(tmp_path / "play.mp4", 30)


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf")])
def test_a_pace_that_is_none_is_refused(tmp_path: Path, fps: float) -> None:
    with pytest.raises(UsageError, match="positive number"):
        VideoWriter(tmp_path / "play.mp4", fps)


def test_frames_of_another_form_are_refused(tmp_path: Path) -> None:
    for frame in (np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((4, 0, 3), np.uint8)):
        with pytest.raises(UsageError, match="uint8, not"), VideoWriter(tmp_path / "play.mp4", 30) as video:
            video.add(frame)
    with VideoWriter(tmp_path / "play.mp4", 30) as video:
        video.add(frames(1)[0])
        with pytest.raises(UsageError, match="60×40 to 30×20"):
            video.add(frames(1, 20, 30)[0])
        video.discard()
    assert not list(tmp_path.iterdir())


def stand_in_for_ffmpeg(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))


# Writes half a file for its last argument, then dies: while it is fed, or when all was fed.
HALF = 'for last; do :; done; echo half > "${last#file:}"; '
SPACE = "[out#0/mp4 @ 0x5600] Error writing trailer: No space left on device"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (HALF + "head -c 9000 >/dev/null; echo '[libx264 @ 0x1] cannot go on' >&2; exit 1", "cannot go on"),
        (HALF + f"cat >/dev/null; echo '{SPACE}' >&2; echo Conversion failed >&2; exit 228", "No space left"),
        (HALF + "cat >/dev/null; exit 3", "ended with 3"),
        (HALF + "kill -9 $$", "ended with -9"),
    ],
)
@pytest.mark.parametrize("name", ["play.mp4", "play.gif"])
def test_ffmpeg_that_fails_halfway_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str, name: str
) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    stand_in_for_ffmpeg(tmp_path, script, monkeypatch)
    with pytest.raises(Refused) as caught:
        record(videos / name, frames(60))
    assert reason in caught.value.message
    assert "\n" not in caught.value.message
    assert not list(videos.iterdir())


def test_an_ffmpeg_that_is_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "nowhere"))
    with pytest.raises(Refused, match="ffmpeg cannot be started") as caught:
        record(tmp_path / "play.mp4", frames(1))
    assert "imageio-ffmpeg" in str(caught.value.hint)
    assert not list(tmp_path.iterdir())
