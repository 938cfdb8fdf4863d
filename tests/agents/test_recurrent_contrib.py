"""Policies with memory beside sb3-contrib's: equal weights say the same, and are called the same way."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

from agents import PPO, SB3VecEnv
from agents.evaluate import evaluate
from agents.segments import Remembered, Segments
from agents.simulators import as_simulator
from tests.agents.remembering import SEEN, attentive_dqn, attentive_ppo
from tests.agents.tasks import BOX, Sampled, small_dqn, small_ppo

contrib = pytest.importorskip("sb3_contrib", reason="sb3-contrib is not installed")
ENVS, STEPS = 3, 8
CRITICS: dict[str, dict[str, Any]] = {
    "separate": {"enable_critic_lstm": True},
    "none": {"enable_critic_lstm": False},
    "shared": {"shared_lstm": True, "enable_critic_lstm": False},
}


def both(critic: str, layers: int = 1, acts: spaces.Space | None = None) -> tuple[PPO, Any]:
    """Our agent and contrib's, of the same sizes, with the same weights, which say a lot."""
    sizes = {"net_arch": [7], "lstm_hidden_size": 5, "n_lstm_layers": layers, **CRITICS[critic]}
    theirs = contrib.RecurrentPPO(
        "MlpLstmPolicy", Sampled(BOX, acts), policy_kwargs=sizes, n_steps=8, batch_size=8, device="cpu"
    )
    ours = small_ppo(Sampled(BOX, acts), "MlpLstmPolicy", policy_kwargs=sizes)
    source = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for part in theirs.policy.parameters():
            part.copy_(torch.randn(part.shape, generator=source))
    ours.policy.load_state_dict(theirs.policy.state_dict())
    return ours, theirs


