"""Drawing a part of a picture anew, such that it fits the rest (RePaint, Lugmayr et al. 2022).

After each step what is known is put in its place, with as much noise as there is by then. What was drawn
beside it did not know of that: so each step is taken several times, of noise that is added again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from generative.diffusion import noised
from generative.generate.denoiser import Denoise

REPEATS = 10
"""of each step"""


@torch.inference_mode()
def inpaint(
    denoise: Denoise,
    alpha_bars: Tensor,
    timesteps: Sequence[int],
    known: Tensor,
    anew: Tensor,
    draw: Callable[[], Tensor],
    repeats: int = REPEATS,
) -> Tensor:
    """Pictures (n, channels, height, width) that are as they were where they are known.

    Args:
        denoise: of a model.
        alpha_bars: (timesteps,) of its chain.
        timesteps: from the noisiest down, densely where there is little noise: large steps, repeated, leave
            too little variety.
        known: (n or 1, channels, height, width).
        anew: (height, width) bool: what is drawn anew.
        draw: standard normal noise for the n pictures, another at each call.
        repeats: of each step but the last; with 1 the parts hardly know of each other.
    """
    noisy = whole = draw()
    after = [*(alpha_bars[timestep] for timestep in timesteps[1:]), torch.ones_like(alpha_bars[0])]
    for timestep, there in zip(timesteps, after, strict=True):
        here = alpha_bars[timestep]
        times = repeats if there < 1 else 1  # the last step leaves no noise: again, it would only blur
        for repeat in range(times):
            clean = denoise(noisy, timestep)
            drawn = _step(noisy, clean, here, there, draw())
            whole = torch.where(anew, drawn, noised(known, draw(), there))
            if repeat < times - 1:
                noisy = noised(whole, draw(), here / there)
        noisy = whole
    return whole


def _step(noisy: Tensor, clean: Tensor, here: Tensor, there: Tensor, noise: Tensor) -> Tensor:
    """Drawn from q(x at ᾱ = `there` | x at ᾱ = `here`, clean picture), as in DDPM, over any distance."""
    added = (1 - there) / (1 - here) * (1 - here / there)  # variance
    kept = (noisy - here.sqrt() * clean) / (1 - here).sqrt()  # the noise that `clean` means
    return there.sqrt() * clean + (1 - there - added).clamp(min=0).sqrt() * kept + added.sqrt() * noise
