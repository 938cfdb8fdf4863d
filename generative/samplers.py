"""Ways from noise to a picture, by name: diffusers' schedulers, set up for what a model was trained on.

Each was measured on a mixture of Gaussians whose score is known exactly: with enough steps all of them draw
from that mixture, on every schedule that can be trained here. How few are enough depends on where the steps
are: see `timesteps_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.core.errors import UsageError
from sandbox.core.names import Names

if TYPE_CHECKING:
    import torch
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
    from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

    Sampler = DDPMScheduler | DPMSolverMultistepScheduler | UniPCMultistepScheduler

DEFAULT = "dpm++"
TRAINED = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "prediction_type",
    "rescale_betas_zero_snr",
)
"""what training fixed; all else in a scheduler's config is a matter of sampling"""
PREDICTED = ("epsilon", "sample", "v_prediction")
"""diffusers' names of what all samplers understand"""
SHARED_SCHEDULES = ("linear", "scaled_linear", "squaredcos_cap_v2")
"""schedules that all of diffusers' samplers know by name"""


def build_sampler(name: str, scheduler: Any) -> Sampler:
    """A scheduler that draws pictures from the model that ``scheduler`` trained; set it with `set_steps`.

    The clean picture that a step looks ahead to is clipped to [−1, 1], as diffusers' own pipelines for pixels
    do: where there is hardly anything but noise, a small error of the network is a large one of the picture.

    Args:
        name: one of `SAMPLERS`.
        scheduler: any of diffusers' with betas; its own way to sample is not kept.

    Raises:
        UnknownName: no sampler is called so.
        UsageError: the model was trained on noise of another kind, or predicts noise where nothing else is.
    """
    make = SAMPLERS.resolve(name)
    sampler = make({**_trained(scheduler), "timestep_spacing": "trailing"})
    setattr(sampler, _SPACED, True)
    return sampler


def set_steps(sampler: Any, steps: int, device: torch.device | str | None = None) -> None:
    """Set the timesteps that a sampler takes: those of `timesteps_of`, if it comes from `build_sampler`.

    Any other scheduler of diffusers' keeps the spacing that its config names.

    Raises:
        UsageError: fewer than one step, or more than there are timesteps.
    """
    timesteps = sampler.config.num_train_timesteps
    if not 1 <= steps <= timesteps:
        raise UsageError(
            f"{steps} steps cannot be taken: this model knows {timesteps} timesteps",
            hint=f"take from 1 to {timesteps}; 20 are enough for {DEFAULT}",
        )
    sampler.set_timesteps(steps, device=device)
    if getattr(sampler, _SPACED, False):
        _space(sampler, timesteps_of(timesteps, steps))


def timesteps_of(timesteps: int, steps: int) -> list[int]:
    """The timesteps to take, falling from the last one, quadratically: dense where there is little noise.

    Song et al. 2021 (DDIM) chose such steps for small pictures. The first is where there is noise alone, as
    Lin et al. 2024 ask for. Even steps would end with one that begins far above the finest detail of the
    distribution, and erases it: of the mixture's, it takes two to four times as many to come as close.
    (Of 8×8 digits that a network had learned, solvers gain at 5 steps, and nothing at 20.)
    """
    return [max(round(timesteps * (step / steps) ** 2), step) - 1 for step in range(steps, 0, -1)]


_SPACED = "quadratic_timesteps"
"""the attribute that marks samplers of ours"""


def _space(sampler: Any, timesteps: list[int]) -> None:
    import torch

    alpha_bar = sampler.alphas_cumprod[timesteps]
    sampler.timesteps = torch.tensor(timesteps, device=sampler.timesteps.device)
    # diffusers counts for itself; for some (61, 103, …) rounding gives it a step too many.
    sampler.num_inference_steps = len(timesteps)
    if hasattr(sampler, "sigmas"):
        sampler.sigmas = torch.cat([((1 - alpha_bar) / alpha_bar).sqrt(), torch.zeros(1)])


def _trained(scheduler: Any) -> dict[str, Any]:
    """What the config of a scheduler says of training; all of it, as defaults differ between schedulers."""
    config = scheduler.config
    if getattr(scheduler, "betas", None) is None or config.get("prediction_type") not in PREDICTED:
        raise UsageError(
            f"{type(scheduler).__name__} does not say what noise a model was trained with",
            hint="a model is needed that was trained as with diffusers' DDPMScheduler",
        )
    if config.get("variance_type") in ("learned", "learned_range"):
        raise UsageError("models that predict the variance of their steps, too, cannot be sampled from")
    trained = {key: config[key] for key in TRAINED if config.get(key) is not None}
    if trained["prediction_type"] == "epsilon" and trained.get("rescale_betas_zero_snr"):
        raise UsageError("a model that predicts noise cannot begin where there is nothing else (zero SNR)")
    if trained.get("beta_schedule", "linear") not in SHARED_SCHEDULES:
        trained["trained_betas"] = scheduler.betas.tolist()
        trained["beta_schedule"] = "linear"
    return trained


def _ddpm(trained: Mapping[str, Any]) -> Sampler:
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    return DDPMScheduler(**trained, clip_sample=True)


def _ddim(trained: Mapping[str, Any]) -> Sampler:
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler

    # The solver of first order is DDIM; diffusers' DDIMScheduler can take even steps only.
    return _clipping(DPMSolverMultistepScheduler(**trained, **CLIPPED, solver_order=1))


def _dpm(trained: Mapping[str, Any]) -> Sampler:
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler

    return _clipping(DPMSolverMultistepScheduler(**trained, **CLIPPED))


def _unipc(trained: Mapping[str, Any]) -> Sampler:
    from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

    return _clipping(UniPCMultistepScheduler(**trained, **CLIPPED))


def _clipping(solver: Any) -> Any:
    # diffusers sorts all pixels to find a threshold that is 1 in the end: nearly all of the time of a step.
    solver._threshold_sample = _clip
    return solver


def _clip(x0: torch.Tensor) -> torch.Tensor:
    return x0.clamp(-1, 1)


CLIPPED: dict[str, Any] = {"thresholding": True, "sample_max_value": 1.0}
"""clipping to [−1, 1] in the words of solvers: a threshold that is never above 1"""
SAMPLERS: Names[Callable[[Mapping[str, Any]], Any]] = Names(
    "sampler", {"ddpm": _ddpm, "ddim": _ddim, "dpm++": _dpm, "unipc": _unipc}
)
"""by name, from the plainest on; only ddpm adds noise on the way"""
