"""The mathematics of objectives, against closed forms, other libraries and numerical integrals."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import log_ndtr
from scipy.stats import norm
from torch import Tensor, distributions

from generative.objective import (
    bernoulli_log_likelihood,
    bits_per_dimension,
    discretized_gaussian_log_likelihood,
    free_bits,
    gaussian_kl,
    importance_bound,
)

LEVELS = torch.arange(256, dtype=torch.float64) * 2 / 255 - 1
SCALES = [1e-4, 0.01, 0.1, 0.77, 0.79, 3.0, 1e5]
"""standard deviations; at .78 the two ways to measure a bin meet"""

means = st.floats(-6, 6)
log_variances = st.floats(-12, 6)


def normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def masses(mean: float, scale: float, dtype: torch.dtype = torch.float64) -> Tensor:
    """Log probability (256,) of each grey level."""
    levels = LEVELS.to(dtype)[:, None]
    log_scale = torch.tensor(math.log(scale), dtype=dtype)
    return discretized_gaussian_log_likelihood(levels, torch.full_like(levels, mean), log_scale)


@given(means, log_variances)
def test_kl_is_the_integral_that_defines_it(mean: float, log_variance: float) -> None:
    deviation = math.exp(log_variance / 2)

    def weighted(z: float) -> float:
        ratio = norm.logpdf(z, mean, deviation) - norm.logpdf(z)
        return float(norm.pdf(z, mean, deviation) * ratio)

    integral = quad(weighted, mean - 12 * deviation, mean + 12 * deviation)[0]
    kl = gaussian_kl(torch.tensor([[mean]]).double(), torch.tensor([[log_variance]]).double())
    assert kl.item() == pytest.approx(integral, rel=1e-6, abs=1e-8)


def test_kl_is_that_of_torch_for_each_latent() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, log_variance = normal(generator, 5, 3), normal(generator, 5, 3)
    posterior = distributions.Normal(mean, (log_variance / 2).exp())
    expected = distributions.kl_divergence(posterior, distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(gaussian_kl(mean, log_variance), expected)


@given(st.floats(-1e-3, 1e-3), st.floats(-1e-3, 1e-3))
def test_kl_is_never_negative_and_keeps_what_is_tiny(mean: float, log_variance: float) -> None:
    """Single precision: next to the prior KL is half of mean² + log_variance² / 2."""
    kl = gaussian_kl(torch.tensor([[mean]]), torch.tensor([[log_variance]])).item()
    assert kl >= 0
    assert kl == pytest.approx((mean**2 + log_variance**2 / 2) / 2, rel=1e-2, abs=1e-10)


def test_the_prior_costs_nothing() -> None:
    assert gaussian_kl(torch.zeros(2, 4), torch.zeros(2, 4)).abs().max() == 0


def test_bernoulli_is_that_of_torch_summed_over_pixels() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * normal(generator, 4, 1, 5, 6)
    targets = (normal(generator, 4, 1, 5, 6) > 0).double()
    expected = distributions.Bernoulli(logits=logits).log_prob(targets).flatten(1).sum(1)
    torch.testing.assert_close(bernoulli_log_likelihood(targets, logits), expected)


def test_a_sure_mistake_costs_its_logit_and_a_sure_hit_nothing() -> None:
    targets, logits = torch.tensor([[1.0], [0.0], [1.0]]), torch.tensor([[-2e4], [2e4], [2e4]])
    assert bernoulli_log_likelihood(targets, logits).tolist() == [-2e4, -2e4, 0.0]


@given(st.floats(-1.5, 1.5), st.floats(-10, 10))
def test_the_grey_levels_probabilities_sum_to_one(mean: float, log_scale: float) -> None:
    assert masses(mean, math.exp(log_scale)).exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert masses(mean, math.exp(log_scale), torch.float32).exp().sum().item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("scale", [0.05, 0.3, 1.0, 20.0])
def test_a_grey_level_has_the_mass_of_its_bin(scale: float) -> None:
    """The tails belong to black and white."""
    for level in (0, 1, 100, 153, 254, 255):
        low = -math.inf if level == 0 else (2 * level - 1) / 255 - 1
        high = math.inf if level == 255 else (2 * level + 1) / 255 - 1
        mass = quad(lambda x: norm.pdf(x, 0.2, scale), low, high, epsabs=1e-15)[0]
        assert masses(0.2, scale)[level].exp().item() == pytest.approx(mass, rel=1e-5, abs=1e-13)


def test_masses_that_no_float_can_hold_have_a_logarithm() -> None:
    """At 1e-4 the far bins lie 20 000 standard deviations off: e to the −2e8."""
    found = masses(-1.0, 1e-4)
    nearest = (LEVELS[1:] - 1 / 255 + 1) / 1e-4  # distance of each bin's nearer border, in deviations
    torch.testing.assert_close(found[1:-1], torch.from_numpy(log_ndtr(-nearest.numpy()))[:-1])
    assert found[-2] < -1e8


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("mean", [-1.0, 0.003, 0.7])
def test_single_precision_is_enough_for_value_and_gradient(scale: float, mean: float) -> None:
    found = {}
    for dtype in (torch.float32, torch.float64):
        levels = LEVELS.to(dtype)[:, None]
        means = torch.full_like(levels, mean, requires_grad=True)
        logs = torch.full_like(levels, math.log(scale), requires_grad=True)
        value = discretized_gaussian_log_likelihood(levels, means, logs)
        value.sum().backward()
        assert means.grad is not None
        assert logs.grad is not None
        found[dtype] = [part.double() for part in (value.detach(), means.grad, logs.grad)]
    for single, double in zip(found[torch.float32], found[torch.float64], strict=True):
        torch.testing.assert_close(single, double, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("scale", SCALES[1:-1])
def test_gradients_of_the_discretized_gaussian_are_those_of_finite_differences(scale: float) -> None:
    generator = torch.Generator().manual_seed(0)
    images = LEVELS[torch.tensor([0, 1, 100, 128, 254, 255])].reshape(2, 3, 1)
    mean = (0.5 * normal(generator, 2, 3, 1)).requires_grad_()
    log_scale = torch.full((3, 1), math.log(scale), dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda mean, log_scale: discretized_gaussian_log_likelihood(images, mean, log_scale),
        (mean, log_scale),
        rtol=1e-3,
    )


def test_other_gradients_are_those_of_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, log_variance, logits = (normal(generator, 3, 4).requires_grad_() for _ in range(3))
    targets = (normal(generator, 3, 4) > 0).double()
    assert torch.autograd.gradcheck(gaussian_kl, (mean, log_variance))
    assert torch.autograd.gradcheck(lambda x: bernoulli_log_likelihood(targets, x), (logits,))
    assert torch.autograd.gradcheck(importance_bound, (logits,))


def test_each_channel_may_have_its_own_scale() -> None:
    images = LEVELS[torch.arange(12) * 20].reshape(1, 3, 2, 2)
    mean, scales = torch.zeros_like(images), torch.tensor([0.1, 0.5, 2.0]).double().log()
    together = discretized_gaussian_log_likelihood(images, mean, scales[:, None, None])
    alone = [
        discretized_gaussian_log_likelihood(images[:, [one]], mean[:, [one]], scales[one]) for one in range(3)
    ]
    torch.testing.assert_close(together, torch.stack(alone).sum(0))


def test_free_bits_raise_what_is_below_and_press_only_what_is_above() -> None:
    kl = torch.tensor([0.0, 0.1, 0.25, 3.0], requires_grad=True)
    raised = free_bits(kl, 0.2)
    assert raised.tolist() == pytest.approx([0.2, 0.2, 0.25, 3.0])
    (gradient,) = torch.autograd.grad(raised.sum(), kl)
    assert gradient.tolist() == [0, 0, 1, 1]


def test_the_bound_is_the_logarithm_of_the_mean_weight() -> None:
    log_weights = normal(torch.Generator().manual_seed(0), 7, 3)
    torch.testing.assert_close(importance_bound(log_weights), log_weights.exp().mean(0).log())
    torch.testing.assert_close(importance_bound(log_weights[:1]), log_weights[0])
    torch.testing.assert_close(importance_bound(log_weights - 1e4), importance_bound(log_weights) - 1e4)


def test_bits_per_dimension_of_a_fair_coin_for_each_pixel_are_one() -> None:
    assert bits_per_dimension(784 * math.log(2), 784) == pytest.approx(1)
    assert bits_per_dimension(torch.tensor([8 * math.log(2)]), 4).tolist() == pytest.approx([2])


class LinearGaussian:
    """z ~ N(0, 1), x ~ N(slope · z, noise²): the evidence and the posterior have closed forms."""

    x, slope, noise = 1.3, 0.8, 0.5

    def log_joint(self, z: Tensor) -> Tensor:
        likelihood = distributions.Normal(self.slope * z, self.noise)
        return likelihood.log_prob(torch.tensor(self.x)) + distributions.Normal(0.0, 1.0).log_prob(z)

    @property
    def log_evidence(self) -> float:
        """By a numerical integral over z."""
        return math.log(quad(lambda z: float(self.log_joint(torch.tensor(z)).exp()), -8, 8)[0])

    @property
    def posterior(self) -> tuple[float, float]:
        """Mean and log variance."""
        precision = 1 + (self.slope / self.noise) ** 2
        return self.slope * self.x / self.noise**2 / precision, -math.log(precision)

    def log_weights(self, mean: float, log_variance: float, samples: int, draws: int) -> Tensor:
        """(samples, draws) from the normal distribution that is taken for the posterior."""
        guess = distributions.Normal(mean, math.exp(log_variance / 2))
        z = guess.icdf(torch.rand(samples, draws, generator=torch.Generator().manual_seed(0)))
        return self.log_joint(z) - guess.log_prob(z)

    def elbo(self, mean: float, log_variance: float) -> float:
        """The mean log likelihood in closed form, less the KL divergence under test."""
        squares = (self.x - self.slope * mean) ** 2 + self.slope**2 * math.exp(log_variance)
        likelihood = -0.5 * (math.log(2 * math.pi * self.noise**2) + squares / self.noise**2)
        return likelihood - float(gaussian_kl(torch.tensor(mean), torch.tensor(log_variance)))


def test_of_an_exact_posterior_both_bounds_are_the_evidence() -> None:
    model = LinearGaussian()
    exact = norm.logpdf(model.x, 0, math.sqrt(model.slope**2 + model.noise**2))
    assert model.log_evidence == pytest.approx(exact)
    assert model.elbo(*model.posterior) == pytest.approx(exact, abs=1e-6)
    weights = model.log_weights(*model.posterior, samples=5, draws=100)
    assert importance_bound(weights).tolist() == pytest.approx([exact] * 100, abs=1e-4)


def test_of_a_wrong_posterior_the_bound_grows_with_the_samples_up_to_the_evidence() -> None:
    model, wrong = LinearGaussian(), (0.2, -0.5)
    bounds = [
        importance_bound(model.log_weights(*wrong, samples, 20_000)).mean().item()
        for samples in (1, 2, 8, 64)
    ]
    elbo = model.elbo(*wrong)
    assert bounds[0] == pytest.approx(elbo, abs=0.05)
    assert elbo + 0.3 < bounds[1] < bounds[2] < bounds[3] < model.log_evidence
    assert bounds[3] == pytest.approx(model.log_evidence, abs=0.02)
