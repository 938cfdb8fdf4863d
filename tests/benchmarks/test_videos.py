"""What filming costs is the same training without and with it, in turns."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks import videos


@pytest.mark.parametrize(("seed", "order"), [(0, [False, True]), (1, [True, False])])
def test_a_pair_of_trainings_is_compared_and_seeds_begin_in_turns(
    seed: int, order: list[bool], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[bool] = []

    def trained(seed: int, steps: int, every: int, filmed: bool) -> dict[str, Any]:
        assert (steps, every) == (2_000_000, 500_000)
        asked.append(filmed)
        return {"train_seconds": 11.0 if filmed else 10.0, "videos": 6 if filmed else 0}

    monkeypatch.setattr(videos, "trained", trained)
    assert videos.main(["--seed", str(seed), "--json"]) == 0
    assert asked == order
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert row["videos"] == 6
    assert row["more_percent"] == pytest.approx(10)
