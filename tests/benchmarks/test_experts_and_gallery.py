"""The documents about the environments are made from what is measured and drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import numpy as np
import pytest

import envs
from benchmarks import experts, gallery
from envs import Array, BatchedEnv, Entry

CARTPOLE = next(entry for entry in envs.listing() if entry.name == "CartPole")


def test_the_first_episode_of_each_row_counts_and_no_other() -> None:
    def always_left(env: BatchedEnv, seed: int) -> experts.Player:
        return lambda observation, memory: np.zeros(env.num_envs, int)

    found = experts.returns(CARTPOLE, always_left, episodes=40, seed=0)
    assert found.shape == (40,)
    assert 8 <= found.min() <= found.max() <= 11  # it falls over in no time, always


def test_episodes_beyond_one_batch_are_played_in_further_ones_with_other_seeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(experts, "AT_ONCE", 8)
    found = experts.returns(CARTPOLE, experts.random_player, episodes=20, seed=0)
    assert found.shape == (20,)
    assert not np.array_equal(found[:8], found[8:16])


def test_an_expert_is_told_where_episodes_begin() -> None:
    firsts: list[Array] = []

    def watched(env: BatchedEnv, seed: int) -> experts.Player:
        def act(observation: Array, memory: dict[str, Any]) -> Array:
            firsts.append(memory["first"].copy())
            return np.zeros(env.num_envs, int)

        return act

    experts.returns(CARTPOLE, watched, episodes=3, seed=0)
    assert firsts[0].all()
    assert not firsts[1].any()


def test_measuring_writes_results_and_the_table_and_keeps_what_was_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experts, "RESULTS", tmp_path / "experts.json")
    monkeypatch.setattr(experts, "DOCUMENT", tmp_path / "environments.md")
    experts.DOCUMENT.write_text("a\n<!-- benchmark: experts -->\nold\n<!-- end -->\nb\n")
    assert experts.main(["--only", "CartPole", "--episodes", "5"]) == 0
    assert experts.main(["--only", "TMaze", "--episodes", "5"]) == 0
    record = json.loads(experts.RESULTS.read_text())
    assert set(record["environments"]) == {"CartPole", "TMaze"}
    assert record["environments"]["CartPole"]["expert"]["mean"] == 500
    lines = experts.DOCUMENT.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("a", "b")
    table = {line.split("`")[1]: line for line in lines if line.startswith("| `")}
    assert list(table) == [entry.name for entry in envs.listing()]
    assert "| left, right | 4 numbers or pixels |" in table["CartPole"]
    assert "| 500 | 475 | 500 | – |" in table["CartPole"]
    assert "| – | – |" in table["Snake"]


def test_the_document_has_a_place_and_its_table_is_of_all_environments() -> None:
    document = experts.DOCUMENT.read_text(encoding="utf-8")
    for entry in envs.listing():
        assert f"| `{entry.name}` |" in document
    kept = json.loads(experts.RESULTS.read_text(encoding="utf-8"))["environments"]
    for entry in envs.listing():
        means = kept[entry.name]
        assert means["random"]["mean"] < entry.reward_threshold <= means["expert"]["mean"]


@pytest.mark.parametrize("entry", envs.listing(), ids=lambda entry: entry.name)
def test_every_environment_has_a_scene(entry: Entry) -> None:
    scene = gallery.Scene(entry)
    scene.step(2)
    width, height = scene.env.picture_size
    assert scene.for_people().shape == (height, width, 3)
    assert scene.for_the_agent().shape == (40, 40, 3)
    assert scene.for_the_agent().std() > 5
    assert entry.name in gallery.MOMENTS


def test_the_gallery_is_a_picture_and_a_short_film(tmp_path: Path) -> None:
    assert gallery.main(["--only", "CartPole", "Catch", "--out", str(tmp_path), "--seconds", "0.2"]) == 0
    still, film = (imageio.imread(tmp_path / f"gallery.{ending}") for ending in ("png", "gif"))
    assert still.shape[2] == 3
    assert film.shape[0] == 4
    assert film.shape[1:3] == (still.shape[0] // 2, still.shape[1] // 2)
