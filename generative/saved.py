"""Models as folders of diffusers'."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import torch
from diffusers.configuration_utils import ConfigMixin
from diffusers.models.modeling_utils import ModelMixin

from sandbox.nn.backbone import Backbone


class SavedModel(ModelMixin, ConfigMixin):
    """A model with a backbone, that `save_pretrained` writes and `from_pretrained` reads."""

    backbone: Backbone

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> Self:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The model in a folder, in evaluation mode, as it was saved to the last bit.

        Reads safetensors only: where they are missing, diffusers would open a pickle, which can run code.

        Args:
            folder: such as a run's `model`.
            options: of diffusers'.
        """
        # Without the extra package accelerate diffusers takes the other way only after a warning.
        kept = {"low_cpu_mem_usage": False, **options, "use_safetensors": True}
        model = super().from_pretrained(folder, **kept)
        # Files don't keep the layout in memory, and sums in another order round differently.
        model.backbone.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        return model
