"""`RUN/model`: the best weights so far, as a folder that diffusers opens.

The name is a link: a new folder is written beside the old one, and the link moves over in one step, so that
whoever opens `model` finds the old or the new one, whole.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Mapping
from pathlib import Path

from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import save

from generative.autoencoder import Autoencoder
from generative.ddpm import DDPM
from generative.model_card import write_card
from generative.vae import VAE
from sandbox.core.files import write_atomically

NAME = "model"
NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.ENOTSUP)


def save_model(
    run: Path, model: Autoencoder | VAE | DDPM, step: int, about: Mapping[str, str] | None = None
) -> None:
    """Write the model as it is after `step` steps into the run's folder; the one before is removed.

    Args:
        run: its folder.
        model: of a DDPM the whole pipeline is written: network, schedule, card.
        step: names the folder that the link leads to.
        about: what the card says of the training, by headings.

    Raises:
        OSError: the disk is full, or the folder cannot be written; the old one is untouched.
    """
    link = run / NAME
    fresh = run / f"{NAME}-step-{step:09d}"
    if link.is_symlink() and link.readlink() == Path(fresh.name):  # a resumed run may come here again
        fresh = run / f"{fresh.name}-again"
    shutil.rmtree(fresh, ignore_errors=True)  # of a process that was killed while it wrote
    if isinstance(model, DDPM):
        _write_pipeline(fresh, model, about or {})
    else:
        _write(fresh, model)
    _move_over(link, fresh)
    for old in run.glob(f"{NAME}-step-*"):
        if old != fresh:
            shutil.rmtree(old, ignore_errors=True)


def _write(folder: Path, model: ModelMixin) -> None:
    """As `save_pretrained` does, but forced to the disk, and a full one is an OSError."""
    folder.mkdir()
    model.save_config(folder)
    weights = {name: part.detach().cpu().contiguous() for name, part in model.state_dict().items()}
    write_atomically(folder / SAFETENSORS_WEIGHTS_NAME, save(weights, {"format": "pt"}))


def _write_pipeline(folder: Path, model: DDPM, about: Mapping[str, str]) -> None:
    """As `ConditionalPipeline.save_pretrained` does, with the scheduler that it learned by."""
    pipeline = model.pipeline("ddpm")
    folder.mkdir()
    pipeline.save_config(folder)
    pipeline.scheduler.save_pretrained(folder / "scheduler")
    _write(folder / "unet", model.unet)
    write_card(folder, model.unet, model.scheduler, model.classes, about)


def _move_over(link: Path, folder: Path) -> None:
    """Let `link` lead to `folder`; where the file system has no links, `folder` itself gets that name."""
    aside = link.with_name(f".{link.name}")
    aside.unlink(missing_ok=True)
    if link.is_dir() and not link.is_symlink():  # of such a file system, or of a copy that followed links
        shutil.rmtree(link)
    try:
        aside.symlink_to(folder.name, target_is_directory=True)
        aside.replace(link)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        folder.rename(link)
