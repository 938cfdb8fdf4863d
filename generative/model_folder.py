"""`RUN/model`: the best weights so far, as a folder that diffusers opens.

The name is a link: a new folder is written beside the old one, and the link moves over in one step, so that
whoever opens `model` finds the old or the new one, whole.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from diffusers.models.modeling_utils import ModelMixin

NAME = "model"


def save_model(run: Path, model: ModelMixin, step: int) -> None:
    """Write the model as it is after `step` steps into the run's folder; the one before is removed.

    Raises:
        OSError: the disk is full, or the folder cannot be written; the old one is untouched.
    """
    fresh = run / f"{NAME}-step-{step:09d}"
    shutil.rmtree(fresh, ignore_errors=True)  # of a process that was killed while it wrote
    model.save_pretrained(fresh, safe_serialization=True)
    link = run / f".{NAME}"
    link.unlink(missing_ok=True)
    link.symlink_to(fresh.name, target_is_directory=True)
    link.replace(run / NAME)
    for old in run.glob(f"{NAME}-step-*"):
        if old != fresh:
            shutil.rmtree(old, ignore_errors=True)
