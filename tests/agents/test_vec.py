"""Our environments, and everybody's, as stable-baselines3 wants them."""

from __future__ import annotations

import warnings
from contextlib import closing
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecNormalize

from agents import SB3VecEnv
from agents.simulators import as_simulator
from agents.simulators.from_sb3 import FromSB3, from_sb3
from agents.simulators.singles import Singles
from agents.vec import to_sb3
from sandbox.core.errors import UsageError

CORRIDOR = "Tiny/Corridor-v0"
OURS = "Sandbox/CartPole-v0"
ACTIONS = np.array([1, 0])
NEXT_STEP, SAME_STEP, DISABLED = AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED


def makers(kind: str = "box", n: int = 2) -> list[Any]:
    return [partial(gym.make, CORRIDOR, kind=kind)] * n


SOURCES = {
    "id": lambda: SB3VecEnv(CORRIDOR, 2),
    "id, async": lambda: SB3VecEnv(CORRIDOR, 2, vec="async"),
    "sync": lambda: SB3VecEnv(SyncVectorEnv(makers())),
    "async, same step": lambda: SB3VecEnv(AsyncVectorEnv(makers(), autoreset_mode=SAME_STEP)),
    "async, next step": lambda: SB3VecEnv(AsyncVectorEnv(makers())),
    "async, disabled": lambda: SB3VecEnv(AsyncVectorEnv(makers(), autoreset_mode=DISABLED)),
    "simulator": lambda: SB3VecEnv(as_simulator(AsyncVectorEnv(makers()))),
    "a monitor inside": lambda: SB3VecEnv(
        RecordEpisodeStatistics(AsyncVectorEnv(makers(), autoreset_mode=SAME_STEP))
    ),
    "theirs": lambda: DummyVecEnv([lambda: Monitor(gym.make(CORRIDOR))] * 2),
}


@pytest.mark.parametrize("source", SOURCES)
def test_infos_are_those_of_a_dummy_vec_env_of_monitors(source: str) -> None:
    with closing(SOURCES[source]()) as venv:
        venv.seed(0)
        assert venv.reset().tolist() == [[0, 0], [0, 0]]

        observation, reward, dones, infos = venv.step(ACTIONS)
        assert observation.tolist() == [[1, 1], [0, 1]]
        assert reward.dtype == np.float32
        assert reward.tolist() == [1, 0]
        assert not dones.any()
        assert [info["TimeLimit.truncated"] for info in infos] == [False, False]
        assert [info["place"] for info in infos] == [1, 0]
        assert "episode" not in infos[0]

        observation, _, dones, infos = venv.step(ACTIONS)
        assert observation.tolist() == [[0, 0], [0, 2]]
        assert dones.tolist() == [True, False]
        assert infos[0]["terminal_observation"].tolist() == [2, 2]
        assert infos[0]["TimeLimit.truncated"] is False
        assert (infos[0]["episode"]["r"], infos[0]["episode"]["l"]) == (3, 2)
        assert infos[0]["episode"]["t"] >= 0
        assert infos[0]["is_success"]
        assert "terminal_observation" not in infos[1]

        observation, _, dones, infos = venv.step(ACTIONS)
        assert observation.tolist() == [[1, 1], [0, 0]]
        assert dones.tolist() == [False, True]
        assert infos[1]["terminal_observation"].tolist() == [0, 3]
        assert infos[1]["TimeLimit.truncated"] is True
        assert (infos[1]["episode"]["r"], infos[1]["episode"]["l"]) == (0, 3)


def test_a_batch_of_ours_reports_the_end_of_every_episode() -> None:
    venv = SB3VecEnv(OURS, 4)
    venv.seed(1)
    venv.reset()
    lengths = np.zeros(4, int)
    for _ in range(200):
        observation, reward, dones, infos = venv.step(np.ones(4, int))
        lengths += 1
        for one in np.flatnonzero(dones):
            assert infos[one]["episode"]["l"] == lengths[one] == infos[one]["episode"]["r"]
            assert infos[one]["terminal_observation"].shape == (4,)
            assert not np.array_equal(infos[one]["terminal_observation"], observation[one])
            lengths[one] = 0
        assert all("terminal_observation" not in infos[one] for one in np.flatnonzero(~dones))
        assert reward.tolist() == [1] * 4


