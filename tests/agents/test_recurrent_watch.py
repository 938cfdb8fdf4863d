"""Watching agents with memory: what they show of it, and that heat and explanations remember as they did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import numpy as np
import pytest
import torch
from gymnasium import spaces

from agents.actors import PolicyActor
from sandbox.__main__ import main
from sandbox.ui.actor import forgetfulness
from tests.agents.remembering import PICTURE, attentive_dqn, attentive_ppo
from tests.agents.run_folders import error_of, quick_ends, train
from tests.agents.tasks import small_dqn, small_ppo

MAKERS = [attentive_ppo, attentive_dqn]


def seen(steps: int, space: spaces.Space) -> list[Any]:
    space.seed(3)
    return [space.sample() for _ in range(steps)]


def actor_of(make: Any, policy: str, **options: Any) -> PolicyActor:
    return PolicyActor(make(policy, **options).policy, "it")


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("policy", ["MlpLstmPolicy", "MlpGruPolicy"])
def test_an_actor_shows_the_units_of_each_layer_and_remembers_until_the_next_episode(
    make: Any, policy: str
) -> None:
    agent = make(policy, policy_kwargs={"memory_layers": 2})
    actor = PolicyActor(agent.policy, "it")
    assert actor.forgetful == forgetfulness(actor) == ""
    state, shown = None, []
    for step, observation in enumerate(seen(6, agent.observation_space)):
        view = actor.act(observation)
        action, state = agent.predict(observation, state, np.array([step == 0]), deterministic=True)
        assert view.action == action
        assert view.memory is not None
        assert view.memory.shape == (12,)
        assert np.abs(view.memory).max() <= 1
        np.testing.assert_allclose(view.memory, state[0].ravel(), rtol=1e-4, atol=1e-6)
        shown.append(view.memory)
    assert len({memory.tobytes() for memory in shown}) == 6
    actor.begin(1)
    again = actor.act(seen(1, agent.observation_space)[0]).memory
    assert again is not None
    np.testing.assert_array_equal(again, shown[0])


@pytest.mark.parametrize("make", [small_ppo, small_dqn])
def test_an_actor_without_memory_shows_none(make: Any) -> None:
    actor = PolicyActor(make().policy, "it")
    assert actor.forgetful == "it has no memory"
    assert actor.act(np.zeros(3, np.float32)).memory is None


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("policy", ["MlpLstmPolicy", "MlpGruPolicy"])
def test_what_is_thought_is_thought_with_what_was_remembered_before(make: Any, policy: str) -> None:
    """Values, probabilities and tendencies are of the moment of the action, not of the memory after it."""
    actor = actor_of(make, policy)
    observations = seen(5, actor.policy.observation_space)
    moments, tendencies, views = [], [], []
    for observation in observations:
        views.append(actor.act(observation))
        moments.append(actor.before)
        tendencies.append(actor.tendencies(observation[None], actor.before)[0])
    for number, (view, told) in enumerate(zip(views, tendencies, strict=True)):
        assert view.action == int(told.argmax())
        said = view.q_values if view.q_values is not None else np.log(view.probabilities[0])
        np.testing.assert_allclose(said - said.mean(), told.detach(), rtol=1e-3, atol=1e-4)
        # Asked later, about several at once, it says the same of each.
        three = np.stack([observations[number], observations[0], observations[number]])
        later = actor.tendencies(three, moments[number])
        torch.testing.assert_close(later[[0, 2]], told.expand(2, -1), rtol=1e-4, atol=1e-5)
        if number:
            others = actor.tendencies(observations[number][None], moments[0])[0]
            assert (others - told).abs().max() > 1e-3


@pytest.mark.parametrize("make", MAKERS)
def test_heat_does_not_disturb_the_memory_and_is_of_the_moment(make: Any) -> None:
    plain, hot = (actor_of(make, "CnnGruPolicy") for _ in range(2))
    for observation in seen(4, PICTURE):
        expected, found = plain.act(observation), hot.act(observation)
        assert expected.memory is not None
        np.testing.assert_array_equal(expected.memory, found.memory)
        before = hot.before[0]
        assert before is not None
        kept = before.clone()
        heat = hot.saliency()
        assert heat.shape == (16, 16)
        assert heat.max() > 0
        assert torch.equal(kept, before)


# The commands

SHORT = ("--steps", "128", "--eval-every", "0", "--set", "memory_size=8")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs: `ppo` and `dqn` remember what they see, `forgetful` does not."""
    root = tmp_path_factory.mktemp("remembering") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        quick_ends(patch)
        pictures = ("--policy", "CnnGruPolicy", *SHORT)
        assert train(root, "ppo", "Sandbox/Catch-v0", *pictures) == 0
        dqn = ("--algo", "dqn", "--policy", "lstm", *SHORT, "--set", "sequence_length=10")
        assert train(root, "dqn", "CartPole-v1", *dqn, "--set", "sequence_overlap=5") == 0
        assert train(root, "forgetful", "CartPole-v1", *SHORT) == 0
    return root


@pytest.mark.parametrize("name", ["ppo", "dqn"])
def test_a_video_has_a_strip_of_it(
    runs: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    last = []
    for option in ((), ("--memory",)):
        file = tmp_path / f"{name}{len(option)}.mp4"
        words = ["watch", name, "--out", str(runs), "--episodes", "1", "--record", str(file), "--json"]
        assert main([*words, *option]) == 0
        frames = json.loads(capsys.readouterr().out)["frames"]
        pictures = imageio.imread(file, plugin="FFMPEG")
        assert len(pictures) == frames > 5
        last.append(pictures[-2].astype(float))
    plain, strip = last
    assert strip.shape != plain.shape or np.abs(strip - plain).mean() > 1


def test_who_forgets_has_no_strip(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = error_of(capsys, ["watch", "forgetful", "--memory", "--out", str(runs)], 2)
    assert "has no memory to show: it has no memory" in error


def test_an_agent_with_memory_is_explained(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["explain", "ppo", "--out", str(runs), "--frames", "25", "-o", str(tmp_path / "pictures")]
    assert main([*words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["frames"] == 25
    for path in map(Path, result["pictures"].values()):
        assert imageio.imread(path).shape[1] > 100
