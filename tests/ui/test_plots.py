"""A run's learning curve is a picture that can be opened, whatever the metrics hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from sandbox.ui import chart
from sandbox.ui.chart import series, short_count
from sandbox.ui.plots import learning_curve


def metrics(lines: int = 12, top: float = 500.0) -> list[dict[str, Any]]:
    """A run that learns: every line has training values, every fourth is followed by an evaluation."""
    written: list[dict[str, Any]] = []
    for index in range(1, lines + 1):
        step, mean = 2048 * index, top * index / lines
        written.append({"step": step, "rollout/ep_rew_mean": mean, "time/seconds": 0.1 * index})
        if index % 4 == 0:
            written.append({"step": step, "eval/mean_reward": mean, "eval/std_reward": 10.0})
    return written


def drawn_share(path: Path) -> float:
    """The part of the picture's pixels that is not white."""
    with Image.open(path) as picture:
        assert picture.size == (1200, 675)
        assert picture.format == "PNG"
        return float((np.asarray(picture.convert("L")) < 250).mean())


def has_colour(path: Path, colour: str) -> bool:
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    return bool((pixels == tuple(bytes.fromhex(colour.removeprefix("#")))).all(1).any())


def test_a_run_is_drawn_with_training_and_evaluations(tmp_path: Path) -> None:
    path = learning_curve(tmp_path / "plots" / "curve.png", metrics(), title="PPO on CartPole", threshold=475)
    assert path == tmp_path / "plots" / "curve.png"
    assert has_colour(path, chart.COLOURS[0])
    assert has_colour(path, chart.COLOURS[1])
    assert [entry.name for entry in path.parent.iterdir()] == ["curve.png"]


def test_the_threshold_is_drawn(tmp_path: Path) -> None:
    without = drawn_share(learning_curve(tmp_path / "a.png", metrics(), title="PPO"))
    with_it = drawn_share(learning_curve(tmp_path / "b.png", metrics(), title="PPO", threshold=475))
    assert with_it > without


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [{"step": 64, "time/fps": 3.0}],
        [{"step": 64, "rollout/ep_rew_mean": None}],
        [{"step": 64, "rollout/ep_rew_mean": float("nan"), "eval/mean_reward": "nan"}],
    ],
)
def test_without_any_value_the_picture_says_so(tmp_path: Path, lines: list[dict[str, Any]]) -> None:
    path = learning_curve(tmp_path / "curve.png", lines, title="PPO on CartPole", threshold=475)
    assert 0.001 < drawn_share(path) < drawn_share(learning_curve(tmp_path / "x.png", metrics(), title="PPO"))


@pytest.mark.parametrize(
    "lines",
    [
        metrics(1),
        metrics(400, top=-1e6),
        [{"step": 0, "rollout/ep_rew_mean": 0.0}],
        [{"step": 64, "eval/mean_reward": 1.0, "eval/std_reward": None}],
        [{"step": step, "rollout/ep_rew_mean": 21} for step in (64, 128)],
    ],
    ids=["one line", "many, negative", "step 0", "only an evaluation", "constant"],
)
def test_unusual_runs_are_drawn(tmp_path: Path, lines: list[dict[str, Any]]) -> None:
    assert drawn_share(learning_curve(tmp_path / "curve.png", lines, title="PPO", threshold=475)) > 0.005


def test_a_picture_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "curve.png"
    path.write_bytes(b"old")
    assert drawn_share(learning_curve(path, metrics(), title="PPO")) > 0.005


def test_a_series_holds_the_finite_values_in_their_order() -> None:
    lines = [{"step": 1, "x": 2}, {"step": 2}, {"step": 3, "x": None}, {"step": 4, "x": float("inf")}]
    found = series([*lines, {"step": 5, "x": 2.5}, {"step": 6, "x": "7"}], "x")
    assert found.steps.tolist() == [1, 5]
    assert found.values.tolist() == [2, 2.5]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (500, "500"), (2000, "2k"), (12_500, "12.5k"), (1_500_000, "1.5M"), (2e9, "2G")],
)
def test_steps_are_written_short(count: float, text: str) -> None:
    assert short_count(count) == text


@given(hnp.arrays(np.float64, st.integers(1, 8), elements=st.floats(0, 1)))
def test_labels_keep_their_order_and_their_distance(heights: np.ndarray) -> None:
    placed = chart.spread_out(np.sort(heights), gap=0.1)
    assert (np.diff(placed) >= 0.1 - 1e-9).all()
    assert placed[0] >= -1e-9
    assert placed[-1] <= 1 + 1e-9


def test_matplotlib_is_loaded_to_draw_only_and_pyplot_never(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from sandbox.ui.plots import learning_curve\n"
        "assert 'matplotlib' not in sys.modules\n"
        "learning_curve(Path(sys.argv[1]), [{'step': 1, 'rollout/ep_rew_mean': 1.0}], title='PPO')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "curve.png")], check=True)
