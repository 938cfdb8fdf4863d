"""What people do with stable-baselines3's PPO they can do with ours: callbacks and the log."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stable_baselines3 as sb3
from stable_baselines3.common.callbacks import (
    BaseCallback,
    CallbackList,
    CheckpointCallback,
    EvalCallback,
    EveryNTimesteps,
    StopTrainingOnMaxEpisodes,
    StopTrainingOnRewardThreshold,
)
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import KVWriter, Logger, configure

from agents import PPO, SB3VecEnv
from tests.agents.tasks import Sampled, small_ppo

SAMPLED = "Tiny/Sampled-v0"
CARTPOLE = "Sandbox/CartPole-v0"


class Counting(BaseCallback):
    """Counts how often each of its methods is called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[str, int] = {}

    def _count(self, name: str) -> bool:
        self.calls[name] = self.calls.get(name, 0) + 1
        return True

    def _init_callback(self) -> None:
        self._count("init")

    def _on_training_start(self) -> None:
        self._count("training start")

    def _on_rollout_start(self) -> None:
        self._count("rollout start")

    def _on_step(self) -> bool:
        return self._count("step")

    def _on_rollout_end(self) -> None:
        self._count("rollout end")

    def _on_training_end(self) -> None:
        self._count("training end")


# Callbacks


@pytest.mark.parametrize("progress_bar", [False, True])
@pytest.mark.parametrize(
    "wrap",
    [lambda one: one, lambda one: [one], lambda one: CallbackList([one])],
    ids=["alone", "list", "CallbackList"],
)
def test_callbacks_are_called_as_often_as_by_sb3(wrap: Any, progress_bar: bool) -> None:
    callbacks = Counting(), Counting()
    small_ppo(n_envs=2).learn(40, callback=wrap(callbacks[0]), progress_bar=progress_bar)
    theirs = sb3.PPO("MlpPolicy", make_vec_env(Sampled, 2), n_steps=8, batch_size=4, n_epochs=1, device="cpu")
    theirs.learn(40, callback=wrap(callbacks[1]))
    assert callbacks[0].calls == callbacks[1].calls
    assert callbacks[0].num_timesteps == callbacks[1].num_timesteps == 48


def test_a_function_is_a_callback_and_false_stops() -> None:
    seen: list[int] = []

    def stop_at_20(local: dict[str, Any], _: dict[str, Any]) -> bool:
        seen.append(local["self"].num_timesteps)
        return seen[-1] < 20

    agent = small_ppo(n_envs=2).learn(1000, callback=stop_at_20)
    assert seen == list(range(2, 21, 2))
    assert agent.num_timesteps == 20


def test_a_progress_bar_alone(capsys: pytest.CaptureFixture[str]) -> None:
    small_ppo().learn(32, progress_bar=True)
    assert "training" in capsys.readouterr().err


@pytest.mark.parametrize("make", [lambda: Sampled(), lambda: SAMPLED, lambda: make_vec_env(Sampled, 2)])
def test_locals_are_what_sb3s_callbacks_look_for(make: Callable[[], Any]) -> None:
    steps: list[dict[str, Any]] = []

    def keep(local: dict[str, Any], _: dict[str, Any]) -> bool:
        names = ("actions", "new_obs", "rewards", "dones", "infos")
        steps.append({name: local[name] for name in names})  # kept as they are, not copied
        return True

    agent = small_ppo(make()).learn(48, callback=keep)
    total = np.zeros(agent.n_envs)
    for number, step in enumerate(steps):
        total += step["rewards"]
        assert step["rewards"].dtype == np.float32
        assert step["new_obs"].shape == (agent.n_envs, 3)
        over = (number + 1) % 5 == 0
        assert step["dones"].tolist() == [over] * agent.n_envs
        for one, info in enumerate(step["infos"]):
            assert ("terminal_observation" in info) == ("episode" in info) == over
            if over:
                assert info["episode"]["l"] == 5
                assert info["episode"]["r"] == pytest.approx(total[one], abs=1e-4)
                assert info["TimeLimit.truncated"] is ((number + 1) % 10 == 5)
                assert info["is_success"] is not info["TimeLimit.truncated"]
                assert not np.array_equal(info["terminal_observation"], step["new_obs"][one])
                total[one] = 0
    finals = [step["infos"][0]["terminal_observation"].tolist() for step in steps[4::5]]
    assert len({tuple(final) for final in finals}) == len(finals)  # none has been overwritten


