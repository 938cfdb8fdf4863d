"""What a model's folder says about itself to those who find it: a card as Hugging Face's hub shows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.core.files import write_atomically

if TYPE_CHECKING:
    from generative.pipeline import ConditionalPipeline

CARD = "README.md"


def card(pipeline: ConditionalPipeline, about: Mapping[str, str]) -> str:
    """The card of a pipeline, in Markdown.

    Args:
        pipeline: as it will be opened.
        about: what is known of its training: headings and what stands under them; under "guidance" the
            number that it recommends.
    """
    channels, height, width = pipeline.shape
    weights = sum(part.numel() for part in pipeline.unet.parameters())
    told = f" of {len(pipeline.classes)} classes ({', '.join(pipeline.classes)})" if pipeline.classes else ""
    one = "class_labels=[0, 1]" if pipeline.classes else "batch_size=2"
    guided = f", guidance_scale={about['guidance']}" if "guidance" in about else ""
    facts = {
        "pictures": f"{channels} × {height} × {width} (channels, height, width), in [−1, 1]",
        "network": f"{type(pipeline.unet).__name__}, {weights:,} weights",
        "schedule": f"{pipeline.scheduler.config['beta_schedule']}, "
        f"{pipeline.scheduler.config['num_train_timesteps']} timesteps, "
        f"predicts {pipeline.scheduler.config['prediction_type']}",
        **about,
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
    tags = "".join(f"- {tag}\n" for tag in ("diffusers", "ddpm", _task(pipeline)))
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


def write_card(folder: Path, pipeline: ConditionalPipeline, about: Mapping[str, str]) -> None:
    """Write the card into a model's folder. Raises OSError."""
    write_atomically(folder / CARD, card(pipeline, about))


def _task(pipeline: ConditionalPipeline) -> str:
    return "class-conditional-image-generation" if pipeline.classes else "unconditional-image-generation"
