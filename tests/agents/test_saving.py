"""An agent in a file: everything comes back, and nothing in the file can execute code."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3 as sb3
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import FlattenExtractor

from agents import PPO, register_class
from agents.networks import ActorCritic
from sandbox.core.errors import NotFound, UsageError
from tests.agents.tasks import Sampled, same_weights, small_ppo

CARTPOLE = "Sandbox/CartPole-v0"
OBSERVATIONS = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)


def predictions(agent: Any) -> list[Any]:
    return agent.predict(OBSERVATIONS, deterministic=True)[0].tolist()


def again(agent: PPO, **arguments: Any) -> PPO:
    """The agent after a trip through a file."""
    file = io.BytesIO()
    agent.save(file)
    file.seek(0)
    return PPO.load(file, device="cpu", **arguments)


def own_rate(progress: float) -> float:
    return progress / 100


class Doubling(FlattenExtractor):
    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(observations)


class OwnPolicy(ActorCritic):
    """A policy of somebody's own."""


@pytest.mark.parametrize("options", [{}, {"normalize_observation": True, "normalize_reward": True}])
def test_a_loaded_agent_predicts_and_learns_on_as_if_it_had_never_been_saved(options: dict[str, Any]) -> None:
    original = small_ppo(CARTPOLE, learning_rate=1e-2, **options).learn(64)
    copy = again(original, env=CARTPOLE)
    assert predictions(copy) == predictions(original)
    assert copy.num_timesteps == 64
    assert same_weights(copy, original)
    for agent in (copy, original):  # the environment is not in the file: both start from a new one
        agent.set_env(gym.make("CartPole-v1"))
        agent.set_random_seed(7)
        agent.learn(64, reset_num_timesteps=False)
    assert same_weights(copy, original)
    assert copy._n_updates == original._n_updates
    assert copy.num_timesteps == original.num_timesteps == 128


def test_a_seeded_agent_learns_the_same_after_every_load(tmp_path: Path) -> None:
    small_ppo(CARTPOLE).learn(16).save(tmp_path / "agent")
    loaded = [PPO.load(tmp_path / "agent", env=gym.make("CartPole-v1")).learn(64) for _ in range(2)]
    assert same_weights(*loaded)


SETTINGS: dict[str, Any] = {
    "learning_rate": "lin_0.01",
    "n_steps": 7,
    "batch_size": 5,
    "n_epochs": 3,
    "gamma": 0.8,
    "gae_lambda": 0.7,
    "clip_range": "lin_0.3",
    "clip_range_vf": 0.4,
    "normalize_advantage": False,
    "ent_coef": 0.01,
    "vf_coef": 0.6,
    "max_grad_norm": 0.7,
    "use_sde": True,
    "sde_sample_freq": 3,
    "target_kl": 0.05,
    "normalize_observation": True,
    "random_shift": 3,
    "sequence_length": 7,
    "normalize_reward": True,
    "stats_window_size": 13,
    "seed": 5,
    "verbose": 0,
}


def test_every_setting_comes_back() -> None:
    assert set(SETTINGS) == set(PPO.saved_settings)
    original = small_ppo("Sandbox/Pendulum-v0", **SETTINGS)
    copy = again(original)
    assert {name: copy.setting(name) for name in SETTINGS} == SETTINGS
    assert copy.observation_space == original.observation_space
    assert copy.action_space == original.action_space
    assert copy.clip_range(0.5) == 0.15


POLICIES: dict[str, dict[str, Any]] = {
    "activation": {"activation_fn": torch.nn.SiLU},
    "widths": {"net_arch": {"pi": [4], "vf": [6, 5]}, "ortho_init": False},
    "optimiser": {"optimizer_class": torch.optim.AdamW, "optimizer_kwargs": {"weight_decay": 0.1}},
    "other optimiser": {"optimizer_class": torch.optim.SGD, "optimizer_kwargs": {"momentum": 0.9}},
    "extractor": {"features_extractor_class": FlattenExtractor, "features_extractor_kwargs": {}},
    "two extractors": {"share_features_extractor": False},
    "no fusing": {"optimizer_kwargs": {"foreach": True}},
}


@pytest.mark.parametrize("kind", POLICIES)
def test_policy_kwargs_are_written_by_registered_name(kind: str) -> None:
    original = small_ppo(CARTPOLE, policy_kwargs=POLICIES[kind]).learn(32)
    copy = again(original, env=CARTPOLE)
    assert copy.policy_kwargs == original.policy_kwargs
    assert predictions(copy) == predictions(original)
    assert type(copy.policy.optimizer) is type(original.policy.optimizer)
    copy.learn(16)


def test_what_cannot_be_written_is_passed_again(tmp_path: Path) -> None:
    original = small_ppo(
        CARTPOLE, learning_rate=own_rate, policy_kwargs={"features_extractor_class": Doubling}
    ).learn(16)
    path = tmp_path / "agent"
    original.save(path)
    with pytest.raises(
        UsageError, match=r"learning_rate, policy_kwargs\.features_extractor_class.*load.*again"
    ):
        PPO.load(path)
    given = {"learning_rate": own_rate, "policy_kwargs": {"features_extractor_class": Doubling}}
    for arguments in (given, {"custom_objects": given}):
        copy = PPO.load(path, **arguments)
        assert predictions(copy) == predictions(original)
        assert copy.lr_schedule(0.5) == 0.005


def test_a_registered_class_need_not_be_passed_again() -> None:
    register_class("tests.Doubling", Doubling)
    original = small_ppo(CARTPOLE, policy_kwargs={"features_extractor_class": Doubling})
    assert predictions(again(original)) == predictions(original)


