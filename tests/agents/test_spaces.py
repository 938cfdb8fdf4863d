"""Every kind of observation and action that an agent knows, how it predicts, and what it refuses."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.vec_env import DummyVecEnv

from agents import PPO, SB3VecEnv, as_simulator
from agents.evaluate import evaluate
from agents.networks import ActorCritic
from sandbox.core.errors import ConfigError, NoDevice, UnsupportedSpace, UsageError
from tests.agents.tasks import Sampled, small_ppo

OBSERVATIONS: dict[str, spaces.Space] = {
    "box": spaces.Box(-1, 1, (3,)),
    "unbounded": spaces.Box(-np.inf, np.inf, (3,)),
    "matrix": spaces.Box(-1, 1, (2, 3), np.float64),
    "integers": spaces.Box(-9, 9, (2,), np.int64),
    "discrete": spaces.Discrete(4),
    "multidiscrete": spaces.MultiDiscrete([2, 3]),
    "multibinary": spaces.MultiBinary(3),
    "binary matrix": spaces.MultiBinary([2, 3]),
    "picture": spaces.Box(0, 255, (36, 36, 3), np.uint8),
    "channels first": spaces.Box(0, 255, (3, 36, 36), np.uint8),
    "dict": spaces.Dict({"a": spaces.Box(-1, 1, (2,)), "b": spaces.Discrete(3)}),
    "dict with a picture": spaces.Dict(
        {"see": spaces.Box(0, 255, (36, 36, 3), np.uint8), "feel": spaces.Box(-1, 1, (2,))}
    ),
}
ACTIONS: dict[str, spaces.Space] = {
    "discrete": spaces.Discrete(4),
    "multidiscrete": spaces.MultiDiscrete([2, 3, 4]),
    "multibinary": spaces.MultiBinary(3),
    "box": spaces.Box(-1, 1, (2,)),
    "uneven bounds": spaces.Box(np.array([-3.0, 0.0], np.float32), np.array([-2.0, 9.0], np.float32)),
    "matrix": spaces.Box(-2, 3, (2, 3), np.float64),
    "integers": spaces.Box(0, 9, (2,), np.int64),
}


def policy_for(space: spaces.Space) -> str:
    return "MultiInputPolicy" if isinstance(space, spaces.Dict) else "MlpPolicy"


def rows(observations: list[Any]) -> Any:
    """A batch of single observations."""
    if isinstance(observations[0], dict):
        return {name: np.stack([one[name] for one in observations]) for name in observations[0]}
    return np.stack(observations)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("kind", OBSERVATIONS)
@pytest.mark.parametrize(
    "wrap", [lambda env: env, lambda env: DummyVecEnv([lambda: env])], ids=["env", "sb3"]
)
def test_every_kind_of_observation(kind: str, wrap: Any, normalize: bool) -> None:
    space = OBSERVATIONS[kind]
    agent = small_ppo(wrap(Sampled(space)), policy_for(space), normalize_observation=normalize)
    agent.learn(24)
    seen = [space.sample() for _ in range(5)]  # as the environment gives them, pictures with channels last
    batch, _ = agent.predict(rows(seen), deterministic=True)
    assert batch.shape == (5,)
    singles = [agent.predict(one, deterministic=True)[0] for one in seen]
    assert batch.tolist() == [int(one) for one in singles]
    assert singles[0].shape == ()


@pytest.mark.parametrize("kind", ACTIONS)
@pytest.mark.parametrize("wrap", [lambda env: env, SB3VecEnv, lambda env: DummyVecEnv([lambda: env])])
def test_every_kind_of_action_stays_in_its_space(kind: str, wrap: Any) -> None:
    space = ACTIONS[kind]
    agent = small_ppo(wrap(Sampled(action_space=space)))
    agent.learn(24)  # the environment refuses actions outside of its space
    observations = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    for deterministic in (True, False):
        actions, _ = agent.predict(observations, deterministic=deterministic)
        assert actions.shape == (20, *(space.shape or ()))
        assert all(space.contains(action.astype(space.dtype)) for action in actions)
        one, _ = agent.predict(observations[0], deterministic=deterministic)
        assert one.shape == (space.shape or ())


@pytest.mark.parametrize("kind", ACTIONS)
def test_the_policys_methods_agree_with_each_other(kind: str) -> None:
    agent = small_ppo(Sampled(action_space=ACTIONS[kind]))
    policy, seen = agent.policy, torch.randn(6, 3)
    actions, values, log_probs = policy.forward(seen)
    again, log_probs_again, entropy = policy.evaluate_actions(seen, actions)
    torch.testing.assert_close(values, again)
    torch.testing.assert_close(log_probs, log_probs_again)
    torch.testing.assert_close(policy.predict_values(seen), values)
    assert (values.shape, log_probs.shape) == ((6, 1), (6,))
    distribution = policy.get_distribution(seen)
    flat = actions.reshape(6, -1) if isinstance(ACTIONS[kind], spaces.Box) else actions
    torch.testing.assert_close(distribution.log_prob(flat), log_probs, rtol=1e-5, atol=1e-5)
    assert entropy is not None
    torch.testing.assert_close(distribution.entropy(), entropy, rtol=1e-5, atol=1e-5)
    best = policy.act(seen, deterministic=True)
    torch.testing.assert_close(policy.choose(seen)[0], best.actions)
    torch.testing.assert_close(distribution.mode().reshape(best.actions.shape), best.actions)
    assert best.state is policy.initial_state(6) is None


def test_the_network_is_sb3s() -> None:
    options: list[dict[str, Any]] = [
        {},
        {"share_features_extractor": False, "net_arch": {"pi": [4], "vf": [5]}},
    ]
    for option in options:
        arguments = (spaces.Box(-1, 1, (3,)), spaces.Discrete(2), lambda _: 1e-3)
        ours, theirs = ActorCritic(*arguments, **option), ActorCriticPolicy(*arguments, **option)
        assert ours.state_dict().keys() == theirs.state_dict().keys()
        ours.load_state_dict(theirs.state_dict())
        seen, actions = torch.randn(4, 3), torch.tensor([0, 1, 1, 0])
        for found, expected in zip(
            ours.evaluate_actions(seen, actions), theirs.evaluate_actions(seen, actions), strict=True
        ):
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
        groups = [policy.optimizer.param_groups[0] for policy in (ours, theirs)]
        assert [(group["lr"], group["eps"], group["betas"]) for group in groups[:1]] == [
            (group["lr"], group["eps"], group["betas"]) for group in groups[1:]
        ]


def test_the_first_weights_are_sb3s() -> None:
    from stable_baselines3 import PPO as SB3PPO

    ours = PPO("MlpPolicy", Sampled(), seed=3, device="cpu").policy.state_dict()
    theirs = SB3PPO("MlpPolicy", Sampled(), seed=3, device="cpu").policy.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_sb3s_policy_classes_stand_for_ours() -> None:
    agent = PPO(ActorCriticPolicy, "CartPole-v1", n_steps=8, batch_size=4)
    assert isinstance(agent.policy, ActorCritic)
    assert agent.policy_name == "MlpPolicy"


@pytest.mark.parametrize("wrong", [np.zeros(4), np.zeros((2, 5)), np.zeros((1, 1, 3)), {"a": np.zeros(3)}])
def test_predict_refuses_another_shape(wrong: Any) -> None:
    with pytest.raises((ValueError, AssertionError), match=r"shape|dict"):  # SB3's own errors
        small_ppo().predict(wrong)


def test_an_agent_is_not_evaluated_on_pictures_in_another_order() -> None:
    """The same numbers in another order mean nothing."""
    last = OBSERVATIONS["picture"]
    first = spaces.Box(0, 255, (last.shape[2], *last.shape[:2]), np.uint8)  # type: ignore[index]
    for seen, other in ((last, first), (first, last)):
        agent = small_ppo(Sampled(seen))
        with pytest.raises(UnsupportedSpace):
            evaluate(agent.policy, as_simulator(Sampled(other)), 1, seed=0)
        assert evaluate(agent.policy, agent.simulator, 1, seed=0).returns.shape == (1,)


# Refused

TWO = spaces.Discrete(2)
NOT_SEEN: list[spaces.Space] = [
    spaces.Tuple([TWO, TWO]),
    spaces.Text(3),
    spaces.Sequence(TWO),
    spaces.Graph(TWO, None),
    spaces.Discrete(3, start=1),
    spaces.MultiDiscrete([2, 3], start=[1, 0]),
    spaces.MultiDiscrete(np.array([[2, 3], [3, 2]])),
    spaces.Box(-1, 1, ()),
    spaces.Dict({"a": spaces.Dict({"b": TWO})}),
    spaces.Dict({"a": spaces.Discrete(3, start=1)}),
]
NOT_DONE: list[spaces.Space] = [
    spaces.Tuple([TWO, TWO]),
    spaces.Text(3),
    spaces.Sequence(TWO),
    spaces.Graph(TWO, None),
    spaces.Dict({"a": TWO}),
    spaces.Discrete(3, start=1),
    spaces.MultiDiscrete([2, 3], start=[1, 0]),
    spaces.MultiDiscrete(np.array([[2, 3], [3, 2]])),
    spaces.MultiBinary([2, 3]),
    spaces.Box(-np.inf, np.inf, (2,)),
    spaces.Box(np.array([-1.0, -np.inf]), np.ones(2), dtype=np.float64),
]


@pytest.mark.parametrize("space", NOT_SEEN, ids=repr)
def test_an_observation_that_no_agent_can_read_is_refused(space: spaces.Space) -> None:
    with pytest.raises(UnsupportedSpace) as caught:
        small_ppo(Sampled(space), policy_for(space))
    assert caught.value.hint


@pytest.mark.parametrize("space", NOT_DONE, ids=repr)
def test_an_action_that_no_agent_can_take_is_refused(space: spaces.Space) -> None:
    with pytest.raises(UnsupportedSpace) as caught:
        small_ppo(Sampled(action_space=space))
    assert caught.value.hint


@pytest.mark.parametrize("space", [spaces.Discrete(3, start=1), spaces.MultiDiscrete([2, 3], start=[1, 0])])
def test_sb3s_environments_are_looked_at_as_closely(space: spaces.Space) -> None:
    for env in (Sampled(space), Sampled(action_space=space)):
        with pytest.raises(UnsupportedSpace, match="start at 0"):
            small_ppo(DummyVecEnv([lambda env=env: env]))


def test_a_policy_that_does_not_fit_the_observation_is_refused() -> None:
    with pytest.raises(UnsupportedSpace, match="MultiInputPolicy"):
        small_ppo(Sampled(OBSERVATIONS["dict"]), "MlpPolicy")
    with pytest.raises(UnsupportedSpace, match="MlpPolicy"):
        small_ppo(Sampled(), "MultiInputPolicy")


@pytest.mark.parametrize("policy", ["NoSuchPolicy", "", torch.nn.Linear, None, 3])
def test_an_unknown_policy_is_refused_with_the_known_ones(policy: Any) -> None:
    with pytest.raises(UsageError, match="MlpPolicy"):
        PPO(policy, "CartPole-v1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[
            (name, value)
            for name in ("n_steps", "batch_size", "n_epochs")
            for value in (0, -1, 2.5, "64", None)
        ],
        *[
            (name, value)
            for name in ("gamma", "gae_lambda")
            for value in (-0.1, 1.1, float("nan"), "x", None)
        ],
        *[(name, value) for name in ("ent_coef", "vf_coef", "max_grad_norm") for value in (-1, float("inf"))],
        ("target_kl", 0),
        ("target_kl", -1),
        ("stats_window_size", 0),
    ],
)
def test_absurd_hyperparameters_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=name):
        small_ppo(**{name: value})


@pytest.mark.parametrize("name", ["learning_rate", "clip_range", "clip_range_vf"])
@pytest.mark.parametrize("value", [-1, "fast", float("nan")])
def test_absurd_schedules_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match="schedule"):
        small_ppo(**{name: value})


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"batch_size": 1}, UsageError, "deviation"),
        ({"n_envs": 0}, UsageError, "n_envs"),
        ({"vec": "threads"}, UsageError, "vec"),
        ({"device": "abacus"}, UsageError, "abacus"),
        ({"env": gym.make("CartPole-v1"), "n_envs": 2}, UsageError, "n_envs"),
        ({"env": gym.make("CartPole-v1"), "env_kwargs": {"a": 1}}, UsageError, "env_kwargs"),
        ({"env": "no environment at all"}, Exception, "no environment"),
        ({"env": 3}, UsageError, "no environment"),
        ({"policy_kwargs": {"use_sde": True}}, UsageError, "use_sde"),
    ],
)
def test_other_wrong_arguments_are_clear_errors(arguments: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        small_ppo(**arguments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_is_not_there_is_a_clear_error() -> None:
    with pytest.raises(NoDevice):
        small_ppo(device="cuda")
