"""A prior that is learned: what goes through the flow comes back, and its density is one."""

from __future__ import annotations

import pytest
import torch
from scipy.integrate import dblquad

from generative.flow import CouplingFlow
from generative.objective import standard_normal_log_density
from generative.vae import VAE
from sandbox.nn.batches import Batch


def bent(latent: int) -> CouplingFlow:
    """A flow that is not the identity any more."""
    torch.manual_seed(0)
    flow = CouplingFlow(latent).double()
    for net in flow.nets:
        torch.nn.init.normal_(net[-1].weight, std=0.05)  # type: ignore[index]
        torch.nn.init.normal_(net[-1].bias, std=0.3)  # type: ignore[index]
    return flow


@pytest.mark.parametrize("latent", [2, 3, 8])
def test_latents_become_noise_and_come_back(latent: int) -> None:
    flow, noise = bent(latent), torch.randn(16, latent, dtype=torch.float64)
    latents = flow.from_noise(noise)
    assert not torch.allclose(latents, noise, atol=0.1)
    assert torch.allclose(flow.to_noise(latents)[0], noise)


@pytest.mark.parametrize("latent", [2, 5])
def test_the_stretch_is_the_determinant_of_the_jacobian(latent: int) -> None:
    flow, noise = bent(latent), torch.randn(latent, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda one: flow.from_noise(one[None])[0], noise)
    found = flow.to_noise(flow.from_noise(noise[None]))[1]
    assert torch.allclose(found, torch.linalg.slogdet(jacobian).logabsdet)


def test_the_density_integrates_to_one() -> None:
    flow = bent(2)

    def density(y: float, x: float) -> float:
        return float(flow.log_density(torch.tensor([[x, y]], dtype=torch.float64)).detach().exp())

    total, _ = dblquad(density, -8, 8, -8, 8, epsabs=1e-3, epsrel=1e-3)
    assert total == pytest.approx(1, abs=5e-3)


def test_a_new_flow_is_the_standard_normal() -> None:
    latents = torch.randn(8, 6)
    assert torch.allclose(CouplingFlow(6).log_density(latents), standard_normal_log_density(latents))


def test_it_learns_a_distribution_that_is_not_normal() -> None:
    """Latents on a circle: the flow describes them better than any normal distribution could."""
    generator = torch.Generator().manual_seed(0)
    angle = 6.2832 * torch.rand(512, generator=generator)
    points = torch.stack([angle.cos(), angle.sin()], 1)
    points = 2 * points + 0.1 * torch.randn(512, 2, generator=generator)
    torch.manual_seed(0)
    flow = CouplingFlow(2)
    optimizer = torch.optim.Adam(flow.parameters(), 5e-3)
    for _ in range(300):
        optimizer.zero_grad()
        (-flow.log_density(points).mean()).backward()
        optimizer.step()
    covariance = points.T.cov()
    normal = torch.distributions.MultivariateNormal(points.mean(0), covariance).log_prob(points).mean()
    assert flow.log_density(points).mean() > normal + 0.5


def test_the_bound_of_a_learned_prior_has_both_parts_of_the_divergence() -> None:
    """ELBO and one importance sample are the same bound, up to the part of it that is known exactly."""
    torch.manual_seed(0)
    model = VAE(1, 8, 8, latent=3, hidden=16, likelihood="bernoulli", prior="flow").eval()
    for net in model.flow.nets:  # type: ignore[union-attr]
        torch.nn.init.normal_(net[-1].weight, std=0.1)  # type: ignore[index]
    images = (torch.rand(4, 1, 8, 8) > 0.5).float() * 2 - 1
    posterior = model.encode(images)
    draws = [posterior.sample(torch.Generator().manual_seed(seed)) for seed in range(400)]
    parts = [model.divergence(posterior, latents) for latents in draws]
    slowly = [posterior.log_density(latents) - model.prior_log_density(latents) for latents in draws]
    found = torch.stack([each.sum(1) + further for each, further in parts]).mean()
    assert float(found) == pytest.approx(float(torch.stack(slowly).mean()), abs=0.05)
    loss, terms = model.loss(
        Batch(images, torch.zeros(4, dtype=torch.long)), torch.Generator().manual_seed(0)
    )
    assert float(loss) == pytest.approx(float(terms["reconstruction"] + terms["kl"]), rel=1e-5)
