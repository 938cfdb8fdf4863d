"""Q-networks: SB3's weights and values, what dueling, quantiles and noise change, and how they act."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
import stable_baselines3 as sb3
import torch
from gymnasium import spaces

from agents import DQN
from agents.q_policies import MultiInputQPolicy, QPolicy
from tests.agents.tasks import Sampled, same_weights, weights_of

BOX = spaces.Box(-2, 2, (3,), np.float32)
DICT = spaces.Dict({"a": spaces.Box(-1, 1, (2,)), "b": spaces.Discrete(3)})
SPACES: dict[str, spaces.Space] = {"box": BOX, "discrete": spaces.Discrete(5), "dict": DICT}
HEADS: dict[str, dict[str, Any]] = {
    "plain": {},
    "dueling": {"dueling": True},
    "quantiles": {"n_quantiles": 5},
    "noisy": {"noisy_std": 0.5},
    "all": {"dueling": True, "n_quantiles": 5, "noisy_std": 0.5},
}


def policy_of(space: spaces.Space = BOX, actions: int = 4, seed: int = 0, **arguments: Any) -> QPolicy:
    torch.manual_seed(seed)
    kind = MultiInputQPolicy if isinstance(space, spaces.Dict) else QPolicy
    return kind(space, spaces.Discrete(actions), lambda _: 1e-3, **{"net_arch": [16, 8], **arguments})


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def seen(rows: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, 3, generator=generator(seed))


# SB3's


@pytest.mark.parametrize("net_arch", [None, [], [7], [9, 8, 7]])
@pytest.mark.parametrize("kind", SPACES)
def test_weights_move_between_sb3_and_us_in_both_directions(kind: str, net_arch: list[int] | None) -> None:
    env = Sampled(SPACES[kind], spaces.Discrete(4))
    name = "MultiInputPolicy" if kind == "dict" else "MlpPolicy"
    kwargs: dict[str, Any] = {"device": "cpu", "policy_kwargs": {"net_arch": net_arch}, "buffer_size": 100}
    for turn in (0, 1):
        agents = [DQN(name, env, **kwargs, seed=turn), sb3.DQN(name, env, **kwargs, seed=turn + 7)]
        giver, taker = agents[::-1] if turn else agents
        assert weights_of(giver).keys() == weights_of(taker).keys()
        assert not same_weights(giver, taker)
        taker.set_parameters(giver.get_parameters())
        assert same_weights(giver, taker)
        observation = (
            {
                key: torch.as_tensor(np.stack([part] * 2))
                for key, part in env.observation_space.sample().items()
            }
            if kind == "dict"
            else torch.as_tensor(np.stack([env.observation_space.sample() for _ in range(20)]))
        )
        for net in ("q_net", "q_net_target"):
            values = [getattr(agent, net)(observation) for agent in agents]
            torch.testing.assert_close(*values)


def test_a_new_network_is_drawn_as_sb3s() -> None:
    torch.manual_seed(0)
    theirs = sb3.dqn.policies.DQNPolicy(BOX, spaces.Discrete(4), lambda _: 1e-3, net_arch=[16, 8])
    torch.testing.assert_close(policy_of().state_dict(), theirs.state_dict())


@pytest.mark.parametrize("head", HEADS)
def test_the_target_begins_as_the_network_and_is_not_learned(head: str) -> None:
    policy = policy_of(**HEADS[head])
    for ours, theirs in zip(policy.q_net.parameters(), policy.q_net_target.parameters(), strict=True):
        assert torch.equal(ours, theirs)
        assert ours is not theirs
    learned = {id(part) for group in policy.optimizer.param_groups for part in group["params"]}
    assert learned == {id(part) for part in policy.q_net.parameters()}


def test_q_values_are_computed_like_sb3s_on_normalised_observations() -> None:
    """Normalised observations are to the network what plain ones are to one without a normaliser."""
    policy, plain = policy_of(normalize_observations=True), policy_of()
    assert policy.observation_normalizer is not None
    observation = 100 + 7 * seen(500)
    policy.observation_normalizer.update(observation)
    by_hand = (observation - observation.mean(0)) / observation.std(0, correction=0)
    plain.q_net.load_state_dict(policy.q_net.state_dict())
    torch.testing.assert_close(policy.quantiles(observation), plain.quantiles(by_hand), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(
        policy.target_quantiles(observation), plain.quantiles(by_hand), rtol=1e-3, atol=1e-4
    )


# Heads


@pytest.mark.parametrize("head", HEADS)
def test_q_values_are_the_means_of_the_quantiles(head: str) -> None:
    policy = policy_of(**HEADS[head])
    quantiles = policy.quantiles(seen(6))
    assert quantiles.shape == (6, HEADS[head].get("n_quantiles", 1), 4)
    torch.testing.assert_close(policy.q_net(seen(6)), quantiles.mean(1))
    assert torch.equal(policy._predict(seen(6)), policy.q_net(seen(6)).argmax(1))


def test_each_quantile_of_each_action_has_a_number_of_its_own() -> None:
    policy = policy_of(n_quantiles=5, net_arch=[])
    with torch.no_grad():
        policy.q_net.q_net[-1].weight.zero_()
        policy.q_net.q_net[-1].bias.copy_(torch.arange(20.0))
    expected = [[4.0 * quantile + action for action in range(4)] for quantile in range(5)]
    assert policy.quantiles(seen(1))[0].tolist() == expected


@pytest.mark.parametrize("n_quantiles", [1, 3])
@pytest.mark.parametrize("net_arch", [[], [8], [8, 8, 8]])
def test_a_dueling_network_tells_value_from_advantage(n_quantiles: int, net_arch: list[int]) -> None:
    """Whatever is added to all advantages changes nothing; what is added to the value is added to all."""
    policy = policy_of(dueling=True, n_quantiles=n_quantiles, net_arch=net_arch)
    before = policy.quantiles(seen(5))
    head: Any = policy.q_net.q_net
    with torch.no_grad():
        head.advantage[-1].bias += 3
    torch.testing.assert_close(policy.quantiles(seen(5)), before)
    with torch.no_grad():
        head.value[-1].bias += 2
    torch.testing.assert_close(policy.quantiles(seen(5)), before + 2)


def test_a_dueling_network_by_hand() -> None:
    policy = policy_of(dueling=True, net_arch=[], n_quantiles=2, actions=3)
    head: Any = policy.q_net.q_net
    with torch.no_grad():
        for part in (head.value[-1], head.advantage[-1]):
            part.weight.zero_()
        head.value[-1].bias.copy_(torch.tensor([10.0, 20.0]))
        head.advantage[-1].bias.copy_(torch.tensor([1.0, 2.0, 6.0, -1.0, 0.0, 4.0]))  # means 3 and 1
    assert policy.quantiles(seen(1))[0].tolist() == [[8.0, 9.0, 13.0], [18.0, 19.0, 23.0]]


# Acting, with noise and by chance


@pytest.mark.parametrize("head", HEADS)
def test_noise_is_drawn_where_there_is_a_generator_and_only_then(head: str) -> None:
    policy, batch = policy_of(**HEADS[head]), seen(1).expand(64, 3)
    quiet, noisy = policy.quantiles(batch), policy.quantiles(batch, generator())
    assert (quiet == quiet[0]).all()
    assert torch.equal(policy.quantiles(batch), quiet)  # the noise is forgotten
    if "noisy_std" in HEADS[head]:
        assert len(noisy.flatten(1).unique(dim=0)) == 64  # each row has noise of its own
        assert not torch.equal(policy.quantiles(batch, generator(1)), noisy)
    torch.testing.assert_close(policy.quantiles(batch, generator()), noisy)


def test_each_environment_explores_by_noise_of_its_own() -> None:
    policy, batch = policy_of(noisy_std=3.0), seen(1).expand(64, 3)
    actions, _ = policy.explore(batch, generator=generator(), epsilon=0.0)
    assert len(actions.unique()) > 1
    chosen, _ = policy.choose(batch)
    assert len(chosen.unique()) == 1


@pytest.mark.parametrize("head", HEADS)
def test_for_evaluation_there_is_neither_noise_nor_chance(head: str) -> None:
    policy, batch = policy_of(**HEADS[head]), seen(64)
    greedy = policy.quantiles(batch).mean(1).argmax(1)
    for _ in range(2):
        assert torch.equal(policy.choose(batch)[0], greedy)
        assert policy.predict(batch.numpy(), deterministic=True)[0].tolist() == greedy.tolist()
    if "noisy_std" not in HEADS[head]:
        assert torch.equal(policy.explore(batch, generator=generator(), epsilon=0.0)[0], greedy)


@pytest.mark.parametrize("epsilon", [0.1, 0.5, 0.9])
def test_each_row_decides_for_itself_whether_it_is_random(epsilon: float) -> None:
    """A random action may be the greedy one too: of four actions, one time in four."""
    policy, batch, source, rows, times = policy_of(), seen(64), generator(), 64, 300
    greedy = policy.choose(batch)[0]
    others = torch.stack(
        [policy.explore(batch, generator=source, epsilon=epsilon)[0] != greedy for _ in range(times)]
    ).float()
    probability = epsilon * 3 / 4
    deviation = math.sqrt(probability * (1 - probability) / (rows * times))
    assert others.mean().item() == pytest.approx(probability, abs=5 * deviation)
    # Of one draw for all rows the sums would lie at both ends.
    assert others.sum(1).var().item() == pytest.approx(rows * probability * (1 - probability), rel=0.4)
    assert others.mean(0).std() < 4 * deviation * math.sqrt(rows)  # no row is preferred


def test_at_epsilon_1_all_actions_are_as_likely_and_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = policy_of()
    monkeypatch.setattr(policy.q_net, "quantiles", lambda *_: pytest.fail("the network was asked"))
    actions, _ = policy.explore(seen(40_000), generator=generator(), epsilon=1.0)
    assert actions.bincount(minlength=4).div(40_000).tolist() == pytest.approx([0.25] * 4, abs=0.015)


# Targets, files, dicts


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("tau", [0.0, 0.25, 1.0])
def test_the_target_moves_as_far_as_tau_says(head: str, tau: float) -> None:
    policy, other = policy_of(**HEADS[head]), policy_of(seed=1, **HEADS[head])
    policy.q_net_target.load_state_dict(other.q_net.state_dict())
    policy.update_target(tau)
    ours, before = policy.q_net.state_dict(), other.q_net.state_dict()
    for name, moved in policy.q_net_target.state_dict().items():
        torch.testing.assert_close(moved, tau * ours[name] + (1 - tau) * before[name])


def test_running_statistics_of_a_network_are_copied_whole() -> None:
    """As SB3 does: averages of averages would be of nothing."""

    class Normed(sb3.common.torch_layers.FlattenExtractor):
        def __init__(self, space: Any) -> None:
            super().__init__(space)
            self.norm = torch.nn.BatchNorm1d(3)

        def forward(self, observations: torch.Tensor) -> torch.Tensor:
            return self.norm(super().forward(observations))

    policy = policy_of(features_extractor_class=Normed)
    policy.set_training_mode(True)
    policy.quantiles(5 + seen(100))
    policy.update_target(0.01)
    norms: list[Any] = [net.features_extractor.norm for net in (policy.q_net, policy.q_net_target)]
    assert norms[0].running_mean.abs().min() > 0.1
    assert torch.equal(norms[0].running_mean, norms[1].running_mean)
    assert norms[1].num_batches_tracked == 1


@pytest.mark.parametrize("space", [BOX, DICT], ids=["box", "dict"])
@pytest.mark.parametrize("head", HEADS)
def test_a_state_dict_holds_all_that_decides(head: str, space: spaces.Space) -> None:
    policies = [policy_of(space, seed=seed, normalize_observations=True, **HEADS[head]) for seed in (0, 1)]
    rows = [space.sample() for _ in range(9)]
    observation: Any = (
        {
            "a": torch.as_tensor(np.stack([row["a"] for row in rows])),
            "b": torch.as_tensor([int(row["b"]) for row in rows]),
        }
        if isinstance(space, spaces.Dict)
        else torch.as_tensor(np.stack(rows))
    )
    assert policies[0].observation_normalizer is not None
    policies[0].observation_normalizer.update(observation)
    file = io.BytesIO()
    torch.save(policies[0].state_dict(), file)
    file.seek(0)
    policies[1].load_state_dict(torch.load(file, weights_only=True))
    values = [policy.quantiles(observation, generator()) for policy in policies]
    assert torch.equal(*values)
    assert torch.equal(*[policy.target_quantiles(observation) for policy in policies])
    assert values[0].shape == (9, HEADS[head].get("n_quantiles", 1), 4)
    actions, _ = policies[0].explore(observation, generator=generator(), epsilon=0.5)
    assert actions.shape == (9,)
