"""`--algo sb3-…`: stock algorithms learn as in a plain script, in a run folder like any other's."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import sb3_contrib
import stable_baselines3 as sb3
import torch
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import VecNormalize

from agents.build import build_agent
from agents.config import AgentConfig
from agents.settings.stock import settings_of
from agents.stock.agent import StockAgent
from agents.stock.table import STOCK
from sandbox import load_run
from sandbox.__main__ import main
from sandbox.core.config import from_mapping, to_toml
from sandbox.core.errors import CheckpointBroken
from sandbox.core.metrics import read_metrics
from sandbox.core.run import Run
from tests.agents.run_folders import at_metric_line, press_ctrl_c, quick_ends

ALL = pytest.mark.parametrize("algo", STOCK)
TASKS = {"Box": "Pendulum-v1"}
"""where an algorithm cannot act in CartPole"""
SMALL = {
    "sb3-ppo": ("n_steps=32", "batch_size=32", "n_epochs=2", "learning_rate=lin_1e-3", "net_arch=[8]"),
    "sb3-a2c": ("normalize_observation=true", "normalize_reward=true", "net_arch=[8]"),
    "sb3-dqn": (
        "learning_starts=50",
        "train_freq=16",
        "target_update_interval=32",
        "gradient_steps=1",
        "net_arch=[8]",
    ),
    "sb3-td3": ("learning_starts=50", "noise_type=normal", "net_arch=[8]", "train_freq=20"),
    "sb3-qrdqn": ("learning_starts=50", "train_freq=4", "gradient_steps=1", "n_quantiles=5", "net_arch=[8]"),
}


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        quick_ends(patch)
        yield


def train(root: Path, algo: str, *options: str, env: str = "CartPole-v1", config: str = "") -> int:
    """A small run `root/algo` with the settings of `SMALL`, none of the zoo's; returns the exit code."""
    file = root / f"{algo}.toml"
    file.write_text(f'env = "{env}"\ntrain_env = "{env}"\nalgo = "{algo}"\nsteps = 256\nenvs = 1\n{config}')
    words = ["train-agent", "--config", str(file), "--out", str(root), "--name", algo, "--quiet"]
    for text in SMALL.get(algo, ()):
        words += ["--set", text]
    return main([*words, *options])


def plain_script(algo: str) -> Any:
    """What a user of stable-baselines3 would write, with the same numbers."""
    if algo == "sb3-td3":
        env, noise = make_vec_env("Pendulum-v1", 1, seed=3), NormalActionNoise(np.zeros(1), np.full(1, 0.1))
        arguments: dict[str, Any] = {"learning_starts": 50, "action_noise": noise, "train_freq": 20}
        model: Any = sb3.TD3("MlpPolicy", env, **arguments, policy_kwargs={"net_arch": [8]}, seed=3)
    elif algo == "sb3-a2c":
        env = VecNormalize(make_vec_env("CartPole-v1", 4, seed=3))
        model = sb3.A2C("MlpPolicy", env, policy_kwargs={"net_arch": [8]}, seed=3)
    elif algo == "sb3-ppo":
        model = sb3.PPO(
            "MlpPolicy", make_vec_env("CartPole-v1", 4, seed=3), learning_rate=lambda left: left * 1e-3,
            n_steps=32, batch_size=32, n_epochs=2, policy_kwargs={"net_arch": [8]}, seed=3,
        )  # fmt: skip
    elif algo == "sb3-dqn":
        arguments = {"learning_starts": 50, "train_freq": 16, "target_update_interval": 32}
        env = make_vec_env("CartPole-v1", 1, seed=3)
        model = sb3.DQN("MlpPolicy", env, **arguments, policy_kwargs={"net_arch": [8]}, seed=3)
    else:
        env, network = make_vec_env("CartPole-v1", 1, seed=3), {"net_arch": [8], "n_quantiles": 5}
        model = sb3_contrib.QRDQN("MlpPolicy", env, learning_starts=50, policy_kwargs=network, seed=3)
    return model.learn(256)