def test_every_step_returns_new_arrays() -> None:
    venv = SB3VecEnv(OURS, 4)
    seen = [venv.reset()] + [venv.step(np.ones(4, int))[0] for _ in range(5)]
    kept = [np.array(observation) for observation in seen]
    for _ in range(5):
        venv.step(np.zeros(4, int))
    assert all(np.array_equal(now, then) for now, then in zip(seen, kept, strict=True))


def test_infos_are_separate_dicts() -> None:
    venv = SB3VecEnv(OURS, 2)
    venv.reset()
    _, _, _, infos = venv.step(np.ones(2, int))
    infos[0]["mine"] = 1
    assert "mine" not in infos[1]
    assert "mine" not in venv.step(np.ones(2, int))[3][0]


@pytest.mark.parametrize(
    "env",
    [
        lambda: gym.make_vec("CartPole-v1", 2),
        lambda: RecordEpisodeStatistics(SyncVectorEnv(makers())),
        lambda: AsyncVectorEnv(makers(), shared_memory=False),
    ],
)
def test_a_reset_in_the_next_step_that_cannot_be_hidden_from_sb3_is_refused_with_a_way_out(env: Any) -> None:
    with closing(SB3VecEnv(env())) as venv:
        venv.reset()
        with pytest.raises(UsageError, match="NEXT_STEP") as caught:
            venv.step(ACTIONS)
    assert "SAME_STEP" in (caught.value.hint or "")


@pytest.mark.parametrize("kind", ["box", "discrete", "multidiscrete", "multibinary", "dict"])
def test_stock_sb3_learns_on_every_kind_of_observation(kind: str) -> None:
    policy = "MultiInputPolicy" if kind == "dict" else "MlpPolicy"
    for source in (SyncVectorEnv(makers(kind)), AsyncVectorEnv(makers(kind), autoreset_mode=SAME_STEP)):
        with closing(SB3VecEnv(source)) as venv:
            A2C(policy, venv, n_steps=4, seed=0).learn(64)