def test_evaluation_saves_the_best_and_stops_at_the_threshold(tmp_path: Path) -> None:
    stop = StopTrainingOnRewardThreshold(reward_threshold=0.5, verbose=0)
    evaluation = EvalCallback(
        SB3VecEnv(CARTPOLE, 2),
        callback_on_new_best=stop,
        n_eval_episodes=3,
        eval_freq=8,
        best_model_save_path=str(tmp_path),
        log_path=str(tmp_path),
        verbose=0,
    )
    agent = small_ppo(CARTPOLE, n_envs=2).learn(1000, callback=evaluation)
    assert agent.num_timesteps == 16  # CartPole pays 1 for every step, so the first evaluation is enough
    best = PPO.load(tmp_path / "best_model")
    observation = np.zeros((5, 4), np.float32)
    assert best.predict(observation, deterministic=True)[0].tolist() == [best.predict(observation[0])[0]] * 5
    with np.load(tmp_path / "evaluations.npz") as kept:
        assert kept["timesteps"].tolist() == [16]


def test_checkpoints_of_the_callback_can_be_loaded(tmp_path: Path) -> None:
    agent = small_ppo(n_envs=2)
    agent.learn(48, callback=CheckpointCallback(save_freq=12, save_path=str(tmp_path), name_prefix="mine"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine_24_steps.zip", "mine_48_steps.zip"]
    assert PPO.load(tmp_path / "mine_24_steps").num_timesteps == 24


def test_other_callbacks_of_sb3() -> None:
    events = Counting()
    agent = small_ppo(n_envs=2)
    episodes = StopTrainingOnMaxEpisodes(max_episodes=3)
    agent.learn(1000, callback=[EveryNTimesteps(n_steps=10, callback=events), episodes])
    # Two environments, five steps an episode, counted for each environment alone.
    assert agent.num_timesteps == 30
    assert events.calls["step"] == 3


# The log


class Rows(KVWriter):
    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, Any], step: int = 0) -> None:
        self.rows.append({**key_values, "step": step})

    def close(self) -> None: ...


def logged(agent: Any, steps: int = 96, **arguments: Any) -> list[dict[str, Any]]:
    rows = Rows()
    agent.set_logger(Logger(None, [rows]))
    agent.learn(steps, **arguments)
    return rows.rows


def test_the_log_has_sb3s_keys() -> None:
    ours = logged(small_ppo(n_envs=2, n_steps=16))
    theirs = logged(sb3.PPO("MlpPolicy", make_vec_env(Sampled, 2), n_steps=16, batch_size=32, device="cpu"))
    assert ours[-1].keys() == theirs[-1].keys()
    assert "rollout/success_rate" in ours[-1]
    assert [row["step"] for row in ours] == [row["time/total_timesteps"] for row in ours] == [32, 64, 96]
    assert [row["time/iterations"] for row in ours] == [1, 2, 3]
    assert ours[-1]["rollout/ep_len_mean"] == 5
    assert ours[-1]["rollout/success_rate"] == pytest.approx(0.5, abs=0.2)


def test_log_interval_counts_rollouts_and_none_is_silence() -> None:
    assert [row["step"] for row in logged(small_ppo(), log_interval=3)] == [48, 96]
    assert logged(small_ppo(), log_interval=None) == []


def test_stats_window_size_is_how_many_episodes_the_log_looks_back_on() -> None:
    agent = small_ppo(stats_window_size=2).learn(64)
    assert agent.ep_info_buffer is not None
    assert agent.ep_success_buffer is not None
    assert len(agent.ep_info_buffer) == agent.ep_info_buffer.maxlen == agent.ep_success_buffer.maxlen == 2


def test_a_logger_of_ones_own_is_kept(tmp_path: Path) -> None:
    agent = small_ppo()
    agent.set_logger(configure(str(tmp_path), ["csv"]))
    agent.learn(32)
    with (tmp_path / "progress.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["time/total_timesteps"]) for row in rows] == [16, 32]


def test_verbose_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    small_ppo(verbose=1).learn(32)
    printed = capsys.readouterr().out
    assert "rollout/" in printed
    assert "ep_rew_mean" in printed
    assert "policy_gradient_loss" in printed


def test_tensorboard_log(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    agent = small_ppo(tensorboard_log=str(tmp_path))
    agent.learn(32, tb_log_name="mine").learn(32)
    assert {path.name for path in tmp_path.iterdir()} == {"mine_1", "PPO_1"}
    agent.logger.close()
    events = EventAccumulator(str(tmp_path / "mine_1")).Reload()
    assert {"rollout/ep_rew_mean", "train/loss", "time/fps"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("train/loss")] == [16, 32]


def test_nothing_is_written_unless_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small_ppo().learn(32)
    assert list(tmp_path.iterdir()) == []
