"""Metrics survive a crash in the middle of a line, and a resumed run cuts what came after its checkpoint."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.core.errors import RunBroken
from sandbox.core.metrics import MetricsWriter, cut_metrics, read_metrics


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "metrics.jsonl"
    with MetricsWriter(file) as writer:
        for step in (100, 200, 300):
            writer.write(step, {"rollout/ep_rew_mean": step / 7})
    return file


def test_lines_read_back_in_order(path: Path) -> None:
    assert read_metrics(path) == [{"step": s, "rollout/ep_rew_mean": s / 7} for s in (100, 200, 300)]


def test_each_line_is_on_the_disk_at_once(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path / "m.jsonl")
    writer.write(1, {"a": 1})
    assert read_metrics(tmp_path / "m.jsonl") == [{"step": 1, "a": 1}]
    writer.close()
    writer.close()


def test_nan_and_infinity_survive_in_strict_json(tmp_path: Path) -> None:
    with MetricsWriter(tmp_path / "m.jsonl") as writer:
        writer.write(
            1, {"a": math.nan, "b": math.inf, "c": -math.inf, "d": np.float32(0.5), "e": np.int64(3)}
        )
    assert '"a": "NaN"' in (tmp_path / "m.jsonl").read_text()
    (line,) = read_metrics(tmp_path / "m.jsonl")
    assert math.isnan(line.pop("a"))
    assert line == {"step": 1, "b": math.inf, "c": -math.inf, "d": 0.5, "e": 3}


def test_a_missing_file_has_no_lines(tmp_path: Path) -> None:
    assert read_metrics(tmp_path / "none.jsonl") == []
    assert cut_metrics(tmp_path / "none.jsonl", 0) == 0


@pytest.mark.parametrize("tail", ['{"step": 40', "{", "\x00\x00\x00", '{"loss": 1}', "7", "null\n", "{\n"])
def test_a_torn_last_line_is_ignored(path: Path, tail: str) -> None:
    with path.open("a") as file:
        file.write(tail)
    assert [line["step"] for line in read_metrics(path)] == [100, 200, 300]


def test_a_damaged_line_in_the_middle_is_named(path: Path) -> None:
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1][:10], lines[2]]) + "\n")
    with pytest.raises(RunBroken, match=r"metrics\.jsonl: line 2 is damaged"):
        read_metrics(path)


def test_cutting_drops_what_came_later_and_the_torn_tail(path: Path) -> None:
    with path.open("a") as file:
        file.write('{"step": 4')
    assert cut_metrics(path, after_step=200) == 2
    assert [line["step"] for line in read_metrics(path)] == [100, 200]
    assert path.read_text().endswith("}\n")


def test_cutting_nothing_leaves_the_file_alone(path: Path) -> None:
    before = path.stat().st_ino
    assert cut_metrics(path, after_step=300) == 0
    assert path.stat().st_ino == before


def test_writing_on_after_a_crash_does_not_glue_lines_together(path: Path) -> None:
    with path.open("a") as file:
        file.write('{"step": 4')
    with MetricsWriter(path) as writer:
        writer.write(400, {})
    assert [line["step"] for line in read_metrics(path)] == [100, 200, 300, 400]


@given(st.lists(st.integers(0, 50), max_size=8), st.integers(0, 50), st.data())
def test_a_crash_at_any_byte_costs_only_the_line_it_hit(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], after: int, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("metrics") / "m.jsonl"
    with MetricsWriter(path) as writer:
        for step in sorted(steps):
            writer.write(step, {"loss": 1 / 3})
    raw = path.read_bytes()
    end = data.draw(st.integers(0, len(raw)))
    path.write_bytes(raw[:end])
    whole = [line["step"] for line in read_metrics(path)]
    assert raw[:end].count(b"\n") <= len(whole) <= raw[:end].count(b"\n") + 1
    assert whole == sorted(steps)[: len(whole)]
    cut_metrics(path, after)
    assert [line["step"] for line in read_metrics(path)] == [step for step in whole if step <= after]
