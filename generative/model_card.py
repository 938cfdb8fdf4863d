"""What a model's folder says about itself to those who find it: a card as Hugging Face's hub shows them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diffusers import UNet2DModel

from generative.unet import UNet, shape_of
from sandbox.core.files import write_atomically

CARD = "README.md"


def card(unet: UNet | UNet2DModel, scheduler: Any, classes: Sequence[str], about: Mapping[str, str]) -> str:
    """The card of a diffusion model, in Markdown.

    Args:
        unet: the network.
        scheduler: by which it learned.
        classes: that it is told.
        about: what is known of its training: headings and what stands under them; under "guidance" the
            number that it recommends.
    """
    channels, height, width = shape_of(unet)
    weights = sum(part.numel() for part in unet.parameters())
    told = f" of {len(classes)} classes ({', '.join(classes)})" if classes else ""
    one = "class_labels=[0, 1]" if classes else "batch_size=2"
    guided = f", guidance_scale={about['guidance']}" if "guidance" in about else ""
    facts = {
        "pictures": f"{channels} × {height} × {width} (channels, height, width), in [−1, 1]",
        "network": f"{type(unet).__name__}, {weights:,} weights",
        "schedule": f"{scheduler.config['beta_schedule']}, "
        f"{scheduler.config['num_train_timesteps']} timesteps, "
        f"predicts {scheduler.config['prediction_type']}",
        **about,
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
    tags = "".join(f"- {tag}\n" for tag in ("diffusers", "ddpm", _task(classes)))
    return f"""---
library_name: diffusers
pipeline_tag: unconditional-image-generation
tags:
{tags}---

# A denoising diffusion model{told}

| | |
|---|---|
{table}

```python
from generative.pipeline import ConditionalPipeline
from generative.samplers import build_sampler

pipeline = ConditionalPipeline.from_pretrained("this/folder")
pipeline.scheduler = build_sampler("dpm++", pipeline.scheduler)
pictures = pipeline({one}, num_inference_steps=20{guided}).images
```

diffusers' own `DDPMPipeline` and `DDIMPipeline` open it after `import generative.unet`; they draw pictures
of any class.
"""


def recommended_guidance(folder: Path) -> float:
    """What the card in a model's folder recommends; 1 where it says nothing."""
    try:
        found = re.search(r"^\| guidance \| (\d{1,2}(\.\d+)?) \|$", (folder / CARD).read_text("utf-8"), re.M)
    except (OSError, ValueError):
        found = None
    return 1.0 if found is None else float(found[1])


def write_card(
    folder: Path, unet: UNet | UNet2DModel, scheduler: Any, classes: Sequence[str], about: Mapping[str, str]
) -> None:
    """Write the card into a model's folder. Raises OSError."""
    write_atomically(folder / CARD, card(unet, scheduler, classes, about))


def _task(classes: Sequence[str]) -> str:
    return "class-conditional-image-generation" if classes else "unconditional-image-generation"
