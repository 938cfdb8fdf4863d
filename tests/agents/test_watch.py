"""`watch` and `play`: what they show is what the policy thinks, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3 as sb3
import torch

from agents import PPO
from agents.actors import PolicyActor, SB3Actor
from agents.watched import file_watched, run_watched
from sandbox.__main__ import main
from sandbox.core.errors import SandboxError, UsageError
from sandbox.core.runs import find_run
from sandbox.ui.hud import bars_of
from tests.agents.run_folders import error_of, quick_ends, train


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one small run, `small`, of several checkpoints."""
    root = tmp_path_factory.mktemp("watched") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        quick_ends(patch)
        assert train(root, "small") == 0
    return root


def test_the_numbers_are_the_policys() -> None:
    agent = PPO("MlpPolicy", "CartPole-v1", n_envs=1, seed=0)
    actor = PolicyActor(agent.policy, "it")
    observation = np.array([0.1, 0.2, -0.1, 0.5], np.float32)
    view = actor.act(observation)
    batch = torch.as_tensor(observation)[None]
    with torch.no_grad():
        logits = agent.policy.action_net(agent.policy.mlp_extractor.forward_actor(batch))
        value = agent.policy.predict_values(batch).item()
    assert view.value == pytest.approx(value)
    assert np.allclose(view.probabilities[0], logits.softmax(-1)[0].numpy())
    assert view.action == int(logits.argmax())
    assert view.action == agent.predict(observation, deterministic=True)[0]


def test_a_continuous_policy_has_mean_and_spread() -> None:
    agent = PPO("MlpPolicy", "Pendulum-v1", n_envs=1, seed=0)
    view = PolicyActor(agent.policy, "it").act(np.array([1.0, 0.0, 0.5], np.float32))
    assert view.mean is not None
    assert view.action == pytest.approx(np.clip(view.mean, -2, 2))
    assert view.spread == pytest.approx(agent.policy.log_std.exp().detach().numpy())


def test_a_discrete_observation_is_seen() -> None:
    agent = PPO("MlpPolicy", "FrozenLake-v1", n_envs=1, seed=0)
    env = gym.make("FrozenLake-v1", render_mode="rgb_array")
    observation, _ = env.reset(seed=0)
    view = PolicyActor(agent.policy, "it").act(observation)
    assert view.probabilities[0].sum() == pytest.approx(1)
    env.step(view.action)


@pytest.mark.parametrize(
    ("algorithm", "env"),
    [(sb3.PPO, "CartPole-v1"), (sb3.A2C, "Pendulum-v1"), (sb3.DQN, "CartPole-v1"), (sb3.SAC, "Pendulum-v1")],
)
def test_stock_sb3_files_are_watched_with_trust_alone(algorithm: type, env: str, tmp_path: Path) -> None:
    path = tmp_path / "stock.zip"
    model = algorithm("MlpPolicy", env, seed=0)
    model.save(path)
    with pytest.raises(UsageError, match="pickles"):
        file_watched(path, env, {}, trust=False)
    watched = file_watched(path, env, {}, trust=True)
    assert isinstance(watched.actor, SB3Actor)
    assert watched.actor.name == f"{algorithm.__name__} of stock.zip"
    observation, _ = watched.env.reset(seed=0)
    view = watched.actor.act(observation)
    assert np.allclose(view.action, model.predict(observation, deterministic=True)[0])
    assert bars_of(view, watched.env.action_space)[1]


def test_our_own_files_are_watched(tmp_path: Path) -> None:
    PPO("MlpPolicy", "CartPole-v1", n_envs=1).save(tmp_path / "ours.zip")
    watched = file_watched(tmp_path / "ours.zip", "CartPole", {}, trust=False)
    assert watched.actor.act(watched.env.reset()[0]).value is not None


def test_the_next_checkpoint_comes_after_this_one_and_the_first_after_the_last(runs: Path) -> None:
    watched = run_watched(find_run("small", runs), "first", "", {}, False, print)
    assert watched.next_actor is not None
    names = [watched.actor.name]
    count = len(list((runs / "small" / "checkpoints").glob("step-*")))
    names += [watched.next_actor().name for _ in range(count)]
    assert names[0] == names[-1]
    assert len(set(names)) == count
    assert "last" in names[-2]


