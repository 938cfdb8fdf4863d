"""Ways from noise to a picture, by name: diffusers' schedulers, set up for what a model was trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.core.errors import UsageError
from sandbox.core.names import Names

if TYPE_CHECKING:
    from diffusers.schedulers.scheduling_utils import SchedulerMixin

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


def build_sampler(name: str, scheduler: Any) -> SchedulerMixin:
    """A scheduler that draws pictures from the model that ``scheduler`` trained.

    Args:
        name: one of `SAMPLERS`.
        scheduler: any of diffusers' with betas; its own way to sample is not kept.

    Raises:
        UnknownName: no sampler is called so.
        UsageError: the schedule is of another kind, or the sampler misses the distribution on it.
    """
    make = SAMPLERS.resolve(name)
    config = dict(scheduler.config)
    if not isinstance(getattr(scheduler, "betas", None), _tensor()) or "prediction_type" not in config:
        raise UsageError(
            f"{type(scheduler).__name__} does not say what noise a model was trained with",
            hint="a model that was trained on betas is needed, such as with diffusers' DDPMScheduler",
        )
    trained = {key: config[key] for key in TRAINED if config.get(key) is not None}
    return make({**trained, "timestep_spacing": "trailing"}, config)


def set_steps(sampler: Any, steps: int, device: Any = None) -> None:
    """Set a sampler to a number of steps, evenly spaced from the last timestep, where there is only noise.

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
    if sampler.timesteps[-1] < 0:
        # For some counts (61, 103, …) rounding gives one timestep too many, which would be read as the last.
        sampler.timesteps = sampler.timesteps[:-1]
        sampler.num_inference_steps = steps
        if hasattr(sampler, "sigmas"):
            sampler.sigmas = sampler.sigmas[[*range(steps), -1]]


def _ddpm(trained: Mapping[str, Any], config: Mapping[str, Any]) -> SchedulerMixin:
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    return DDPMScheduler(**trained, clip_sample=_clipped(config))


def _ddim(trained: Mapping[str, Any], config: Mapping[str, Any]) -> SchedulerMixin:
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler

    # The first-order solver is DDIM. DDIMScheduler strays where the steps don't divide the timesteps.
    return DPMSolverMultistepScheduler(**trained, **_thresholded(config), solver_order=1)


def _dpm(trained: Mapping[str, Any], config: Mapping[str, Any]) -> SchedulerMixin:
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler

    return DPMSolverMultistepScheduler(**trained, **_thresholded(config))


def _unipc(trained: Mapping[str, Any], config: Mapping[str, Any]) -> SchedulerMixin:
    from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

    return UniPCMultistepScheduler(**trained, **_thresholded(config))


def _clipped(config: Mapping[str, Any]) -> bool:
    return bool(config.get("clip_sample", True))


def _thresholded(config: Mapping[str, Any]) -> dict[str, Any]:
    """Clipping x0 to [−1, 1], in the words of the solvers: a threshold that is always 1."""
    return {"thresholding": _clipped(config), "sample_max_value": 1.0}


def _tensor() -> type:
    from torch import Tensor

    return Tensor


SAMPLERS: Names[Callable[[Mapping[str, Any], Mapping[str, Any]], Any]] = Names(
    "sampler", {"ddpm": _ddpm, "ddim": _ddim, "dpm++": _dpm, "unipc": _unipc}
)
"""by name, from the plainest and slowest on"""
