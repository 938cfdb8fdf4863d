"""Our lean distributions say the same as SB3's, and sample what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common import distributions as theirs

from agents.distributions import ActionDistribution, action_distribution

COUNTS = [2, 3, 4]
BATCH = 5
LOG_STD = torch.tensor([-1.0, 0.0, 0.5])

KINDS: dict[str, tuple[spaces.Space, int, Any]] = {
    "discrete": (spaces.Discrete(4), 4, lambda: theirs.CategoricalDistribution(4)),
    "multidiscrete": (spaces.MultiDiscrete(COUNTS), 9, lambda: theirs.MultiCategoricalDistribution(COUNTS)),
    "multibinary": (spaces.MultiBinary(3), 3, lambda: theirs.BernoulliDistribution(3)),
    "box": (spaces.Box(-1, 1, (3,)), 3, lambda: theirs.DiagGaussianDistribution(3)),
}


@pytest.fixture(params=KINDS)
def pair(request: pytest.FixtureRequest) -> tuple[ActionDistribution, Any]:
    """Ours and theirs for the same output of a network, (5, …)."""
    space, outputs, make = KINDS[request.param]
    output = 2 * torch.randn(BATCH, outputs, generator=torch.Generator().manual_seed(3))
    if isinstance(space, spaces.Box):
        return action_distribution(space, output, LOG_STD), make().proba_distribution(output, LOG_STD)
    return action_distribution(space, output), make().proba_distribution(output)


def test_log_probabilities_of_sampled_actions_are_sb3s(pair: tuple[ActionDistribution, Any]) -> None:
    ours, sb3 = pair
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        actions = ours.sample(generator)
        torch.testing.assert_close(ours.log_prob(actions), sb3.log_prob(actions), rtol=1e-5, atol=1e-5)


def test_entropy_and_mode_are_sb3s(pair: tuple[ActionDistribution, Any]) -> None:
    ours, sb3 = pair
    torch.testing.assert_close(ours.entropy(), sb3.entropy(), rtol=1e-5, atol=1e-5)
    assert ours.mode().tolist() == sb3.mode().tolist()
    assert ours.entropy().shape == ours.log_prob(ours.mode()).shape == (BATCH,)
    assert ours.sample(None).shape == sb3.sample().shape


def test_the_generator_decides_the_sample(pair: tuple[ActionDistribution, Any]) -> None:
    ours, _ = pair
    draws = [
        torch.stack([ours.sample(generator) for _ in range(8)]).tolist()
        for generator in (torch.Generator().manual_seed(seed) for seed in (1, 1, 2))
    ]
    assert draws[0] == draws[1] != draws[2]


def test_gradients_are_sb3s() -> None:
    for space, outputs, make in KINDS.values():
        grads = []
        for build in (
            lambda *p, s=space: action_distribution(s, *p),
            lambda *p, m=make: m().proba_distribution(*p),
        ):
            output = torch.linspace(-1, 2, outputs).repeat(BATCH, 1).requires_grad_()
            log_std = LOG_STD.clone().requires_grad_()
            box = isinstance(space, spaces.Box)
            distribution = build(output, log_std) if box else build(output)
            actions = torch.full((BATCH, 3), 0.3) if box else distribution.mode()
            (distribution.log_prob(actions).sum() + distribution.entropy().sum()).backward()
            grads.append((output.grad, log_std.grad))
        torch.testing.assert_close(grads[0], grads[1], rtol=1e-5, atol=1e-5)


MANY = 40_000
ROOM = 5 / np.sqrt(MANY)  # five standard errors of a frequency, at the most


def sampled(space: spaces.Space, output: torch.Tensor, log_std: torch.Tensor | None = None) -> np.ndarray:
    """(40 000, …) actions of one and the same output."""
    repeated = output.expand(MANY, -1)
    return action_distribution(space, repeated, log_std).sample(torch.Generator().manual_seed(0)).numpy()


def test_choices_are_as_frequent_as_their_probabilities() -> None:
    logits = torch.tensor([0.0, 1.0, -2.0, 0.5])
    frequencies = np.bincount(sampled(spaces.Discrete(4), logits), minlength=4) / MANY
    np.testing.assert_allclose(frequencies, logits.softmax(-1), atol=ROOM)


def test_several_choices_are_independent_and_each_as_frequent_as_said() -> None:
    logits = torch.tensor([0.0, 1.0, -1.0, 0.5, 0.2])
    actions = sampled(spaces.MultiDiscrete([2, 3]), logits)
    first, second = logits[:2].softmax(-1).numpy(), logits[2:].softmax(-1).numpy()
    joint = np.array([[(actions == (a, b)).all(1).mean() for b in range(3)] for a in range(2)])
    np.testing.assert_allclose(joint, np.outer(first, second), atol=ROOM)


def test_switches_are_on_as_often_as_said() -> None:
    logits = torch.tensor([-2.0, 0.0, 3.0])
    actions = sampled(spaces.MultiBinary(3), logits)
    assert set(np.unique(actions)) == {0, 1}
    np.testing.assert_allclose(actions.mean(0), logits.sigmoid(), atol=ROOM)


def test_continuous_actions_have_the_mean_and_deviation_that_the_network_says() -> None:
    mean = torch.tensor([-3.0, 0.0, 2.0])
    actions = sampled(spaces.Box(-1, 1, (3,)), mean, LOG_STD)
    deviation = LOG_STD.exp().numpy()
    np.testing.assert_allclose(actions.mean(0), mean, atol=float(ROOM * deviation.max()))
    np.testing.assert_allclose(actions.std(0), deviation, rtol=0.02)


def test_extreme_logits_stay_finite() -> None:
    distribution = action_distribution(spaces.Discrete(2), torch.tensor([[1e4, -1e4]]))
    assert distribution.entropy().item() == 0
    assert distribution.log_prob(torch.tensor([0])).item() == 0
    assert np.isfinite(distribution.log_prob(torch.tensor([1])).item())
    switches = action_distribution(spaces.MultiBinary(1), torch.tensor([[1e4]]))
    assert switches.entropy().item() == 0
    assert np.isfinite(switches.log_prob(torch.tensor([[0.0]])).item())


def test_a_space_without_a_distribution_is_an_error() -> None:
    with pytest.raises(TypeError, match="Text"):
        action_distribution(spaces.Text(3), torch.zeros(1, 1))
