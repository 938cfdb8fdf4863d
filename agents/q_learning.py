"""Targets and losses of Q-learning: pure functions on tensors, tested against slow, obvious versions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_SLOPE = 1e-3  # of what a return adds beyond its root, so that the inverse stays smooth


def bellman_targets(returns: Tensor, discounts: Tensor, next_values: Tensor) -> Tensor:
    """What the network should have said: rewards on the way, then what comes behind them.

    Args:
        returns: (batch,) discounted rewards of one or more steps.
        discounts: (batch,) of what comes behind them; 0 where the episode terminated.
        next_values: (batch, quantiles) of the return behind them.

    Returns:
        (batch, quantiles).
    """
    return torch.addcmul(returns.unsqueeze(-1), discounts.unsqueeze(-1), next_values)


def squashed(returns: Tensor) -> Tensor:
    """Returns of any size on nearly the scale of their roots (Pohlen et al. 2018, arXiv:1805.11593)."""
    return returns.sign() * ((returns.abs() + 1).sqrt() - 1) + _SLOPE * returns


def unsquashed(values: Tensor) -> Tensor:
    """The inverse of `squashed`."""
    # In double precision: with so small a slope the difference of roots keeps few digits.
    sizes = values.double().abs()
    roots = ((1 + 4 * _SLOPE * (sizes + 1 + _SLOPE)).sqrt() - 1) / (2 * _SLOPE)
    return values.sign() * (roots.square() - 1).to(values)


def of_actions(quantiles: Tensor, actions: Tensor) -> Tensor:
    """`(batch, quantiles, actions)` and actions `(batch,)` -> `(batch, quantiles)`."""
    index = actions.view(-1, 1, 1).expand(-1, quantiles.shape[1], 1)
    return quantiles.gather(2, index).squeeze(-1)


def huber_loss(said: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Huber loss of single numbers, `(batch, 1)` each: the loss and the absolute error, `(batch,)` each."""
    error = (said - target).squeeze(-1)
    return functional.smooth_l1_loss(said, target, reduction="none").squeeze(-1), error.detach().abs()


def quantile_huber_loss(said: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Quantile regression with Huber's loss (Dabney et al. 2018, arXiv:1710.10044, equation 10).

    Quantile i of N stands for the fraction (i + 1/2) / N of the returns. The target's numbers are samples:
    their order means nothing.

    Args:
        said: (batch, quantiles).
        target: (batch, samples).

    Returns:
        (batch,) the loss, summed over quantiles and averaged over samples, twice.
    """
    n_quantiles = said.shape[1]
    fractions = (torch.arange(n_quantiles, device=said.device) + 0.5) / n_quantiles
    error = target.unsqueeze(1) - said.unsqueeze(2)  # (batch, quantiles, samples)
    huber = functional.smooth_l1_loss(error, torch.zeros_like(error), reduction="none")
    weight = (fractions.view(1, -1, 1) - (error.detach() < 0).float()).abs()
    loss = (weight * huber).mean(2).sum(1)
    return loss, loss.detach()