@pytest.mark.parametrize("algorithm", [PPO, DQN])
def test_stock_sb3_learns_our_batch_and_its_tools_read_the_episodes(algorithm: Any, tmp_path: Any) -> None:
    arguments = {"n_steps": 32, "n_epochs": 1} if algorithm is PPO else {"learning_starts": 32}
    model = algorithm("MlpPolicy", SB3VecEnv(OURS, 4), seed=0, **arguments)
    callback = EvalCallback(SB3VecEnv(OURS, 2), eval_freq=64, n_eval_episodes=2, verbose=0, log_path=tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "not wrapped with a Monitor" would be one
        model.learn(512, callback=callback)
        returns, lengths = evaluate_policy(
            model, SB3VecEnv(OURS, 2), n_eval_episodes=4, return_episode_rewards=True
        )
    assert len(model.ep_info_buffer) > 0
    assert returns == lengths  # one point a step
    assert np.isfinite(callback.last_mean_reward)


def test_evaluation_of_ours_agrees_with_single_environments() -> None:
    model = PPO("MlpPolicy", SB3VecEnv(OURS, 1), seed=0)
    ours, _ = evaluate_policy(model, SB3VecEnv(OURS, 8), n_eval_episodes=64)
    theirs, _ = evaluate_policy(
        model, DummyVecEnv([lambda: Monitor(gym.make("CartPole-v1"))] * 8), n_eval_episodes=64
    )
    assert isinstance(ours, float)
    assert isinstance(theirs, float)
    assert 0.5 < ours / theirs < 2


def test_sb3s_wrappers_fit_around_ours_and_back() -> None:
    venv = VecNormalize(VecFrameStack(SB3VecEnv(OURS, 4), 2))
    simulator = as_simulator(venv)
    assert isinstance(simulator, FromSB3)
    assert simulator.observation_space.shape == (8,)
    simulator.reset(seed=0)
    for _ in range(50):
        step = simulator.step(np.ones(4, int))
        ended = step.terminated | step.truncated
        assert [episode["l"] == episode["r"] for episode in step.episodes or []] == [True] * ended.sum()


def test_adapters_do_not_pile_up() -> None:
    simulator = as_simulator(OURS, 2)
    venv = to_sb3(simulator)
    assert to_sb3(venv) is venv
    assert from_sb3(venv) is simulator
    assert as_simulator(venv) is simulator
    assert isinstance(from_sb3(DummyVecEnv(makers())), Singles)


def test_the_same_seed_gives_the_same_episodes_through_sb3() -> None:
    venv = SB3VecEnv(OURS, 3)
    assert venv.seed(4) == [4, 5, 6]
    first = venv.reset()
    assert not np.array_equal(first, venv.reset())
    venv.seed(4)
    np.testing.assert_array_equal(first, venv.reset())


def test_the_first_seed_of_a_simulator_survives_the_adapter() -> None:
    simulator = as_simulator(AsyncVectorEnv([lambda: gym.make("CartPole-v1")] * 2), seed=4)
    with closing(SB3VecEnv(simulator)) as venv:
        np.testing.assert_array_equal(venv.reset(), as_simulator("CartPole-v1", 2).reset(seed=4))


def test_options_reach_the_reset_once() -> None:
    venv = SB3VecEnv(CORRIDOR, 2)
    venv.set_options({"shift": 1})
    assert venv.reset().tolist() == [[1, 0], [1, 0]]
    assert venv.reset().tolist() == [[0, 0], [0, 0]]
    venv.set_options([{"shift": 1}, {}])
    with pytest.raises(UsageError, match="options"):
        venv.reset()


@pytest.mark.parametrize("source", ["id", "id, async", "sync", "async, same step"])
def test_attributes_and_methods_of_single_environments(source: str) -> None:
    with closing(SOURCES[source]()) as venv:
        venv.reset()
        venv.step(ACTIONS)
        assert venv.get_attr("place") == [1, 0]
        assert venv.get_attr("place", indices=[1]) == [0]
        assert venv.env_method("get_wrapper_attr", "steps", indices=0) == [1]
        assert not venv.has_attr("nonsense")
        venv.step(ACTIONS)  # and the question has done no harm
        if source != "async, same step":
            venv.set_attr("goal", 7, indices=0)
            assert venv.get_attr("goal") == [7, 2]


def test_attributes_of_a_batch_are_the_same_for_every_row() -> None:
    venv = SB3VecEnv(OURS, 2)
    assert venv.get_attr("max_episode_steps") == [500, 500]
    assert not venv.has_attr("nonsense")


def test_what_is_wrapped_in_what() -> None:
    venv = SB3VecEnv("CartPole-v1", 2)
    assert venv.env_is_wrapped(gym.wrappers.TimeLimit) == [True, True]
    assert venv.env_is_wrapped(gym.wrappers.RescaleAction) == [False, False]
    assert venv.env_is_wrapped(Monitor, indices=0) == [True]


@pytest.mark.parametrize("name", ["CartPole-v1", OURS])
def test_pictures_are_tiled(name: str) -> None:
    with closing(SB3VecEnv(name, 3, env_kwargs={"render_mode": "rgb_array"})) as venv:
        venv.reset()
        picture = venv.render()
        assert venv.render_mode == "rgb_array"
        assert picture is not None
        one = venv.get_images()[0]
        assert one is not None
        assert picture.shape == (2 * one.shape[0], 2 * one.shape[1], 3)
        assert picture.any()