@pytest.mark.parametrize("eval_every", ["0", "100"])
@pytest.mark.parametrize("algo", SMALL)
def test_it_learns_the_very_same_as_in_a_plain_script(algo: str, eval_every: str, tmp_path: Path) -> None:
    envs = "4" if algo in ("sb3-ppo", "sb3-a2c") else "1"
    env = "Pendulum-v1" if algo == "sb3-td3" else "CartPole-v1"
    few = "eval_episodes = 2\nearly_stop = false\n[settings]\n"
    options = ("--seed", "3", "--envs", envs, "--eval-every", eval_every)
    torch.set_num_threads(1)
    assert train(tmp_path, algo, *options, env=env, config=_without_zoo(algo, few)) == 0
    ours = load_run(str(tmp_path / algo), checkpoint="last")
    theirs = plain_script(algo)
    assert isinstance(ours, StockAgent)
    assert ours.num_timesteps == theirs.num_timesteps
    for name, weights in theirs.policy.state_dict().items():
        assert torch.equal(ours.model.policy.state_dict()[name], weights), name
    if algo == "sb3-a2c":
        assert ours.normalizer is not None
        assert np.array_equal(ours.normalizer.obs_rms.mean, theirs.env.obs_rms.mean)  # type: ignore[union-attr]


def _without_zoo(algo: str, text: str) -> str:
    """SB3's defaults as a config file has them, in the place of the zoo's numbers."""
    return text + to_toml(settings_of(STOCK[algo].target)())


def test_ctrl_c_saves_and_resume_goes_on_and_says_what_starts_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with at_metric_line(3, press_ctrl_c):
        assert train(tmp_path, "sb3-dqn", "--steps", "600") == 130
    run = tmp_path / "sb3-dqn"
    stopped = Run(run).info["steps"]
    assert 0 < stopped < 600
    before = load_run(str(run), checkpoint="last").policy.state_dict()
    assert main(["resume", str(run)]) == 0
    assert "nor the replay buffer: they start anew; from here on the run differs" in capsys.readouterr().err
    assert Run(run).info["status"] == "finished"
    assert Run(run).info["steps"] >= 600
    after = load_run(str(run), checkpoint="last").policy.state_dict()
    assert any(not torch.equal(part, after[name]) for name, part in before.items())
    assert [line["step"] for line in read_metrics(run / "metrics.jsonl")] == sorted(
        line["step"] for line in read_metrics(run / "metrics.jsonl")
    )


@ALL
def test_what_is_kept_of_it_comes_back(algo: str) -> None:
    env = TASKS.get(STOCK[algo].actions, "CartPole-v1")
    small = {"learning_starts": 40, "n_steps": 16, "batch_size": 16, "n_epochs": 2, "net_arch": [8]}
    known = settings_of(STOCK[algo].target).__dataclass_fields__
    chosen = {name: value for name, value in small.items() if name in known}
    if "learning_starts" in known:
        chosen.pop("n_steps", None)  # these look so many steps ahead
    both = {"normalize_observation": True, "normalize_reward": True}
    values = {"env": env, "train_env": env, "algo": algo, "policy": STOCK[algo].policies[0], "envs": 1}
    config = from_mapping(AgentConfig, {**values, "settings": {**chosen, **both}})
    one, other = build_agent(config), build_agent(config)
    assert isinstance(one, StockAgent)
    one.model.learn(60)
    assert other.load_training_state(copy.deepcopy(one.training_state())) != []
    first, second = one.training_state(), other.training_state()
    assert flat(first) == flat(second)
    watched = build_agent(config)
    watched.load_policy(first, 60)
    seen = gym.make(env).reset(seed=0)[0]
    assert np.array_equal(
        one.predict(seen, deterministic=True)[0], watched.predict(seen, deterministic=True)[0]
    )
    for agent in (one, other, watched):
        agent.simulator.close()


