"""What people do with stable-baselines3's DQN they can do with ours: callbacks, the log, files, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import stable_baselines3 as sb3
import torch
from gymnasium import spaces
from stable_baselines3.common.callbacks import CheckpointCallback, EvalCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.dqn.policies import DQNPolicy, MultiInputPolicy

from agents import DQN, SB3VecEnv
from agents.q_policies import MultiInputQPolicy, QPolicy
from sandbox.core.errors import ConfigError, Diverged, Refused, SandboxError, UnsupportedSpace, UsageError
from tests.agents.tasks import Sampled, small_dqn
from tests.agents.test_sb3_interface import Counting, logged

CARTPOLE = "Sandbox/CartPole-v0"
SMALL: dict[str, Any] = {"buffer_size": 400, "learning_starts": 8, "batch_size": 4, "device": "cpu"}


# Callbacks and the log


@pytest.mark.parametrize(
    "settings", [{}, {"train_freq": 1}, {"train_freq": 16, "gradient_steps": -1}], ids=str
)
def test_callbacks_are_called_as_often_as_by_sb3(settings: dict[str, Any]) -> None:
    callbacks = Counting(), Counting()
    small_dqn(Sampled(), **settings).learn(80, callback=callbacks[0])
    sb3.DQN("MlpPolicy", Sampled(), **SMALL, **settings).learn(80, callback=callbacks[1])
    assert callbacks[0].calls == callbacks[1].calls
    assert callbacks[0].num_timesteps == callbacks[1].num_timesteps == 80


def test_a_callback_that_returns_false_ends_training() -> None:
    agent = small_dqn(n_envs=2)
    agent.learn(1_000, callback=lambda local, _: local["self"].num_timesteps < 22)
    assert agent.num_timesteps == 22


def test_the_log_has_sb3s_keys() -> None:
    ours = logged(small_dqn(Sampled()), 200)
    theirs = logged(sb3.DQN("MlpPolicy", Sampled(), **SMALL), 200)
    assert ours[-1].keys() == theirs[-1].keys()
    assert {"rollout/exploration_rate", "train/loss", "train/n_updates"} <= ours[-1].keys()
    assert [row["step"] for row in ours] == [20 * row for row in range(1, 11)]  # four episodes of five steps
    assert [row["train/n_updates"] for row in ours] == [(row["step"] - 8) // 4 for row in ours]
    assert ours[-1]["rollout/ep_len_mean"] == 5
    assert ours[-1]["rollout/success_rate"] == pytest.approx(0.5, abs=0.1)
    assert ours[-1]["rollout/exploration_rate"] == pytest.approx(0.05)
    assert all(0 < row["train/loss"] < 10 for row in ours)


def test_the_loss_in_the_log_is_that_of_all_updates_since_the_last_row() -> None:
    batch_losses: list[float] = []
    agent = small_dqn(Sampled(), learning_rate=0.0, learning_starts=0)
    agent.learn(100)
    source = agent.replay.sample(4, torch.Generator().manual_seed(0))
    agent.replay.sample = lambda count, *_, **__: source.select(torch.arange(count) % 4)  # type: ignore[method-assign]
    with torch.no_grad():
        later = agent.q_net_target(source.next_observations).max(1).values
        said = agent.q_net(source.observations).gather(1, source.actions.unsqueeze(1)).squeeze(1)
        loss = torch.nn.functional.smooth_l1_loss(said, source.returns + source.discounts * later)
    rows = logged(agent, 100)
    batch_losses += [row["train/loss"] for row in rows]
    assert batch_losses[1:] == pytest.approx([loss.item()] * (len(rows) - 1), rel=1e-4)


def test_log_interval_counts_episodes_and_none_is_silence() -> None:
    agent = small_dqn(Sampled(), train_freq=1)
    assert [row["step"] for row in logged(agent, 100, log_interval=10)] == [50, 100]
    assert logged(small_dqn(), log_interval=None) == []


def test_verbose_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    small_dqn(verbose=1).learn(100)
    assert "exploration_rate" in capsys.readouterr().out


@pytest.mark.parametrize("interval", [4, None])
@pytest.mark.parametrize("steps", [100, 3_000])
def test_a_loss_that_is_no_number_ends_training_even_if_nobody_reads_the_log(
    steps: int, interval: int | None
) -> None:
    class Spoiled(Sampled):
        def step(self, action: Any) -> Any:
            observation, _, *rest = super().step(action)
            return observation, float("nan"), *rest

    with pytest.raises(Diverged, match="loss became nan"):
        small_dqn(Spoiled(), train_freq=1).learn(steps, log_interval=interval)


def test_it_is_evaluated_as_any_agent_of_sb3s(tmp_path: Path) -> None:
    agent = small_dqn(CARTPOLE, n_envs=2)
    checkpoints = CheckpointCallback(save_freq=20, save_path=str(tmp_path), name_prefix="mine")
    best = EvalCallback(
        SB3VecEnv(CARTPOLE, 2), n_eval_episodes=2, eval_freq=20, best_model_save_path=str(tmp_path), verbose=0
    )
    agent.learn(80, callback=[checkpoints, best])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["best_model.zip", "mine_40_steps.zip", "mine_80_steps.zip"]
    assert DQN.load(tmp_path / "mine_40_steps").num_timesteps == 40
    agent.save(tmp_path / "end")
    loaded = DQN.load(tmp_path / "end")
    means = {
        evaluate_policy(one, SB3VecEnv(CARTPOLE, 2, seed=3), n_eval_episodes=4)[0] for one in (agent, loaded)
    }
    assert len(means) == 1


# Policies


@pytest.mark.parametrize(
    ("stock", "ours", "space"),
    [
        (DQNPolicy, QPolicy, spaces.Box(-1, 1, (3,))),
        (MultiInputPolicy, MultiInputQPolicy, spaces.Dict({"a": spaces.Box(-1, 1, (2,))})),
    ],
)
def test_sb3s_classes_of_policies_mean_ours(stock: type, ours: type, space: spaces.Space) -> None:
    agent = small_dqn(Sampled(space), stock)  # type: ignore[arg-type]
    assert type(agent.policy) is ours
    agent.learn(20)


# Refusals


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"replay_buffer_class": object}, UsageError, "replay buffer is our own"),
        ({"replay_buffer_kwargs": {}}, UsageError, "replay buffer is our own"),
        ({"train_freq": (1, "episode")}, UsageError, "train_freq counts environment steps"),
        ({"train_freq": 0}, ConfigError, "train_freq must be a whole number, at least 1, not 0"),
        ({"gradient_steps": 0}, ConfigError, "gradient_steps must be a whole number, at least 1, or -1"),
        ({"gradient_steps": -2}, ConfigError, "gradient_steps"),
        ({"batch_size": 0}, ConfigError, "batch_size"),
        ({"n_step": 0}, ConfigError, "n_step"),
        ({"n_steps": 0}, ConfigError, "n_step"),
        ({"n_quantiles": 0}, ConfigError, "n_quantiles"),
        ({"gamma": 1.01}, ConfigError, "gamma must be between 0 and 1, not 1.01"),
        ({"tau": -0.1}, ConfigError, "tau"),
        ({"exploration_fraction": 2}, ConfigError, "exploration_fraction"),
        ({"learning_starts": -1}, ConfigError, "learning_starts"),
        ({"max_grad_norm": float("inf")}, ConfigError, "max_grad_norm"),
        ({"prioritized_alpha": float("nan")}, ConfigError, "prioritized_alpha"),
        ({"preset": "sunshine"}, ConfigError, 'preset must be "" or "rainbow"'),
        ({"buffer_size": 1}, UsageError, "buffer_size must be at least"),
        ({"buffer_size": 10**14}, Refused, "GiB"),
        ({"policy": "CnnRnnPolicy"}, UsageError, "DQN has no policy 'CnnRnnPolicy'"),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused_in_one_line(
    arguments: dict[str, Any], error: type[SandboxError], message: str
) -> None:
    with pytest.raises(error) as caught:
        small_dqn(**arguments)
    assert message in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("space", "hint"),
    [
        (spaces.Box(-1, 1, (2,)), "--wrap discretize:5"),
        (spaces.MultiDiscrete([2, 3]), "Discrete"),
        (spaces.MultiBinary(3), "Discrete"),
    ],
    ids=str,
)
def test_actions_among_which_it_cannot_choose(space: spaces.Space, hint: str) -> None:
    with pytest.raises(UnsupportedSpace, match="DQN cannot act in") as caught:
        small_dqn(Sampled(action_space=space))
    assert hint in (caught.value.hint or "")


def test_a_torque_in_steps_is_something_to_choose_among() -> None:
    agent = small_dqn("Pendulum-v1", wrap=["discretize:5"]).learn(40)
    assert agent.action_space == spaces.Discrete(5)


@pytest.mark.parametrize(
    "name", ["n_quantiles", "dueling", "noisy_std", "rescale_values", "head_class", "normalize_observations"]
)
def test_what_the_agent_says_is_no_argument_of_its_policy(name: str) -> None:
    with pytest.raises(UsageError, match=f"^{name}: for the agent to say"):
        small_dqn(policy_kwargs={name: None})
