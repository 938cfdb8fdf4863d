"""Folders of diffusers' that hold a model which draws pictures: downloaded ones, and copies of `RUN/model`.

Nothing in them is executed: networks and schedules are known by name, weights are safetensors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffusers import DDPMScheduler, UNet2DModel

from generative.config import MOST_TIMESTEPS
from generative.ddpm import DDPM
from generative.diffusion import PREDICTION_TYPES
from generative.generate.foreign_network import class_name, one_line, open_network, read_json
from generative.generate.subject import Subject, slug
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
            f"{folder / INDEX}: {class_name(pipeline)!r} is no pipeline that is known here",
            hint=f"known: {', '.join(PIPELINES)}; code that comes with a model is never run",
        )
    scheduler = _scheduler(_part(folder, "scheduler"), index.get("scheduler"))
    unet = open_network(_part(folder, "unet"), index.get("unet"))
    classes = _classes(unet, index, folder)
    model = DDPM(unet, scheduler, classes).to(pick_device(device)).eval()
    name = folder.name or folder.resolve().name
    return Subject(model, name, SAMPLES / slug(name), classes, seed, console)


def _part(folder: Path, name: str) -> Path:
    """Where a part of a pipeline lies: old folders have all in one."""
    return folder / name if (folder / name).is_dir() else folder


def _scheduler(folder: Path, named: Any) -> DDPMScheduler:
    """The schedule that a model was trained on, whatever it was to be sampled with."""
    file = folder / "scheduler_config.json"
    config = read_json(file)
    if str(class_name(named)).removesuffix("Scheduler") not in SCHEDULERS:
        raise Broken(f"{file}: the schedule {class_name(named)!r} is none that is known here")
    kept = {key: config[key] for key in TRAINED if config.get(key) is not None}
    timesteps = kept.get("num_train_timesteps", 1000)
    if not (isinstance(timesteps, int) and 2 <= timesteps <= MOST_TIMESTEPS):
        raise Broken(f"{file} is damaged: {timesteps!r} timesteps")
    if kept.get("prediction_type", "epsilon") not in PREDICTION_TYPES.values():
        raise Broken(f"{file}: a model that predicts {kept['prediction_type']!r} is not known here")
    try:
        scheduler = DDPMScheduler(**kept, timestep_spacing="trailing")
    except Exception as error:  # noqa: BLE001 - values of any kind may stand there
        raise Broken(f"{file} is damaged: {one_line(error)}") from None
    alpha_bars = scheduler.alphas_cumprod  # (timesteps,)
    falls = bool((alpha_bars.diff() <= 0).all()) and 0 <= alpha_bars[-1] < alpha_bars[0] <= 1
    if len(alpha_bars) != timesteps or not falls:
        raise Broken(f"{file} is damaged: its betas are no schedule of {timesteps} timesteps")
    return scheduler


def _classes(unet: UNet | UNet2DModel, index: dict[str, Any], folder: Path) -> tuple[str, ...]:
    """Names of the classes that a network is told, which ours knows itself; diffusers' has them beside it."""
    if isinstance(unet, UNet):
        return unet.classes
    told, names = unet.config["num_class_embeds"], index.get("classes") or []
    if told is None and unet.config["class_embed_type"] is None:
        return ()
    if isinstance(names, list) and all(isinstance(name, str) for name in names) and told == len(names) + 1:
        return tuple(names)
    raise Broken(f"{folder}: its network is told classes, and nothing says which; only others can be used")