def test_the_state_of_another_agent_is_refused() -> None:
    values = {"env": "CartPole-v1", "train_env": "CartPole-v1", "envs": 1}
    wide, narrow = (
        build_agent(
            from_mapping(AgentConfig, {**values, "algo": "sb3-a2c", "settings": {"net_arch": [width]}})
        )
        for width in (8, 4)
    )
    with wide.simulator, narrow.simulator:
        with pytest.raises(CheckpointBroken, match="does not fit this agent"):
            narrow.load_training_state(wide.training_state())
        with pytest.raises(CheckpointBroken, match="the checkpoint of step 5 does not fit this agent"):
            narrow.load_policy(wide.training_state(), 5)


def flat(state: Any, path: str = "") -> dict[str, str]:
    """Every leaf of a nested state, as text that shows every digit."""
    if isinstance(state, dict):
        items = state.items()
    elif isinstance(state, list | tuple):
        items = enumerate(state)
    else:
        return {path: str(state.tolist() if isinstance(state, torch.Tensor) else state)}
    return {key: text for name, part in items for key, text in flat(part, f"{path}/{name}").items()}


def test_a_passed_evaluation_ends_training_before_another_step_is_taken(tmp_path: Path) -> None:
    solved = "threshold = 5.0\neval_episodes = 2\n"
    assert train(tmp_path, "sb3-dqn", "--eval-every", "64", config=solved) == 0
    info = Run(tmp_path / "sb3-dqn").info
    assert info["solved"] is True
    assert info["steps"] == 64
    assert (tmp_path / "sb3-dqn" / "BEST").read_text() == "step-000000000064\n"


def test_returns_are_raw_where_rewards_are_normalised(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path, "sb3-a2c", "--envs", "4") == 0
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "sb3-a2c"), "--episodes", "3", "--json"]) == 0
    score = json.loads(capsys.readouterr().out)["evaluation"]
    assert score["min"] >= 8  # CartPole gives 1 a step, and nobody falls sooner
    assert all(float(score[name]).is_integer() for name in ("min", "max"))


def test_an_agent_sees_what_it_learned_from_wherever_it_plays(tmp_path: Path) -> None:
    assert train(tmp_path, "sb3-a2c", "--envs", "4") == 0
    agent = load_run(str(tmp_path / "sb3-a2c"), checkpoint="last")
    assert agent.normalizer.obs_rms.count > 256
    seen = np.array([0.1, 0.2, -0.1, 0.3], np.float32)
    expected, _ = agent.model.predict(agent.normalizer.normalize_obs(seen), deterministic=True)
    assert agent.predict(seen, deterministic=True)[0] == expected
    assert agent.actor("it").act(seen).action == expected
    probabilities = agent.model.policy.get_distribution(
        torch.as_tensor(agent.normalizer.normalize_obs(seen))[None]
    ).distribution.probs
    assert agent.actor("it").act(seen).probabilities[0] == pytest.approx(probabilities[0].detach().numpy())


def test_watch_shows_what_a_quantile_network_expects(tmp_path: Path) -> None:
    assert train(tmp_path, "sb3-qrdqn") == 0
    agent = load_run(str(tmp_path / "sb3-qrdqn"))
    view = agent.actor("it").act(np.zeros(4, np.float32))
    assert view.q_values.shape == (2,)
    assert view.action == view.q_values.argmax()
    video = tmp_path / "it.gif"
    assert main(["watch", str(tmp_path / "sb3-qrdqn"), "--record", str(video), "--episodes", "1"]) == 0
    assert video.stat().st_size > 0


def test_weights_that_are_no_numbers_end_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with np.errstate(all="ignore"):
        code = train(tmp_path, "sb3-a2c", "--set", "learning_rate=1e30", "--set", "max_grad_norm=1e30")
    assert code == 5
    assert "stopped being finite numbers" in capsys.readouterr().err
    assert Run(tmp_path / "sb3-a2c").info["status"] == "diverged"
