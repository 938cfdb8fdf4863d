"""Ways from noise to a picture, by name: diffusers' schedulers, set up for what a model was trained on.

Each was measured on a mixture of Gaussians whose score is known exactly: with enough steps all of them draw
from that mixture, on every schedule that can be trained here. Steps are even, and begin where there is noise
alone (Lin et al. 2024). Quadratic ones, dense where there is little noise (Song et al. 2021), come nearer to
such a mixture, but not to digits: there it takes twice as many of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.core.errors import UsageError
from sandbox.core.names import Names

if TYPE_CHECKING:
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
    from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
    from torch import Tensor

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
    return make({**_trained(scheduler), "timestep_spacing": "trailing"})


def set_steps(sampler: Any, steps: int) -> None:
    """Set the timesteps that a sampler takes, spaced as its config says; on the CPU.

    Raises:
        UsageError: fewer than one step, or more than there are timesteps.
    """
    timesteps = sampler.config.num_train_timesteps
    if not 1 <= steps <= timesteps:
        raise UsageError(
            f"{steps} steps cannot be taken: this model knows {timesteps} timesteps",
            hint=f"take from 1 to {timesteps}; 20 are enough for {DEFAULT}",
        )
    sampler.set_timesteps(steps)
    if sampler.timesteps[-1] < 0:
        _drop_last(sampler)


def _drop_last(sampler: Any) -> None:
    """Take back the step too many that rounding gives diffusers for some counts (61, 103, …)."""
    sampler.timesteps = sampler.timesteps[:-1]
    sampler.num_inference_steps = len(sampler.timesteps)
    if hasattr(sampler, "sigmas"):
        sampler.sigmas = sampler.sigmas[[*range(len(sampler.timesteps)), -1]]


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

    # The solver of first order is DDIM; diffusers' DDIMScheduler goes down by whole timesteps, and misses
    # its own next one where the steps do not divide them.
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


def _clip(x0: Tensor) -> Tensor:
    return x0.clamp(-1, 1)


CLIPPED: dict[str, Any] = {"thresholding": True, "sample_max_value": 1.0}
"""clipping to [−1, 1] in the words of solvers: a threshold that is never above 1"""
SAMPLERS: Names[Callable[[Mapping[str, Any]], Any]] = Names(
    "sampler", {"ddpm": _ddpm, "ddim": _ddim, "dpm++": _dpm, "unipc": _unipc}
)
"""by name, from the plainest on; only ddpm adds noise on the way"""