def observed(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Observations and beginnings of episodes, steps first."""
    numbers = np.random.default_rng(seed)
    starts = numbers.random((STEPS, ENVS)) < 0.25
    starts[0] = True
    return numbers.normal(size=(STEPS, ENVS, 3)).astype(np.float32), starts


@pytest.mark.parametrize("acts", [spaces.Discrete(3), spaces.Box(-1, 1, (2,))], ids=str)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("critic", CRITICS)
def test_equal_weights_predict_the_same_from_the_same_states(
    critic: str, layers: int, acts: spaces.Space
) -> None:
    ours, theirs = both(critic, layers, acts)
    observations, starts = observed()
    states: list[Any] = [None, None]
    for seen, begins in zip(observations, starts, strict=True):
        found: list[Any] = [
            agent.predict(seen, state=state, episode_start=begins, deterministic=True)
            for agent, state in zip((ours, theirs), states, strict=True)
        ]
        (mine, mine_after), (yours, yours_after) = found
        np.testing.assert_allclose(mine, yours, rtol=1e-4, atol=1e-5)
        assert isinstance(mine_after, tuple)
        assert [part.shape for part in mine_after] == [part.shape for part in yours_after]
        assert [part.dtype for part in mine_after] == [part.dtype for part in yours_after]
        for one, other in zip(mine_after, yours_after, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
        states = [yours_after, mine_after]  # each goes on from what the other one remembers


@pytest.mark.parametrize("critic", CRITICS)
def test_equal_weights_judge_sequences_alike(critic: str) -> None:
    """Values, log-probabilities and entropies of sequences in which episodes begin."""
    from sb3_contrib.common.recurrent.type_aliases import RNNStates

    ours, theirs = both(critic)
    observations, starts = observed(1)
    seen = torch.from_numpy(observations.swapaxes(0, 1)).reshape(-1, 3).contiguous()  # env after env
    begins = torch.from_numpy(starts.T.copy()).float().ravel()
    actions = torch.arange(len(seen)) % 2
    nothing = (torch.zeros(1, ENVS, 5), torch.zeros(1, ENVS, 5))
    expected = theirs.policy.evaluate_actions(seen, actions, RNNStates(nothing, nothing), begins)
    segments = Segments.between(starts.T)
    states = torch.zeros(len(segments), ours.policy.numbers)  # type: ignore[arg-type]
    found = ours.policy.evaluate_actions(seen, actions, Remembered(segments, states))  # type: ignore[call-arg]
    torch.testing.assert_close(found[0], expected[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found[1:], expected[1:], rtol=1e-4, atol=1e-5)


def test_an_agent_takes_over_contribs_parameters_and_gives_them_back() -> None:
    ours, theirs = both("separate")
    fresh = both("separate")[0]
    with torch.no_grad():
        for part in fresh.policy.parameters():
            part.zero_()
    for source, target in ((theirs, fresh), (fresh, theirs)):
        parameters: Any = {"policy": source.get_parameters()["policy"]}
        target.set_parameters(parameters, exact_match=False)
    seen = observed()[0][0]
    mine, taken_over = (agent.predict(seen, deterministic=True)[0] for agent in (ours, fresh))
    np.testing.assert_array_equal(mine, taken_over)
    torch.testing.assert_close(dict(theirs.policy.state_dict()), dict(ours.policy.state_dict()))


# The calling convention


@pytest.mark.parametrize("make", [attentive_ppo, attentive_dqn])
@pytest.mark.parametrize("policy", ["MlpLstmPolicy", "MlpGruPolicy", "CnnGruPolicy", "MultiInputLstmPolicy"])
def test_states_have_the_same_shape_for_one_observation_and_for_many(make: Any, policy: str) -> None:
    agent = make(policy, policy_kwargs={"memory_layers": 2})
    space = SEEN[policy.removesuffix("LstmPolicy").removesuffix("GruPolicy")]
    space.seed(0)
    one = [space.sample() for _ in range(4)]
    several: Any = (
        np.stack(one)
        if not isinstance(one[0], dict)
        else {name: np.stack([part[name] for part in one]) for name in one[0]}
    )
    actions, states = agent.predict(several, deterministic=True)
    assert actions.shape == (4,)
    assert [part.shape for part in states] == [(2, 4, 6)] * (2 if "Lstm" in policy else 1)
    actions, after = agent.predict(several, states, np.array([False, True, False, False]), deterministic=True)
    for row, seen in enumerate(one):
        alone = tuple(part[:, row : row + 1] for part in states)
        begins = np.array([row == 1])
        action, alone_after = agent.predict(seen, alone, begins, deterministic=True)
        assert action.shape == ()
        assert action == actions[row]
        for part, whole in zip(alone_after, after, strict=True):
            np.testing.assert_allclose(part, whole[:, row : row + 1], rtol=1e-4, atol=1e-5)
    forgotten = agent.predict(several, states, np.ones(4, bool), deterministic=True)[1]
    for part, other in zip(forgotten, agent.predict(several, deterministic=True)[1], strict=True):
        np.testing.assert_array_equal(part, other)
    assert np.abs(after[0][:, 0] - forgotten[0][:, 0]).max() > 1e-3  # and what is kept matters


class Echo(gym.Env[Any, Any]):
    """Say what was seen two steps before, in episodes of 6 to 9 steps; a point for each right answer."""

    observation_space = spaces.Box(-1, 1, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        self.length, self.said = int(self.np_random.integers(6, 10)), []
        return self._look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        right = len(self.said) > 2 and action == (self.said[-3] > 0)
        return self._look(), float(right), False, len(self.said) > self.length, {}

    def _look(self) -> np.ndarray:
        self.said.append(float(self.np_random.choice([-1.0, 1.0])))
        return np.array(self.said[-1:], np.float32)


gym.register("Tiny/Echo-v0", lambda **_: TimeLimit(Echo(), 10), disable_env_checker=True)


@pytest.mark.parametrize("make", [small_ppo, small_dqn])
@pytest.mark.parametrize("policy", ["MlpLstmPolicy", "MlpGruPolicy"])
def test_sb3s_evaluation_finds_what_ours_finds(make: Any, policy: str) -> None:
    """The same episodes, played with memory; and other ones without."""
    agent = make("Tiny/Echo-v0", policy, policy_kwargs={"memory_size": 8, "activation_fn": torch.nn.Tanh})
    for part in agent.policy.parameters():  # no action is liked whatever there is to see
        torch.nn.init.normal_(part, std=float(part.ndim > 1), generator=agent.generator)
    env = make_vec_env(Echo, 4)
    env.seed(5)
    found: Any = evaluate_policy(agent, env, 40, return_episode_rewards=True)
    returns, lengths = found
    ours = evaluate(agent.policy, as_simulator(gym.make_vec("Tiny/Echo-v0", 4)), 40, seed=5)
    assert sorted(ours.returns.tolist()) == sorted(returns)
    assert sorted(ours.lengths.tolist()) == sorted(lengths)
    choose = agent.policy.choose

    def without(seen: Any, state: Any, starts: Any, **options: Any) -> Any:
        return choose(seen, agent.policy.initial_state(len(state)), starts, **options)

    agent.policy.choose = without
    other = evaluate(agent.policy, as_simulator(gym.make_vec("Tiny/Echo-v0", 4)), 40, seed=5)
    assert sorted(other.returns.tolist()) != sorted(returns)


def test_ours_are_evaluated_in_our_batches_as_well() -> None:
    agent = small_ppo("Tiny/Echo-v0", "MlpGruPolicy")
    env = SB3VecEnv(gym.make_vec("Tiny/Echo-v0", 3))
    mean: Any = evaluate_policy(agent, env, 6, warn=False)[0]
    assert 0 <= mean <= 7
