"""The Fréchet distance: closed forms, what it does not depend on, and what cannot be measured."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from torch import Tensor

from generative.quality.frechet import Gaussian, fit_gaussian, frechet_distance
from sandbox.core.errors import Diverged, UsageError


def drawn(seed: int, n: int = 50, d: int = 4) -> Tensor:
    """Correlated features (n, d)."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(d, d, generator=generator)
    return torch.randn(n, d, generator=generator) @ mixing + torch.randn(d, generator=generator)


def gaussian(mean: list[float], deviations: list[float]) -> Gaussian:
    return Gaussian(torch.tensor(mean).double(), torch.tensor(deviations).double().square().diag(), 100)


def test_of_gaussians_along_the_axes_it_is_the_distance_of_means_and_deviations() -> None:
    one, other = gaussian([0, 1, 2], [1, 2, 3]), gaussian([3, 1, 2], [1, 4, 3.5])
    assert frechet_distance(one, other) == pytest.approx(3**2 + 2**2 + 0.5**2)


def test_of_flat_gaussians_too() -> None:
    assert frechet_distance(gaussian([0, 0], [0, 2]), gaussian([0, 0], [1, 0])) == pytest.approx(1 + 4)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**20), st.integers(0, 2**20))
def test_it_is_what_the_root_of_the_product_gives(first: int, second: int) -> None:
    one, other = fit_gaussian(drawn(first)), fit_gaussian(drawn(second))
    root = np.real(np.asarray(sqrtm((one.covariance @ other.covariance).numpy())))
    apart = (one.mean - other.mean).square().sum()
    slow = float(apart + one.covariance.trace() + other.covariance.trace()) - 2 * root.trace()
    assert frechet_distance(one, other) == pytest.approx(slow, rel=1e-6, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**20))
def test_it_is_a_distance_and_knows_no_direction(seed: int) -> None:
    one, other = drawn(seed), drawn(seed + 1)
    turn = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(seed))).Q.double()
    found = frechet_distance(fit_gaussian(one), fit_gaussian(other))
    turned = [fit_gaussian(part.double() @ turn + 5) for part in (one, other)]
    assert found == pytest.approx(frechet_distance(fit_gaussian(other), fit_gaussian(one)), rel=1e-6)
    assert found == pytest.approx(frechet_distance(*turned), rel=1e-6)
    assert frechet_distance(fit_gaussian(one), fit_gaussian(one)) == pytest.approx(0, abs=1e-6)


def test_the_covariance_is_that_of_the_textbook() -> None:
    features = drawn(1)
    found = fit_gaussian(features)
    torch.testing.assert_close(found.covariance, features.double().T.cov())
    torch.testing.assert_close(found.mean, features.double().mean(0))


def test_weights_count_as_repetitions_do() -> None:
    features, weights = drawn(2, n=6), torch.tensor([1, 2, 3, 1, 1, 2])
    repeated = fit_gaussian(features.repeat_interleave(weights, 0))
    weighted = fit_gaussian(features, weights)
    torch.testing.assert_close(weighted.mean, repeated.mean)
    by_n = [part.covariance / part.covariance.trace() for part in (weighted, repeated)]
    torch.testing.assert_close(*by_n)


def test_too_few_for_all_dimensions_is_known() -> None:
    assert fit_gaussian(drawn(0, n=4)).flat
    assert not fit_gaussian(drawn(0, n=5)).flat


def test_what_cannot_be_measured_is_said() -> None:
    with pytest.raises(UsageError, match="2 pictures at least, not 1"):
        fit_gaussian(drawn(0, n=1))
    broken = drawn(0)
    broken[3, 1] = torch.nan
    with pytest.raises(Diverged, match="no number"):
        fit_gaussian(broken)
