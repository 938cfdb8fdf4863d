"""Folders of diffusers' that hold a model which draws pictures: downloaded ones, and copies of `RUN/model`.

Nothing in them is executed: networks and schedules are known by name, weights are safetensors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler, UNet2DModel

from generative.config import MOST_TIMESTEPS
from generative.ddpm import DDPM
from generative.diffusion import PREDICTION_TYPES
from generative.generate.foreign_network import class_name, one_line, open_network, read_json, shown
from generative.generate.subject import Subject, slug
from generative.model_card import recommended_guidance
from generative.samplers import TRAINED
from generative.unet import UNet
from sandbox.core.errors import Broken
from sandbox.nn.device import pick_device
from sandbox.ui.console import Console

INDEX = "model_index.json"
PIPELINES = ("DDPMPipeline", "DDIMPipeline", "ConditionalPipeline")
SCHEDULERS = ("DDPM", "DDIM", "PNDM", "DPMSolverMultistep", "DPMSolverSinglestep", "UniPCMultistep")
"""those (with "Scheduler" behind) that say by betas what noise a model was trained with"""
SAMPLES = Path("samples")
LONGEST_NAME = 100
"""of a class"""


def open_folder(folder: Path, device: str, seed: int, console: Console) -> Subject:
    """The model in a folder; its pictures go to ``samples/NAME`` in the working folder.

    Args:
        folder: has a `model_index.json`.
        device: to draw on.

    Raises:
        NotFound, Broken: a file is missing or damaged, or it is another kind of model; the message names it.
        NoDevice: this machine has no such device.
    """
    index = read_json(folder / INDEX)
    pipeline = index.get("_class_name")
    if class_name(pipeline) not in PIPELINES:
        raise Broken(
            f"{folder / INDEX}: {shown(class_name(pipeline))} is no pipeline that is known here",
            hint=f"known: {', '.join(PIPELINES)}; code that comes with a model is never run",
        )
    scheduler = _scheduler(_part(folder, "scheduler"), index.get("scheduler"))
    unet = open_network(_part(folder, "unet"), index.get("unet"))
    classes = _classes(unet, index, folder)
    model = DDPM(unet, scheduler, classes).to(pick_device(device)).eval()
    name = folder.name or folder.resolve().name
    guidance = recommended_guidance(folder) if classes else 1.0
    return Subject(model, name, SAMPLES / slug(name), classes, seed, console, guidance=guidance)


def _part(folder: Path, name: str) -> Path:
    """Where a part of a pipeline lies: old folders have all in one."""
    return folder / name if (folder / name).is_dir() else folder


def _scheduler(folder: Path, named: Any) -> DDPMScheduler:
    """The schedule that a model was trained on, whatever it was to be sampled with."""
    file = folder / "scheduler_config.json"
    config = read_json(file)
    for name in (class_name(named), class_name(config.get("_class_name", class_name(named)))):
        if str(name).removesuffix("Scheduler") not in SCHEDULERS:
            raise Broken(f"{file}: the schedule {shown(name)} is none that is known here")
    kept = {key: config[key] for key in TRAINED if config.get(key) is not None}
    timesteps = kept.get("num_train_timesteps", 1000)
    if not (isinstance(timesteps, int) and 2 <= timesteps <= MOST_TIMESTEPS):
        raise Broken(f"{file} is damaged: {shown(timesteps)} timesteps")
    if kept.get("prediction_type", "epsilon") not in PREDICTION_TYPES.values():
        raise Broken(f"{file}: a model that predicts {shown(kept['prediction_type'])} is not known here")
    for key in ("beta_start", "beta_end"):
        if not isinstance(kept.get(key, 0.0), (int, float)):
            raise Broken(f"{file} is damaged: {key} must be a number, not {shown(kept[key])}")
    try:
        scheduler = DDPMScheduler(**kept, timestep_spacing="trailing")
    except Exception as error:  # noqa: BLE001 - values of any kind may stand there
        raise Broken(f"{file} is damaged: {one_line(error)}") from None
    wrong = _wrong_with(scheduler, timesteps)
    if wrong:
        raise Broken(f"{file} is damaged: its betas are no schedule of {timesteps} timesteps: {wrong}")
    return scheduler


def _wrong_with(scheduler: DDPMScheduler, timesteps: int) -> str | None:
    """Why no sampler can follow a schedule; None where nothing is wrong."""
    betas, alpha_bars = scheduler.betas, scheduler.alphas_cumprod
    if len(betas) != timesteps:
        return f"they are {len(betas)}"
    if scheduler.config["rescale_betas_zero_snr"]:  # nothing is left of a picture in the end
        betas, alpha_bars = betas[:-1], alpha_bars[:-1]
    if not ((betas > 0) & (betas < 1)).all():
        return "they must lie between 0 and 1"
    if not alpha_bars[0] < 1:
        return "they begin too small to be told from 0"
    if not alpha_bars[-1] >= torch.finfo(torch.float32).tiny:
        return "they are so large that nothing is left of a picture long before the last"
    return None


def _classes(unet: UNet | UNet2DModel, index: dict[str, Any], folder: Path) -> tuple[str, ...]:
    """Names of the classes that a network is told, which ours knows itself; diffusers' has them beside it."""
    if isinstance(unet, UNet):
        return _printable(unet.classes, folder)
    told, names = unet.config["num_class_embeds"], index.get("classes") or []
    if told is None and unet.config["class_embed_type"] is None:
        return ()
    if isinstance(names, list) and all(isinstance(name, str) for name in names) and told == len(names) + 1:
        return _printable(tuple(names), folder)
    raise Broken(f"{folder}: its network is told classes, and nothing says which; only others can be used")


def _printable(names: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """Names that can be shown in a terminal. Raises Broken for others."""
    for name in names:
        if not (name.isprintable() and len(name) <= LONGEST_NAME):
            raise Broken(f"{folder} is damaged: {shown(name)} is no name of a class")
    return names
