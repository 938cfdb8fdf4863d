"""`bench ablations`: what it trains, how it measures what the papers claim, and what it reports."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.bench.ablations import witness
from agents.bench.ablations.claims import (
    calibration_gap,
    discounted_returns,
    heading_and_reverse,
    reward_preference,
    twin_gap,
)
from agents.bench.ablations.command import claims_of, rows_of
from agents.bench.ablations.variants import VARIANTS
from agents.bench.ablations.witness import Witness, summary, values_and_returns
from agents.build import build_agent
from agents.dqn import DQN
from envs.snake import Snake
from sandbox.__main__ import main

Captured = pytest.CaptureFixture[str]
PARTS = ("double", "dueling", "n_step", "prioritized", "distributional", "noisy")


def parts(variant: str) -> dict[str, Any]:
    config = {known.name: known for known in VARIANTS}[variant].config(seed=0, shorter=1)
    return {name: getattr(config.settings, name) for name in PARTS}


def test_a_variant_differs_from_its_base_in_the_one_ingredient_that_it_names() -> None:
    for variant in VARIANTS:
        base, _, ingredient = variant.name.replace("-", "+").partition("+")
        changed = [name for name, value in parts(variant.name).items() if value != parts(base)[name]]
        assert changed == ([ingredient] if ingredient else [])


def test_all_variants_share_steps_environments_and_every_other_setting() -> None:
    def shared(index: int) -> dict[str, Any]:
        config = VARIANTS[index].config(seed=3, shorter=10)
        settings = {key: value for key, value in vars(config.settings).items() if key not in PARTS}
        return {**vars(config), "settings": {**settings, "preset": None}}

    assert all(shared(index) == shared(0) for index in range(len(VARIANTS)))
    assert (shared(0)["steps"], shared(0)["seed"]) == (3_000, 3)


@given(st.integers(1, 12), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_discounted_returns_stop_where_an_episode_does(steps: int, n_envs: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rewards, ended = rng.normal(size=(steps, n_envs)), rng.random((steps, n_envs)) < 0.3
    found = discounted_returns(rewards, ended, 0.9)
    for env in range(n_envs):
        for first in range(steps):
            total, discount = 0.0, 1.0
            for at in range(first, steps):
                total += discount * rewards[at, env]
                discount *= 0.9
                if ended[at, env]:
                    break
            assert found[first, env] == pytest.approx(total)


def test_true_quantiles_are_calibrated_and_ones_that_are_all_too_high_are_off_by_half() -> None:
    returns = np.linspace(0, 1, 1_000)
    true = np.tile((np.arange(8) + 0.5) / 8, (1_000, 1))
    assert calibration_gap(true, returns) < 0.1
    assert calibration_gap(true + 2, returns) == 50
    assert calibration_gap(true - 2, returns) == 50


def test_the_twin_gap_is_measured_in_spreads() -> None:
    values = torch.tensor([[0.0, 1.0, 0.0, 1.0]])  # standard deviation 1/2
    zero, one, two = (torch.tensor([action]) for action in (0, 1, 2))
    assert twin_gap(values, zero, two) == 0
    assert twin_gap(10 * values, zero, one) == pytest.approx(200)


def test_going_back_is_going_straight_on_in_snake() -> None:
    straight, back = Snake(8, obs="features"), Snake(8, obs="features")
    for env in (straight, back):
        seen = env.reset(seed=0)[0]
    assert (heading_and_reverse(torch.as_tensor(seen))[0] == 1).all()  # every snake begins to the right
    rng = np.random.default_rng(0)
    for _ in range(20):
        heading, reverse = heading_and_reverse(torch.as_tensor(seen.copy()))
        seen = straight.step(heading.numpy())[0]
        assert (back.step(reverse.numpy())[0] == seen).all()
        turn = (heading.numpy() + rng.choice([1, 3], 8)) % 4
        seen = straight.step(turn)[0]
        back.step(turn)


def test_reward_preference_compares_with_what_is_stored() -> None:
    rewards, stored = np.array([0, 1, 0, 0, 0, -1, 9]), np.array([True] * 6 + [False])
    assert reward_preference(rewards, stored, np.array([0, 1, 2, 3, 4, 5])) == 1
    assert reward_preference(rewards, stored, np.array([1, 5, 1, 5])) == 3


def test_an_evaluation_counts_first_episodes_and_values_of_the_first_steps() -> None:
    rewards = np.array([[1.0, 0.0], [2.0, 0.0], [4.0, 0.0]])
    ended = np.array([[False, False], [True, False], [True, True]])
    said = np.full((3, 2, 1), 5.0, np.float32)
    found = values_and_returns(rewards, ended, said, gamma=0.5, judged=2)
    assert found["return"] == (3.0 + 0.0) / 2  # the 4 belongs to the second episode
    assert found["value_obtained"] == (2.0 + 2.0 + 0 + 0) / 4
    assert found["value_said"] == 5
    assert found["calibration_gap"] is None  # a single number claims nothing about the distribution


def look(steps: int, value: float) -> dict[str, Any]:
    names = ("return", "value_said", "value_obtained", "twin_gap", "reward_preference", "random_actions")
    return {"steps": steps, "calibration_gap": None, **dict.fromkeys(names, value)}


def test_a_training_is_summed_up_over_all_looks_or_over_its_second_half() -> None:
    looks = [look(10, 4.0), look(20, 12.0), look(30, 10.0), look(40, 8.0)]
    found = summary(looks, threshold=10)
    assert (found["mean_return"], found["steps_to_threshold"], found["reached"]) == (8.5, 20, True)
    assert (found["twin_gap"], found["overestimation"], found["calibration_gap"]) == (9, 0, None)
    assert (found["random_actions_first"], found["random_actions_last"]) == (4, 8)
    assert summary(looks, threshold=13)["steps_to_threshold"] is None


def test_a_variant_is_compared_with_its_base_of_the_same_seed() -> None:
    def run(variant: str, seed: int, mean: float) -> dict[str, Any]:
        others = dict.fromkeys(("last_return", "steps_to_threshold", "reached", "cpu_seconds"))
        return {"variant": variant, "seed": seed, "mean_return": mean, **others}

    names = ("plain", "plain+n_step", "rainbow", "rainbow-n_step")
    runs = [
        run(name, seed, mean) for seed in (0, 5) for name, mean in zip(names, (1, 4, 9, seed), strict=True)
    ]
    found = [row["change_in_mean_return"] for row in rows_of([*runs, run("plain+double", 7, 3.0)])]
    assert found == [None, 3, 8, -9, None, 3, 8, -4, None]


def test_a_claim_needs_a_run_without_and_one_with_the_ingredient_of_the_same_seed() -> None:
    def run(variant: str, seed: int, value: float) -> dict[str, Any]:
        return {"variant": variant, "seed": seed, "overestimation": value}

    runs = [run("plain", 0, 2.0), run("plain+double", 0, 0.5), run("plain", 1, 2.0), run("rainbow", 0, 0.1)]
    rows = claims_of([*runs, run("rainbow-double", 0, 3.0), run("rainbow-double", 1, 4.0)])
    assert [(row["ingredient"], row["in"]) for row in rows] == [("double", "plain"), ("double", "rainbow")]
    assert [(row["without"], row["with_it"]) for row in rows] == [(2.0, 0.5), (3.0, 0.1)]


def test_an_agent_learns_the_same_whether_somebody_looks_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness, "LOOKS", 3)
    config = {known.name: known for known in VARIANTS}["rainbow+noisy"].config(seed=0, shorter=15)
    weights = []
    for run in (False, onlooker := Witness(config)):
        agent = build_agent(config)
        assert isinstance(agent, DQN)
        agent.learn(config.steps, run=run)
        agent.simulator.close()
        weights.append(agent.policy.state_dict())
    assert len(onlooker.looks) == 3
    for name, weight in weights[0].items():
        assert torch.equal(weight, weights[1][name]), name


def test_the_command_reports_rows_claims_and_what_each_look_found(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness, "LOOKS", 5)
    names = ["plain", "plain+distributional"]
    words = ["bench", "ablations", "--seeds", "1", "--first-seed", "3", "--quick", "--only", *names]
    assert main([*words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["variant"] for row in result["rows"]] == names
    assert [row["ingredient"] for row in result["claims"]] == ["distributional"]
    plain, distributional = result["runs"]
    assert plain["updates"] == distributional["updates"] > 200
    for run in result["runs"]:
        assert len(run["looks"]) == 5
        assert all(-1 <= found["return"] <= 61 for found in run["looks"])
    assert plain["calibration_gap"] is None
    assert 0 < distributional["calibration_gap"] <= 50


def test_an_unknown_variant_gets_a_suggestion(capsys: Captured) -> None:
    assert main(["bench", "ablations", "--only", "plain+doubel"]) == 2
    assert "plain+double" in capsys.readouterr().err
    assert main(["bench", "ablations", "--seeds", "0"]) == 2
    assert "at least 1" in capsys.readouterr().err