def test_a_policy_of_ones_own_is_passed_again() -> None:
    original = PPO(OwnPolicy, CARTPOLE, n_steps=8, batch_size=4, seed=0)
    with pytest.raises(UsageError, match="policy"):
        again(original)
    copy = again(original, policy=OwnPolicy)
    assert isinstance(copy.policy, OwnPolicy)
    assert predictions(copy) == predictions(original)


def test_settings_given_to_load_replace_saved_ones() -> None:
    original = small_ppo(CARTPOLE)
    copy = again(original, env=CARTPOLE, n_steps=4, learning_rate=0.5)
    assert (copy.n_steps, copy.rollout.n_steps, copy.lr_schedule(1.0)) == (4, 4, 0.5)
    # What SB3's users pass to read agents of older versions: some of it is nothing that we ask for.
    old = {"lr_schedule": own_rate, "clip_range": 0.1, "_last_obs": None}
    assert again(original, custom_objects=old).clip_range(1.0) == 0.1


def test_excluded_settings_have_their_defaults_again(tmp_path: Path) -> None:
    small_ppo(gamma=0.5).save(tmp_path / "agent", exclude=["gamma", "rollout_buffer"])
    assert PPO.load(tmp_path / "agent").gamma == 0.99


# Where to


def test_paths_are_completed_as_by_sb3(tmp_path: Path) -> None:
    agent = small_ppo()
    agent.save(tmp_path / "new" / "folder" / "agent")
    agent.save(str(tmp_path / "named.agent"))
    assert (tmp_path / "new" / "folder" / "agent.zip").is_file()
    assert (tmp_path / "named.agent").is_file()
    for path in ("new/folder/agent", "new/folder/agent.zip", "named.agent"):
        assert same_weights(PPO.load(tmp_path / path), agent)
        assert same_weights(PPO.load(str(tmp_path / path)), agent)
    with (tmp_path / "open.zip").open("wb") as file:
        agent.save(file)
    with (tmp_path / "open.zip").open("rb") as file:
        assert same_weights(PPO.load(file), agent)


def test_the_same_agent_gives_the_same_bytes_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    agent = small_ppo().learn(16)
    agent.save(tmp_path / "a")
    agent.save(tmp_path / "b")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "b.zip"}


def test_a_file_holds_json_and_safetensors_alone(tmp_path: Path) -> None:
    small_ppo().learn(16).save(tmp_path / "agent")
    with zipfile.ZipFile(tmp_path / "agent.zip") as archive:
        assert set(archive.namelist()) == {"agent.json", "state.json", "tensors.safetensors"}
        assert json.loads(archive.read("agent.json"))["settings"]["n_steps"] == 8


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nothing"):
        PPO.load(tmp_path / "nothing")
    with pytest.raises(NotFound):
        PPO.load(tmp_path)


def test_an_environment_with_other_spaces_is_refused(tmp_path: Path) -> None:
    small_ppo(CARTPOLE).save(tmp_path / "agent")
    with pytest.raises(ValueError, match="spaces do not match"):
        PPO.load(tmp_path / "agent", env="Acrobot-v1")


# Stock SB3


@pytest.fixture(scope="module")
def theirs() -> sb3.PPO:
    kwargs = {"net_arch": [8], "activation_fn": torch.nn.ReLU}
    model = sb3.PPO(
        "MlpPolicy", "CartPole-v1", n_steps=32, batch_size=8, gamma=0.9, policy_kwargs=kwargs, device="cpu"
    )
    return model.learn(64)


def test_a_file_of_sb3s_is_refused_without_trust(theirs: sb3.PPO, tmp_path: Path) -> None:
    theirs.save(tmp_path / "theirs")
    with pytest.raises(UsageError, match="pickles") as caught:
        PPO.load(tmp_path / "theirs")
    assert "trust" in (caught.value.hint or "")


def test_a_trusted_file_of_sb3s_goes_on_as_ours(theirs: sb3.PPO, tmp_path: Path) -> None:
    theirs.save(tmp_path / "theirs")
    ours = PPO.load(tmp_path / "theirs", env=CARTPOLE, trust=True)
    assert predictions(ours) == predictions(theirs)
    assert (ours.n_steps, ours.batch_size, ours.gamma, ours.num_timesteps) == (32, 8, 0.9, 64)
    assert ours.clip_range(0.5) == theirs.clip_range(0.5)
    moments = [agent.policy.optimizer.state_dict()["state"] for agent in (ours, theirs)]
    for number, expected in moments[1].items():
        torch.testing.assert_close(moments[0][number]["exp_avg"], expected["exp_avg"])
    ours.learn(64, reset_num_timesteps=False)
    assert predictions(again(ours)) == predictions(ours)


@pytest.mark.parametrize("spaces_", ["dict", "box actions"])
def test_other_networks_of_sb3s(spaces_: str, tmp_path: Path) -> None:
    if spaces_ == "dict":
        space = spaces.Dict({"a": spaces.Box(-1, 1, (2,)), "b": spaces.Discrete(3)})
        env, policy = Sampled(space), "MultiInputPolicy"
    else:
        env, policy = Sampled(action_space=spaces.Box(-1, 2, (2,))), "MlpPolicy"
    model = sb3.PPO(policy, env, n_steps=8, batch_size=4, device="cpu").learn(8)
    model.save(tmp_path / "theirs")
    ours = PPO.load(tmp_path / "theirs", trust=True)
    for _ in range(5):
        seen = env.observation_space.sample()
        found, expected = (agent.predict(seen, deterministic=True)[0] for agent in (ours, model))
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_what_cannot_be_taken_over_from_sb3_is_said(tmp_path: Path) -> None:
    sb3.DQN("MlpPolicy", "CartPole-v1").save(tmp_path / "dqn")
    with pytest.raises(UsageError, match="cannot be taken over"):
        PPO.load(tmp_path / "dqn", trust=True)
