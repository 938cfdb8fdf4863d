"""DQN in a file: everything comes back, and what stock SB3 wrote goes on as ours."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3 as sb3
import torch
from gymnasium import spaces
from stable_baselines3.common.callbacks import CheckpointCallback

from agents import DQN, PPO
from agents.q_policies import QPolicy
from sandbox.core.errors import Broken, SandboxError, UsageError
from tests.agents.tasks import Sampled, same_weights, small_dqn, weights_of

CARTPOLE = "Sandbox/CartPole-v0"
OBSERVATIONS = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
SMALL: dict[str, Any] = {"buffer_size": 400, "learning_starts": 8, "batch_size": 4, "device": "cpu"}
ALL: dict[str, Any] = {"preset": "rainbow", "distributional": True, "n_quantiles": 5, "noisy": True}


def greedy(agent: Any) -> list[Any]:
    return agent.predict(OBSERVATIONS, deterministic=True)[0].tolist()


def again(agent: DQN, **arguments: Any) -> DQN:
    """The agent after a trip through a file."""
    file = io.BytesIO()
    agent.save(file)
    file.seek(0)
    return DQN.load(file, device="cpu", **arguments)


def test_a_policy_of_ones_own() -> None:
    class Optimist(QPolicy):
        pass

    agent = DQN(Optimist, Sampled(), **SMALL).learn(20)
    assert isinstance(agent.policy, Optimist)
    with pytest.raises(UsageError, match="policy"):
        again(agent)
    assert same_weights(again(agent, policy=Optimist), agent)


@pytest.mark.parametrize(
    "options",
    [{}, {"dueling": True}, {"distributional": True}, {"noisy": True}, {"normalize_observation": True}, ALL],
    ids=str,
)
def test_a_loaded_agent_predicts_and_learns_on(options: dict[str, Any]) -> None:
    original = small_dqn(CARTPOLE, **options).learn(64)
    copy = again(original, env=CARTPOLE)
    assert same_weights(copy, original)
    assert greedy(copy) == greedy(original)
    assert (copy.num_timesteps, copy._n_updates) == (64, original._n_updates)
    copy.learn(64, reset_num_timesteps=False)
    assert copy.num_timesteps == 128
    assert not same_weights(copy, original)


def test_a_loaded_agent_makes_up_for_no_gradient_steps() -> None:
    """It has learned from the first steps already, in its life before."""
    copy = again(small_dqn(CARTPOLE).learn(400), env=CARTPOLE)
    before = copy._n_updates
    copy.learn(40, reset_num_timesteps=False)
    assert copy._n_updates - before <= 40 // 4


def test_a_loaded_agent_explores_as_often_as_before() -> None:
    agent = small_dqn(CARTPOLE, exploration_final_eps=0.0).learn(64)
    assert agent.exploration_rate == 0
    for one in (agent, again(agent)):
        assert one.predict(OBSERVATIONS)[0].tolist() == greedy(agent)


SETTINGS: dict[str, Any] = {
    "learning_rate": "lin_0.01",
    "buffer_size": 500,
    "learning_starts": 7,
    "batch_size": 5,
    "tau": 0.3,
    "gamma": 0.8,
    "train_freq": 3,
    "gradient_steps": -1,
    "target_update_interval": 11,
    "exploration_fraction": 0.2,
    "exploration_initial_eps": 0.9,
    "exploration_final_eps": 0.1,
    "max_grad_norm": 0.7,
    "double": True,
    "dueling": True,
    "n_step": 4,
    "prioritized": True,
    "prioritized_alpha": 0.7,
    "prioritized_beta": 0.3,
    "distributional": True,
    "n_quantiles": 6,
    "noisy": True,
    "noisy_std": 0.2,
    "normalize_observation": True,
    "random_shift": 3,
    "stats_window_size": 13,
    "seed": 5,
    "verbose": 0,
    "sequence_length": 9,
    "sequence_overlap": 4,
    "burn_in": 3,
    "prioritized_max": 0.8,
    "rescale_values": True,
}


def test_every_setting_comes_back() -> None:
    assert set(SETTINGS) == set(DQN.saved_settings)
    copy = again(small_dqn(CARTPOLE, **SETTINGS))
    assert {name: copy.setting(name) for name in SETTINGS} == SETTINGS
    rainbow = again(small_dqn(CARTPOLE, preset="rainbow", double=False))
    assert (rainbow.double, rainbow.dueling, rainbow.prioritized, rainbow.n_step) == (False, True, True, 3)


def test_what_was_remembered_can_be_written_apart(tmp_path: Path) -> None:
    agent = small_dqn(CARTPOLE, n_envs=3, prioritized=True).learn(90)
    agent.save_replay_buffer(tmp_path / "replay")
    other = again(agent, env=gym.make_vec(CARTPOLE, 3))
    other.load_replay_buffer(tmp_path / "replay")
    assert other.replay.size == 90
    drawn = [one.replay.sample(20, torch.Generator().manual_seed(0)) for one in (agent, other)]
    assert torch.equal(drawn[0].observations, drawn[1].observations)  # type: ignore[arg-type]
    assert torch.equal(drawn[0].returns, drawn[1].returns)
    other.learn(30, reset_num_timesteps=False)
    with pytest.raises(SandboxError, match="does not fit"):
        again(agent, env=gym.make_vec(CARTPOLE, 2)).load_replay_buffer(tmp_path / "replay")


# Files of stock SB3's


@pytest.mark.parametrize("dicts", [False, True])
def test_a_trusted_file_of_sb3s_goes_on_as_ours(dicts: bool, tmp_path: Path) -> None:
    space = spaces.Dict({"a": spaces.Box(-1, 1, (2,)), "b": spaces.Discrete(3)})
    env: Callable[[], Sampled] = lambda: Sampled(space if dicts else spaces.Box(-1, 1, (4,)))  # noqa: E731
    settings = {**SMALL, "gamma": 0.9, "train_freq": (8, "step"), "exploration_final_eps": 0.2}
    settings["n_steps"] = 1 if dicts else 2  # of a Dict SB3 adds up no rewards
    kwargs = {"net_arch": [8], "activation_fn": torch.nn.Tanh}
    name = "MultiInputPolicy" if dicts else "MlpPolicy"
    theirs = sb3.DQN(name, env(), policy_kwargs=kwargs, **settings).learn(64)
    theirs.save(tmp_path / "theirs")
    with pytest.raises(UsageError, match="pickles"):
        DQN.load(tmp_path / "theirs")
    ours = DQN.load(tmp_path / "theirs", env=env(), trust=True, device="cpu")
    torch.testing.assert_close(weights_of(ours), weights_of(theirs))
    assert (ours.gamma, ours.train_freq, ours.n_step, ours.num_timesteps) == (
        *(0.9, 8, settings["n_steps"], 64),
    )
    assert (ours.batch_size, ours.buffer_size, ours.exploration_final_eps) == (4, 400, 0.2)
    for _ in range(5):
        seen = env().observation_space.sample()
        assert ours.predict(seen, deterministic=True)[0] == theirs.predict(seen, deterministic=True)[0]
    moments = [agent.policy.optimizer.state_dict()["state"] for agent in (ours, theirs)]
    for number, expected in moments[1].items():
        torch.testing.assert_close(moments[0][number]["exp_avg"], expected["exp_avg"])
    ours.learn(40, reset_num_timesteps=False)
    assert same_weights(again(ours), ours)


def test_a_file_of_another_algorithm(tmp_path: Path) -> None:
    sb3.PPO("MlpPolicy", "CartPole-v1", device="cpu").save(tmp_path / "theirs")
    with pytest.raises(UsageError, match="cannot be taken over"):
        DQN.load(tmp_path / "theirs", trust=True)
    small_dqn().save(tmp_path / "ours")
    with pytest.raises(UsageError, match="holds a DQN, not a PPO"):
        PPO.load(tmp_path / "ours")


def test_a_buffer_is_a_file_and_nothing_else_is_touched(tmp_path: Path) -> None:
    agent = small_dqn(CARTPOLE).learn(32)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("a year")
    agent.save_replay_buffer(tmp_path / "folder")
    assert (tmp_path / "folder" / "thesis.tex").read_text() == "a year"
    assert (tmp_path / "folder.zip").is_file()
    (tmp_path / "theirs.pkl").write_bytes(b"\x80\x04N.")
    with pytest.raises(Broken, match=r"theirs\.pkl"):
        agent.load_replay_buffer(tmp_path / "theirs.pkl")
    agent.save(tmp_path / "agent.zip")
    with pytest.raises(Broken, match="holds no replay buffer"):
        agent.load_replay_buffer(tmp_path / "agent.zip")
    with pytest.raises(UsageError, match="no environment"):
        again(agent).load_replay_buffer(tmp_path / "folder.zip")


def test_sb3s_checkpoint_callback_writes_the_buffer_too(tmp_path: Path) -> None:
    callback = CheckpointCallback(16, str(tmp_path), save_replay_buffer=True)
    agent = small_dqn(CARTPOLE).learn(64, callback=callback)
    found = sorted(tmp_path.glob("*replay_buffer*"))
    assert found
    agent.load_replay_buffer(found[-1])


def test_no_steps_are_no_mistake() -> None:
    assert small_dqn(CARTPOLE).learn(0).num_timesteps == 0
