"""The picture of learning curves: a panel for each task, in which everybody keeps one colour."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.curves import draw, grouped
from benchmarks.document import draw_pictures, written
from benchmarks.recipes import Recipe
from sandbox.ui.chart import COLOURS


def run(task: str, algorithm: str, seed: int, engine: str = "ours", points: int = 4) -> dict[str, Any]:
    curve = [[1_000 * at, 2.0 * at, at + seed] for at in range(1, points + 1)]
    about = {"task": f"Sandbox/{task}-v0", "threshold": 5.0, "algorithm": algorithm, "seed": seed}
    return {**about, "engine": engine, "curve": curve}


def record(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"result": {"runs": list(runs)}}


def colours(path: Path, *, left: bool) -> set[str]:
    """The palette's colours in that half of the panels."""
    with Image.open(path) as picture:
        seen = np.asarray(picture.convert("RGB"))[150:550]  # above the legend
    seen = seen[:, :650] if left else seen[:, 650:]
    return {
        colour for colour in COLOURS if (seen == tuple(bytes.fromhex(colour.removeprefix("#")))).all(-1).any()
    }


def test_runs_of_a_task_come_together_with_a_curve_for_each_seed_and_sb3_last() -> None:
    records = [
        record(run("Pong", "PPO", 1, "SB3"), run("Pong", "PPO", 0)),
        record(run("Pong", "PPO", 1), run("Catch", "DQN", 0), run("Catch", "PPO", 0, points=0)),
    ]
    found = grouped(records)
    assert [task for task, _ in found] == ["Sandbox/Pong-v0", "Sandbox/Catch-v0"]
    pong = found["Sandbox/Pong-v0", 5.0]
    assert {label: [curve.seed for curve in curves] for label, curves in pong.items()} == {
        "PPO": [0, 1],
        "SB3 PPO": [1],
    }
    assert list(pong) == ["PPO", "SB3 PPO"]
    assert list(pong["PPO"][0].seconds) == [2.0, 4.0, 6.0, 8.0]
    assert list(found["Sandbox/Catch-v0", 5.0]) == ["DQN"]  # whose training was too short for a look has none


def test_an_algorithm_has_the_same_colour_in_every_panel(tmp_path: Path) -> None:
    runs = [run("Catch", "PPO", 0), run("Catch", "DQN", 2), run("Pong", "DQN", 0)]
    path = draw([record(*runs)], tmp_path / "pixels.png")
    assert colours(path, left=True) == set(COLOURS[:2])
    assert colours(path, left=False) == {COLOURS[1]}


def test_the_picture_stands_above_the_table_and_is_drawn_beside_the_document(tmp_path: Path) -> None:
    made = {"versions": {"torch": "2"}, "processor": "a CPU", "usable_cpus": 2, "platform": "Linux",
            "python": "3.11", "time": "2026-01-31T12:00:00+00:00", "git": None}  # fmt: skip
    result = {**record(run("Catch", "PPO", 0))["result"], "rows": [{"task": "Catch", "reached": True}]}
    kept = {"recipe": "games-catch", "seed": 0, "seconds": 3.0, "made": made, "result": result}
    (tmp_path / "games-catch-s0.json").write_text(json.dumps(kept))
    recipes = [Recipe("games-catch", "bench games", seeds=(0,), place="games", picture="games.png")]
    marks = "".join(f"<!-- benchmark: {place} -->\nold\n<!-- end -->\n" for place in ("status", "games"))
    text = written("## Games & more\n" + marks, recipes, tmp_path)
    assert text.index("](games.png)") < text.index("| Catch | 1 of 1 |")
    assert (
        "| [Games & more](#games--more) | games | all | 0 of 1 | 2026-01-31 | unknown | a CPU, 2 CPUs |"
        in text
    )
    assert written(text, recipes, tmp_path) == text
    draw_pictures(recipes, tmp_path, tmp_path)
    assert (tmp_path / "games.png").stat().st_size > 10_000
