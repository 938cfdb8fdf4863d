"""Videos of a run while it trains: they show the agent as it was, and change nothing in the run."""

from __future__ import annotations

from pathlib import Path

import pytest
from imageio_ffmpeg import count_frames_and_secs

from agents.config import AgentConfig
from agents.settings import PPOSettings
from agents.videos import TrainingVideos
from sandbox.core.metrics import read_metrics
from sandbox.core.run import Run
from tests.agents.run_folders import (
    assert_same_run,
    at_metric_line,
    error_of,
    press_ctrl_c,
    resume,
    train,
    train_words,
    wait_for,
)
from tests.agents.tasks import small_ppo

FILM = ("--video-every", "512")
FILMED = [f"step-{step:012d}.mp4" for step in (0, 512, 1024, 1536)]


pytestmark = pytest.mark.usefixtures("short_evaluations")


def videos(run: Path) -> list[str]:
    return sorted(file.name for file in (run / "videos").iterdir())


@pytest.mark.parametrize("env", ["CartPole-v1", "Sandbox/CartPole-v0"])
def test_a_run_is_filmed_at_its_beginning_on_the_way_and_at_its_end(runs_root: Path, env: str) -> None:
    assert train(runs_root, "filmed", env, *FILM) == 0
    assert videos(runs_root / "filmed") == FILMED
    for name in FILMED:
        frames, seconds = count_frames_and_secs(runs_root / "filmed" / "videos" / name)
        assert 9 <= frames <= 501
        assert seconds == pytest.approx(frames / 50)


def test_a_run_is_the_same_to_the_last_bit_with_and_without_videos(runs_root: Path) -> None:
    assert train(runs_root, "plain") == 0
    assert train(runs_root, "filmed", "CartPole-v1", *FILM) == 0
    assert_same_run(runs_root / "plain", runs_root / "filmed")
    assert not (runs_root / "plain" / "videos").exists()


def test_a_stopped_run_goes_on_with_its_videos_and_ends_the_same(runs_root: Path) -> None:
    assert train(runs_root, "plain") == 0
    with at_metric_line(12, press_ctrl_c):
        assert train(runs_root, "stopped", "CartPole-v1", *FILM) == 130
    assert FILMED[0] in videos(runs_root / "stopped")
    assert FILMED[-1] not in videos(runs_root / "stopped")
    assert resume(runs_root, "stopped") == 0
    assert_same_run(runs_root / "plain", runs_root / "stopped")
    assert videos(runs_root / "stopped") == FILMED


def test_an_environment_without_pictures_is_refused_before_there_is_a_run(
    runs_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = train_words(runs_root, "blind", "Tiny/Sampled-v0", *FILM)
    assert "Tiny/Sampled-v0 has no pictures" in error_of(capsys, words, 2)
    assert not runs_root.exists()


def test_a_negative_distance_is_refused(runs_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = train_words(runs_root, "negative", "CartPole-v1", "--video-every", "-1")
    assert "video" in error_of(capsys, words, 2)


def test_ffmpeg_failing_halfway_costs_the_video_and_not_the_run(
    runs_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ffmpeg = tmp_path / "ffmpeg"
    ffmpeg.write_text('#!/bin/sh\nfor last; do :; done; echo half > "${last#file:}"; exit 1\n')
    ffmpeg.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(ffmpeg))
    assert train(runs_root, "unlucky", "CartPole-v1", *FILM) == 0
    assert capsys.readouterr().err.count("warning: no video of step") == len(FILMED)
    assert videos(runs_root / "unlucky") == []
    assert Run(runs_root / "unlucky").status == "finished"
    assert len(read_metrics(runs_root / "unlucky" / "metrics.jsonl")) > 0


def test_a_process_that_dies_is_told_and_waited_for_no_longer(tmp_path: Path) -> None:
    said: list[str] = []
    agent = small_ppo("CartPole-v1")
    filming = TrainingVideos(AgentConfig("CartPole-v1", "CartPole-v1"), tmp_path / "videos", said.append)
    filming.record(agent)
    filming._process.kill()
    filming.finish()
    assert len(said) == 1
    assert "died" in said[0]
    filming.finish()  # once more does nothing


def test_stopping_at_once_leaves_nothing_half_made(tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    filming = TrainingVideos(
        AgentConfig("Acrobot-v1", "Acrobot-v1", settings=PPOSettings(net_arch=[8])), folder, pytest.fail
    )
    filming.record(small_ppo("Acrobot-v1"))
    wait_for(lambda: filming._answers.qsize() > 0 or any(folder.glob("*")), filming._process)
    filming.stop()
    filming.stop()
    assert videos(tmp_path) == []