def test_without_a_display_a_video_is_recorded(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "small", "--out", str(runs), "--episodes", "2", "--json"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert "no display" in captured.err
    assert len(result["episodes"]) == 2
    assert result["frames"] == result["steps"] + 2
    (video,) = result["videos"]
    assert Path(video).parent == runs / "small" / "videos"
    assert Path(video).stat().st_size > 0


def test_a_recording_ends_where_the_episode_would_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("agents.names.LONGEST", 20)
    words = ["watch", "--random", "--env", "Pendulum", "--env-arg", "max_episode_steps=-1"]
    assert main([*words, "--record", str(tmp_path / "p.gif"), "--episodes", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 20


def test_random_actions_are_recorded_where_one_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "random.gif"
    words = [
        "watch",
        "--random",
        "--env",
        "CartPole",
        "--record",
        str(path),
        "--episodes",
        "1",
        "--seed",
        "5",
    ]
    assert main([*words, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert path.read_bytes().startswith(b"GIF8")
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["episodes"] == first["episodes"]


REFUSALS = [
    (["watch", "--window", "--random", "--env", "CartPole"], 7, "there is no display for a window"),
    (["watch", "--random"], 2, "--random needs --env"),
    (["watch", "--random", "--env", "CartPol"], 4, "there is no environment called 'CartPol'"),
    (["watch", "--random", "--env", "CartPole", "--speed", "0"], 2, "--speed must be between 0.01 and 1000"),
    (["watch", "--random", "--env", "CartPole", "--episodes", "0"], 2, "--episodes must be at least 1"),
    (["watch", "--random", "--env", "CartPole", "--record", "x.avi"], 2, "a video ends in .mp4 or .gif"),
    (["watch", "--random", "--env", "CartPole", "--record", "no/x.mp4"], 4, "no"),
    (["watch", "small", "--checkpoint", "77"], 4, "there is no checkpoint '77'"),
    (["watch", "small", "--checkpoint", "bset"], 4, "there is no checkpoint 'bset'"),
    (["watch", "small", "--env", "Pendulum"], 2, "the agent of small does not fit Sandbox/Pendulum-v0"),
    (["watch", "small", "--env", "Acrobot"], 2, "the agent of small does not fit Sandbox/Acrobot-v0"),
    (["watch", "nothing.zip"], 2, "nothing.zip does not say where its agent plays"),
    (["watch", "nothing.zip", "--env", "CartPole"], 4, "there is no file nothing.zip"),
    (["watch", "never"], 4, "no run"),
    (["play", "CartPole"], 7, "there is no display to play on"),
    (["play", "tests.agents.unseen:Keyless-v0"], 2, "Keyless-v0 has no key map"),
    (["play", "tests.agents.unseen:Unseen-v0"], 2, "Unseen-v0 has no pictures"),
    (["watch", "--random", "--env", "tests.agents.unseen:Unseen-v0"], 2, "Unseen-v0 has no pictures"),
]


@pytest.mark.parametrize(("words", "code", "message"), REFUSALS, ids=[" ".join(r[0]) for r in REFUSALS])
def test_what_cannot_be_shown_is_refused_in_one_line(
    words: list[str],
    code: int,
    message: str,
    runs: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SANDBOX_RUNS", str(runs))
    assert message in error_of(capsys, words, code)


def test_a_run_without_checkpoints_has_nothing_to_watch(
    runs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(runs / "small", tmp_path / "bare")
    shutil.rmtree(tmp_path / "bare" / "checkpoints")
    message = error_of(capsys, ["watch", str(tmp_path / "bare")], 4)
    assert "has no checkpoint yet" in message


def test_a_broken_checkpoint_is_passed_over_at_the_next_press(runs: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(runs / "small", tmp_path / "small")
    folders = sorted((tmp_path / "small" / "checkpoints").glob("step-*"))
    (folders[1] / "tensors.safetensors").write_bytes(b"")
    watched = run_watched(find_run(str(tmp_path / "small")), "first", "", {}, False, print)
    assert watched.next_actor is not None
    with pytest.raises(SandboxError, match="step-"):
        watched.next_actor()
    assert str(f"{int(folders[2].name[5:]):,}") in watched.next_actor().name
