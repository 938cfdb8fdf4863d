"""State-dependent exploration (gSDE): noise that is a fixed function of the state for several steps."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stable_baselines3 as sb3
import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import StateDependentNoiseDistribution

from agents import PPO
from agents.actors import PolicyActor
from agents.distributions import StateDependentGaussian
from agents.evaluate import evaluate
from agents.simulators import as_simulator
from sandbox.__main__ import main
from sandbox.core.errors import ConfigError, UsageError
from sandbox.core.run import Run
from tests.agents.run_folders import assert_same_run, at_metric_line, press_ctrl_c, resume, train
from tests.agents.tasks import Sampled, same_weights, small_ppo

PENDULUM = "Sandbox/Pendulum-v0"
BATCH, FEATURES, ACTIONS = 6, 4, 2
OBSERVATIONS = np.random.default_rng(0).normal(size=(BATCH, 3)).astype(np.float32)


def exploring(**arguments: Any) -> PPO:
    return small_ppo(arguments.pop("env", PENDULUM), use_sde=True, **arguments)


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def noise_of(agent: PPO, steps: int) -> np.ndarray:
    """(steps, envs, latent, actions) the matrices that explored in each step."""
    seen: list[np.ndarray] = []

    def look(local: dict[str, Any], _: dict[str, Any]) -> bool:
        seen.append(local["self"].exploring.numpy().copy())
        return True

    act = agent.policy.act

    def remember(*arguments: Any, **options: Any) -> Any:
        agent.exploring = options["noise"]  # type: ignore[attr-defined]
        return act(*arguments, **options)

    agent.policy.act = remember  # type: ignore[method-assign]
    agent.learn(steps * agent.n_envs, callback=look)
    return np.stack(seen)


# The distribution


def test_log_probabilities_entropy_mode_and_gradients_are_sb3s() -> None:
    grads = []
    for ours in (True, False):
        mean, features, log_std = (
            drawn(1, BATCH, ACTIONS),
            drawn(2, BATCH, FEATURES),
            drawn(3, FEATURES, ACTIONS),
        )
        parts = [part.requires_grad_() for part in (mean, features, log_std)]
        if ours:
            distribution: Any = StateDependentGaussian(mean, features, log_std.exp())
        else:
            distribution = StateDependentNoiseDistribution(ACTIONS)
            distribution.proba_distribution_net(FEATURES)
            distribution.proba_distribution(mean, log_std, features)
        log_probs, entropy = distribution.log_prob(drawn(4, BATCH, ACTIONS)), distribution.entropy()
        (log_probs.sum() + 2 * entropy.sum()).backward()
        grads.append(
            (log_probs, entropy, distribution.mode(), *(part.grad for part in parts if part.grad is not None))
        )
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-5, atol=1e-5)
    assert len(grads[0]) == 5  # mean and deviation learn; the features do not


def test_over_all_matrices_an_action_is_distributed_as_its_probability_says() -> None:
    many = 40_000
    mean, features, std = (
        torch.tensor([[1.0, -2.0]]),
        drawn(2, 1, FEATURES),
        drawn(3, FEATURES, ACTIONS).exp(),
    )
    matrices = std * drawn(5, many, FEATURES, ACTIONS)
    one = StateDependentGaussian(mean.expand(many, -1), features.expand(many, -1), std, matrices).sample(None)
    two = StateDependentGaussian(mean.expand(many, -1), features.expand(many, -1), std)
    for actions in (one, two.sample(torch.Generator().manual_seed(0))):
        expected = (features.square() @ std.square()).sqrt()[0]
        torch.testing.assert_close(actions.std(0), expected, rtol=0.03, atol=0)
        assert ((actions.mean(0) - mean[0]).abs() < 5 * expected / many**0.5).all()


def test_a_matrix_makes_noise_a_linear_function_of_the_features() -> None:
    features, matrices = drawn(2, BATCH, FEATURES), drawn(6, BATCH, FEATURES, ACTIONS)
    std = torch.ones(FEATURES, ACTIONS)
    noise = StateDependentGaussian(torch.zeros(BATCH, ACTIONS), features, std, matrices).sample(None)
    expected = [features[row] @ matrices[row] for row in range(BATCH)]
    torch.testing.assert_close(noise, torch.stack(expected))


# The agent


@pytest.mark.parametrize(("frequency", "per_rollout"), [(-1, 1), (3, 3), (8, 1), (1, 8)])
def test_each_environment_keeps_its_noise_for_as_long_as_asked(frequency: int, per_rollout: int) -> None:
    agent = exploring(n_envs=2, n_steps=8, sde_sample_freq=frequency)
    noise = noise_of(agent, 16)  # two rollouts of eight steps
    assert noise.shape == (16, 2, 8, 1)
    changes = [t for t in range(16) if t == 0 or not np.array_equal(noise[t], noise[t - 1])]
    kept = 8 if frequency == -1 else frequency
    assert changes == [start + t for start in (0, 8) for t in range(0, 8, kept)]
    assert len(changes) == 2 * per_rollout
    assert not np.array_equal(noise[0, 0], noise[0, 1])


def test_the_noise_comes_from_the_agents_own_generator() -> None:
    agents = [exploring(seed=seed) for seed in (1, 1, 2)]
    noises = []
    for agent in agents:
        torch.rand(3)  # somebody else draws too
        noises.append(noise_of(agent, 8).tolist())
    assert noises[0] == noises[1] != noises[2]


def test_probabilities_when_acting_and_when_learning_agree() -> None:
    policy = exploring().policy
    matrices = policy.exploration(BATCH, torch.Generator().manual_seed(0))
    decision = policy.act(torch.as_tensor(OBSERVATIONS), noise=matrices)
    values, log_probs, _ = policy.evaluate_actions(torch.as_tensor(OBSERVATIONS), decision.actions)
    torch.testing.assert_close(log_probs, decision.log_probs)
    torch.testing.assert_close(values.squeeze(-1), decision.values)
    again = policy.act(torch.as_tensor(OBSERVATIONS), noise=matrices)
    assert torch.equal(again.actions, decision.actions)
    assert not torch.equal(policy.act(torch.as_tensor(OBSERVATIONS)).actions, decision.actions)


@pytest.mark.parametrize("options", [{}, {"full_std": False}, {"use_expln": True}])
def test_weights_move_to_and_from_sb3(options: dict[str, Any]) -> None:
    env = Sampled(action_space=spaces.Box(-1, 1, (2,)))
    kwargs = {"net_arch": [8], "log_std_init": -0.7, **options}
    theirs: Any = sb3.PPO(
        "MlpPolicy", env, use_sde=True, n_steps=8, batch_size=8, policy_kwargs=kwargs, device="cpu"
    )
    theirs.learn(16)
    ours = exploring(env=env, policy_kwargs=kwargs)
    ours.set_parameters(theirs.get_parameters())
    assert ours.policy.log_std.shape == (8, 1 if "full_std" in options else 2)
    seen, actions = torch.as_tensor(OBSERVATIONS), drawn(0, BATCH, 2)
    for found, expected in zip(
        ours.policy.evaluate_actions(seen, actions),
        theirs.policy.evaluate_actions(seen, actions),
        strict=True,
    ):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    ours.learn(16)
    theirs.set_parameters(ours.get_parameters())
    both = [agent.predict(OBSERVATIONS, deterministic=True)[0] for agent in (ours, theirs)]
    np.testing.assert_allclose(*both, rtol=1e-5, atol=1e-6)


def test_an_agent_file_of_sb3_is_taken_over(tmp_path: Path) -> None:
    env = Sampled(action_space=spaces.Box(-1, 1, (2,)))
    theirs = sb3.PPO("MlpPolicy", env, use_sde=True, sde_sample_freq=4, n_steps=8, batch_size=8, device="cpu")
    theirs.learn(8).save(tmp_path / "theirs")
    ours = PPO.load(tmp_path / "theirs", env=env, trust=True, device="cpu")
    assert (ours.use_sde, ours.sde_sample_freq) == (True, 4)
    both = [agent.predict(OBSERVATIONS, deterministic=True)[0] for agent in (ours, theirs)]
    np.testing.assert_allclose(*both, rtol=1e-5, atol=1e-6)
    assert ours.learn(16).num_timesteps == 16


def test_saved_and_loaded_it_learns_on_with_the_same_exploration() -> None:
    original = exploring(sde_sample_freq=4).learn(32)
    file = io.BytesIO()
    original.save(file)
    file.seek(0)
    copy = PPO.load(file, env=PENDULUM, device="cpu", n_envs=2)
    assert (copy.use_sde, copy.sde_sample_freq) == (True, 4)
    for agent in (copy, original):
        agent.set_env(as_simulator(PENDULUM, 2))
        agent.set_random_seed(7)
        agent.learn(32, reset_num_timesteps=False)
    assert same_weights(copy, original)


def test_greedy_play_is_free_of_noise_and_sampled_play_is_not() -> None:
    agent = exploring().learn(32)
    greedy = [agent.predict(OBSERVATIONS, deterministic=True)[0].tolist() for _ in range(2)]
    sampled = [agent.predict(OBSERVATIONS, deterministic=False)[0].tolist() for _ in range(2)]
    assert greedy[0] == greedy[1]
    assert sampled[0] != sampled[1]
    with as_simulator(PENDULUM, 2) as simulator:
        returns = [
            evaluate(agent.policy, simulator, 2, 0, deterministic=calm).returns.tolist()
            for calm in (True, True, False)
        ]
    assert returns[0] == returns[1] != returns[2]


def test_who_watches_sees_the_mean_and_the_spread_of_this_state() -> None:
    agent = exploring(policy_kwargs={"log_std_init": -1.0})
    actor = PolicyActor(agent.policy, "it")
    spreads = []
    for observation in OBSERVATIONS[:2]:
        view = actor.act(observation)
        latent = agent.policy.mlp_extractor.forward_actor(torch.as_tensor(observation)[None])
        expected = latent.square().sum().sqrt().item() * np.exp(-1.0)
        assert view.mean is not None
        assert view.spread == pytest.approx([expected], rel=1e-4)
        assert view.action == pytest.approx(np.clip(view.mean, -2, 2))
        spreads.append(expected)
    assert spreads[0] != spreads[1]


# A run


@pytest.mark.usefixtures("short_evaluations")
@pytest.mark.parametrize("frequency", ["-1", "5"])
def test_a_run_stopped_and_resumed_is_never_stopped(tmp_path: Path, frequency: str) -> None:
    root = tmp_path / "runs"
    options = ("--set", "use_sde=true", "--set", f"sde_sample_freq={frequency}")
    assert train(root, "whole", "Pendulum-v1", *options) == 0
    with at_metric_line(7, press_ctrl_c):
        assert train(root, "stopped", "Pendulum-v1", *options) == 130
    assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", root / "stopped")
    assert "use_sde = true" in (root / "whole" / "config.toml").read_text()
    assert Run(root / "whole").status == "finished"
    assert main(["evaluate", str(root / "whole"), "--episodes", "2"]) == 0


def test_a_run_from_python_says_how_it_explored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exploring(sde_sample_freq=2).learn(32, run=True)
    (config,) = tmp_path.rglob("config.toml")
    assert "use_sde = true" in config.read_text()
    assert "sde_sample_freq = 2" in config.read_text()


# Refusals


def test_what_it_is_not_for_is_refused() -> None:
    with pytest.raises(UsageError, match="continuous"):
        small_ppo(use_sde=True)
    with pytest.raises(UsageError, match="squash_output"):
        exploring(policy_kwargs={"squash_output": True})
    with pytest.raises(UsageError, match="argument of the agent"):
        small_ppo(PENDULUM, policy_kwargs={"use_sde": True})
    for frequency in (0, -2):
        with pytest.raises(ConfigError, match="sde_sample_freq"):
            exploring(sde_sample_freq=frequency)


def test_the_command_refuses_it_for_discrete_actions_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train-agent", "CartPole", "--set", "use_sde=true", "--out", str(tmp_path)]
    assert main(words) != 0
    assert "continuous actions" in capsys.readouterr().err
