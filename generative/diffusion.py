"""The mathematics of diffusion: pure functions on tensors, and the schedule that a model is trained on.

A picture x0 is hidden in noise, x_t = √ᾱ·x0 + √(1 − ᾱ)·noise, where ᾱ falls from 1 to (nearly) 0 over the
timesteps (Ho et al. 2020). A network that is told x_t and t predicts one of three things, and each of them
follows from any other: ``epsilon`` (the noise), ``x0`` (the picture), or ``v`` = √ᾱ·noise − √(1 − ᾱ)·x0, the
velocity (Salimans and Ho 2022), which can be learned at every ᾱ from 1 to 0.

Everywhere here ``alpha_bar`` is ᾱ: (n,), one for each picture, or () for all of them; in [0, 1].
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from torch import Tensor

from generative.config import NoiseSchedule, Prediction, check_chain

PREDICTION_TYPES: dict[Prediction, Literal["v_prediction", "epsilon", "sample"]] = {
    "v": "v_prediction",
    "epsilon": "epsilon",
    "x0": "sample",
}
"""our names of what is predicted, and diffusers'"""


def noise_scheduler(
    noise_schedule: NoiseSchedule, prediction: Prediction, zero_snr: bool, timesteps: int = 1000
) -> DDPMScheduler:
    """The schedule that a model is trained on: its `alphas_cumprod` (timesteps,) are the ᾱ.

    Args:
        noise_schedule: linear (Ho et al. 2020) or cosine (Nichol and Dhariwal 2021).
        zero_snr: shift and stretch √ᾱ until it ends at exactly 0: sampling then begins where training ended,
            in noise alone (Lin et al. 2024). A linear schedule ends at ᾱ = 4e-5 without it, a cosine one at
            2e-9, where it makes next to no difference.

    Raises:
        ConfigError: noise is to be predicted where there is nothing else, or such a chain is too short
            or too long.
    """
    check_chain(prediction, zero_snr, timesteps)
    # However many timesteps there are, the noise at the same share of the way is the same.
    stretch = 1000 / timesteps
    return DDPMScheduler(
        num_train_timesteps=timesteps,
        beta_start=1e-4 * stretch,
        beta_end=0.02 * stretch,
        beta_schedule="squaredcos_cap_v2" if noise_schedule == "cosine" else "linear",
        prediction_type=PREDICTION_TYPES[prediction],
        rescale_betas_zero_snr=zero_snr,
        timestep_spacing="trailing",
    )


def prediction_of(scheduler: Any) -> Prediction:
    """What a network predicts that was trained by a scheduler of diffusers'. Raises KeyError for others."""
    names: dict[str, Prediction] = {theirs: ours for ours, theirs in PREDICTION_TYPES.items()}
    return names[scheduler.config["prediction_type"]]


def noised(x0: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """Draw x_t (n, …) from q(x_t | x0), given standard normal noise (n, …)."""
    signal, hidden = _shares(alpha_bar, x0)
    return signal * x0 + hidden * noise


def velocity(x0: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """The v (n, …) of a picture and its noise."""
    signal, hidden = _shares(alpha_bar, x0)
    return signal * noise - hidden * x0


def target_of(prediction: Prediction, x0: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """What a network should predict (n, …)."""
    if prediction == "v":
        return velocity(x0, noise, alpha_bar)
    return noise if prediction == "epsilon" else x0


def predicted_x0(prediction: Prediction, output: Tensor, x_t: Tensor, alpha_bar: Tensor) -> Tensor:
    """The picture (n, …) that an output (n, …) of the network means; from noise, infinite where ᾱ is 0."""
    signal, hidden = _shares(alpha_bar, x_t)
    if prediction == "v":
        return signal * x_t - hidden * output
    return (x_t - hidden * output) / signal if prediction == "epsilon" else output


def min_snr_weight(prediction: Prediction, alpha_bar: Tensor, gamma: float) -> Tensor:
    """Weights (n,) of squared errors of what is predicted, that all count errors of x0 by min(SNR, γ).

    From Hang et al. 2023: SNR is ᾱ / (1 − ᾱ), and an error of v counts min(SNR, γ) / (SNR + 1), of the noise
    min(SNR, γ) / SNR. Written such that ᾱ of 1 gives the limit; with γ = 0 all weights are 1.

    Where ᾱ is 0 (zero terminal SNR) the weight is 1, not the limit, which for v and x0 is 0: sampling begins
    there (Lin et al. 2024), so that the network has to learn what to say.
    """
    one = torch.ones_like(alpha_bar)
    if gamma == 0:
        return one
    capped = gamma * (1 - alpha_bar)
    weights = {
        "v": torch.minimum(alpha_bar, capped),
        "epsilon": torch.minimum(one, capped / alpha_bar),
        "x0": torch.minimum(alpha_bar / (1 - alpha_bar), gamma * one),
    }[prediction]
    return torch.where(alpha_bar == 0, one, weights)


def guided(conditional: Tensor, unconditional: Tensor, guidance: float) -> Tensor:
    """Classifier-free guidance (Ho and Salimans 2022): outputs (n, …), exaggerated for guidance > 1.

    0 is the unconditional output, 1 the conditional one, to the last bit: it then is no guidance, and nobody
    needs the unconditional one. (The paper's w is guidance − 1.)
    """
    if guidance == 1:
        return conditional
    return unconditional + guidance * (conditional - unconditional)


def slerp(start: Tensor, end: Tensor, shares: Tensor) -> Tensor:
    """The way from one noise to another on which all is noise, too: the great arc between them.

    A straight line would cut through the sphere on which the lengths of nearly all noise lie, and a network
    that gets too little noise draws blurred pictures.

    Args:
        start, end: (…), standard normal noise of one picture each.
        shares: (n,) of the way, in [0, 1].

    Returns:
        (n, …); 0 gives `start` and 1 gives `end`, to rounding.
    """
    lengths = start.norm() * end.norm()
    angle = torch.acos(((start * end).sum() / lengths).clamp(-1, 1))
    way = shares.view(-1, *[1] * start.dim())
    if angle.sin() < 1e-4:  # one direction (or its opposite, which lies on no arc, or on all)
        return (1 - way) * start + way * end
    return (((1 - way) * angle).sin() * start + (way * angle).sin() * end) / angle.sin()


def _shares(alpha_bar: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """√ᾱ and √(1 − ᾱ), ready to be multiplied with pictures (n, …)."""
    spread = alpha_bar.view(-1, *[1] * (like.dim() - 1)) if alpha_bar.dim() else alpha_bar
    return spread.sqrt(), (1 - spread).sqrt()
