"""Measures of generative models in words."""

from __future__ import annotations

from generative.measure.bounds import ACTIVE, Bound
from generative.measure.components import Components
from generative.measure.fidelity import Fidelity, psnr
from generative.objective import bits_per_dimension

Rows = list[list[str]]
"""measure, value, meaning"""


def rows_of_fidelity(fidelity: Fidelity, beside: Components | str) -> Rows:
    """Of an autoencoder, with principal components beside it or why they were left out."""
    rows = [
        ["squared error", f"{fidelity.mse:.5f}", "mean over the pixels, which are 0 to 1"],
        ["PSNR", f"{psnr(fidelity.mse):.2f} dB", "of that error"],
    ]
    noised = fidelity.denoised
    if noised is not None:
        means = f"noise of {noised.noise:g}, itself an error of {noised.before:.5f}, to be removed"
        rows += [
            ["from noised ones", f"{noised.after:.5f}", means],
            [
                "PSNR",
                f"{psnr(noised.after):.2f} dB",
                f"of that error; of the noise {psnr(noised.before):.2f} dB",
            ],
        ]
    if isinstance(beside, str):
        return [*rows, ["PCA", "", f"left out: {beside}"]]
    means = f"squared error of {beside.components} principal components of {beside.learned_from:,} pictures"
    return [*rows, ["PCA", f"{beside.mse:.5f}", means]]


def rows_of_bound(bound: Bound, fidelity: Fidelity) -> Rows:
    """Of a VAE: its bounds, their terms, and how many latents it uses."""
    bits = bits_per_dimension(-bound.elbo, bound.dimensions)
    rows = [
        ["ELBO", f"{bound.elbo:.2f} ± {bound.error:.2f}", "nats a picture, and its standard error"],
        ["reconstruction", f"{-bound.reconstruction:.2f}", "of that: log likelihood, given the latents"],
        ["divergence", f"{-bound.divergence:.2f}", "of that: the latents' divergence from the prior"],
        ["bits a dimension", f"{bits:.4f}", f"the ELBO over {bound.dimensions:,} pixels times channels"],
    ]
    gap, importance = bound.gap, bound.importance
    if gap is not None and importance is not None:
        where = "all pictures" if gap.images == bound.n else f"{gap.images:,} pictures"
        means = f"by {gap.samples:,} samples: {gap.mean:.2f} above the ELBO on {where}"
        bits = bits_per_dimension(-importance, bound.dimensions)
        rows += [
            ["importance bound", f"{importance:.2f} ± {gap.error:.2f}", means],
            ["bits a dimension", f"{bits:.4f}", "of that bound"],
        ]
    active = f"{int(bound.active.sum())} of {len(bound.kl)}"
    return [
        *rows,
        ["active latents", active, f"their mean varies by more than {ACTIVE:g} over the pictures"],
        ["squared error", f"{fidelity.mse:.5f}", "of reconstructions by the latents' means, pixels 0 to 1"],
    ]
