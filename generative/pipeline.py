"""Sampling as diffusers' pipelines do it, for networks that are told a class."""

import inspect
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from diffusers import DiffusionPipeline, SchedulerMixin, UNet2DModel
from diffusers.pipelines.pipeline_utils import ImagePipelineOutput
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from generative.diffusion import guided, predicted_x0, prediction_of
from generative.model_card import write_card
from generative.samplers import set_steps
from generative.unet import UNet, shape_of
from sandbox.core.errors import Broken

Generators = torch.Generator | list[torch.Generator]
OnStep = Callable[["ConditionalPipeline", int, Tensor, dict[str, Tensor]], dict[str, Tensor] | None]
LIBRARIES = ("diffusers", "generative.unet")
"""modules that the parts of a pipeline may come from"""


class ConditionalPipeline(DiffusionPipeline):
    """Draws pictures, of a class where the network can be told one; takes what diffusers' own pipelines take.

    A folder that `save_pretrained` wrote, or a run's `model`, is opened by
    `ConditionalPipeline.from_pretrained` and, without classes, by diffusers' `DDPMPipeline` and
    `DDIMPipeline`, once `generative.unet` is imported.

    Args:
        unet: the network.
        scheduler: any of diffusers' that fits its schedule; `generative.samplers` names good ones.
        classes: what the labels stand for, where diffusers' own network is told them: ours knows it itself.

    Examples:
        >>> pipeline = ConditionalPipeline.from_pretrained("runs/digits/model")
        >>> pipeline.scheduler = build_sampler("dpm++", pipeline.scheduler)
        >>> pipeline(class_labels=[3, 3, 8], guidance_scale=2.0).images[0].save("three.png")
    """

    model_cpu_offload_seq = "unet"
    unet: Any
    scheduler: Any

    def __init__(
        self, unet: UNet | UNet2DModel, scheduler: SchedulerMixin, classes: list[str] | None = None
    ) -> None:
        super().__init__()
        self.register_modules(unet=unet, scheduler=scheduler)
        known = unet.classes if isinstance(unet, UNet) else tuple(classes or ())
        if not isinstance(unet, UNet):
            self.register_to_config(classes=list(known))
        self.classes: tuple[str, ...] = known
        self.set_progress_bar_config(disable=True)

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> Self:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The pipeline in a folder. Reads safetensors only, and runs no code that comes with it.

        Args:
            folder: such as a run's `model`.
            options: of diffusers'.

        Raises:
            Broken: its index names code other than diffusers' and ours.
        """
        _check_origin(Path(folder) / cls.config_name)
        # Without the extra package accelerate diffusers takes the other way only after a warning.
        kept = {"low_cpu_mem_usage": False, **options, "use_safetensors": True, "trust_remote_code": False}
        return super().from_pretrained(folder, **kept)

    def save_pretrained(self, folder: str | Path, **options: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Write a folder that diffusers opens, with a model card."""
        super().save_pretrained(folder, **options)
        write_card(Path(folder), self.unet, self.scheduler, self.classes, {})

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of the pictures."""
        return shape_of(self.unet)

    @torch.no_grad()
    def __call__(
        self,
        class_labels: Sequence[int] | Tensor | None = None,
        batch_size: int = 1,
        generator: Generators | None = None,
        num_inference_steps: int = 20,
        guidance_scale: float = 1.0,
        output_type: str = "pil",
        return_dict: bool = True,
        callback_on_step_end: OnStep | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        latents: Tensor | None = None,
    ) -> ImagePipelineOutput | tuple[Any]:
        """Draw pictures.

        Args:
            class_labels: the class of each picture, (n,); `None` for the null class: any.
            batch_size: how many pictures; where there are labels or latents, as many of them, or 1.
            generator: of the noise; a list with one for each picture makes pictures independent of the batch.
            num_inference_steps: evaluations of the network; with guidance each looks at a picture twice.
            guidance_scale: above 1 the class is more pronounced and pictures vary less (Ho and Salimans
                2022); at 1 there is no guidance.
            output_type: "pil"; "np" (n, height, width, channels) or "pt" (n, channels, height, width), both
                from 0 to 1.
            return_dict: answer with an `ImagePipelineOutput`, or with a tuple of the pictures.
            callback_on_step_end: called after each step with (pipeline, number, timestep, tensors); what it
                gives back as "latents" takes their place, and with None nothing does.
            callback_on_step_end_tensor_inputs: which tensors it gets: "latents", the noisy pictures after the
                step, and "predicted", what the step took the clean ones to be.
            latents: the noise to begin with, (n, channels, height, width); drawn, unless given.

        Raises:
            ValueError: labels are no classes of the network, there are not as many of them as of latents,
                generators or pictures, or an option has no such value.
            UsageError: there are fewer timesteps than steps.
        """
        self._check(class_labels, guidance_scale, output_type, callback_on_step_end_tensor_inputs)
        _check_counts(class_labels, latents, generator, batch_size)
        device, dtype = self._execution_device, self.unet.dtype
        if latents is None:
            count = batch_size if class_labels is None else len(class_labels)
            latents = randn_tensor((count, *self.shape), generator, device, dtype)
        set_steps(self.scheduler, num_inference_steps)  # which stay on the CPU: no step waits for the device
        x = latents.to(device, dtype) * self.scheduler.init_noise_sigma  # (n, channels, height, width)
        told, step = self._told(class_labels, len(x), guidance_scale), self._stepper(generator)
        progress: Any = self.progress_bar  # whose types diffusers leaves open
        for number, timestep in enumerate(progress(self.scheduler.timesteps)):
            found = self._prediction(x, timestep, told, guidance_scale)
            before, x = x, step(found, timestep, x)
            if callback_on_step_end is not None:
                wanted = {"latents": x} if "latents" in callback_on_step_end_tensor_inputs else {}
                if "predicted" in callback_on_step_end_tensor_inputs:
                    wanted["predicted"] = self._predicted_x0(found, before, timestep)
                x = (callback_on_step_end(self, number, timestep, wanted) or {}).get("latents", x)
        images = self._as(output_type, (x.float() / 2 + 0.5).clamp(0, 1))
        self.maybe_free_model_hooks()
        return ImagePipelineOutput(images=images) if return_dict else (images,)

    def _check(
        self,
        labels: Sequence[int] | Tensor | None,
        guidance: float,
        output_type: str,
        watched: Sequence[str],
    ) -> None:
        known = len(self.classes)
        if labels is not None and not known:
            raise ValueError("class_labels: this network was told no classes")
        if labels is not None and not all(0 <= label <= known for label in _numbers(labels)):
            raise ValueError(f"class_labels must be 0 to {known - 1}, or {known} for any")
        if guidance != 1 and not known:
            raise ValueError("guidance_scale: a network that was told no classes cannot be guided")
        if output_type not in ("pil", "np", "pt"):
            raise ValueError(f'output_type must be "pil", "np" or "pt", not {output_type!r}')
        strange = [name for name in watched if name not in ("latents", "predicted")]
        if strange:
            raise ValueError(
                f'callback_on_step_end_tensor_inputs: "latents" and "predicted", not {strange[0]!r}'
            )

    def _told(self, labels: Sequence[int] | Tensor | None, count: int, guidance: float) -> Tensor | None:
        """The labels of a pass: (count,), with guidance (2 · count,), of which the second half is null."""
        if not self.classes:
            return None
        null = torch.full((count,), len(self.classes), dtype=torch.int64, device=self._execution_device)
        told = null if labels is None else torch.as_tensor(labels, dtype=torch.int64).to(null.device)
        return told if guidance == 1 else torch.cat([told, null])

    def _prediction(self, x: Tensor, timestep: Tensor, told: Tensor | None, guidance: float) -> Tensor:
        seen = x if guidance == 1 else torch.cat([x, x])
        seen = self.scheduler.scale_model_input(seen, timestep)
        found = self.unet(seen, timestep, **({} if told is None else {"class_labels": told})).sample
        if guidance == 1:
            return found
        conditional, unconditional = found.chunk(2)
        return guided(conditional, unconditional, guidance)

    def _stepper(self, generator: Generators | None) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
        """One step of the scheduler, which takes the generator where it draws noise."""
        takes = inspect.signature(self.scheduler.step).parameters
        options = {"generator": generator} if "generator" in takes else {}
        return lambda found, timestep, x: self.scheduler.step(found, timestep, x, **options).prev_sample

    def _predicted_x0(self, found: Tensor, x: Tensor, timestep: Tensor) -> Tensor:
        alpha_bar = self.scheduler.alphas_cumprod.to(x.device)[timestep].expand(len(x))
        return predicted_x0(prediction_of(self.scheduler), found, x, alpha_bar)

    def _as(self, output_type: str, images: Tensor) -> Any:
        if output_type == "pt":
            return images
        pixels = images.cpu().permute(0, 2, 3, 1).numpy()  # (n, height, width, channels)
        return self.numpy_to_pil(pixels) if output_type == "pil" else pixels


def _check_origin(index: Path) -> None:
    """Raise Broken where an index names foreign code: not every diffusers refuses to run it.

    What is missing or damaged otherwise, diffusers itself says.
    """
    if not index.is_file():
        return
    entries = json.loads(index.read_text(encoding="utf-8"))
    if not isinstance(entries, dict):
        raise Broken(f"{index} is damaged: not a JSON object")
    parts = {name: entry for name, entry in entries.items() if name != "classes" and isinstance(entry, list)}
    for name, entry in parts.items():
        if name == "_class_name" or entry[:1] not in ([None], *([library] for library in LIBRARIES)):
            raise Broken(f"{index}: {name} is {entry}, and foreign code is never run")


def _numbers(labels: Any) -> list[int]:
    """Labels as numbers. Raises ValueError for what is no list of whole numbers."""
    found = labels.tolist() if hasattr(labels, "tolist") else labels
    if not isinstance(found, Sequence) or isinstance(found, str):
        raise ValueError(f"class_labels must be a list of numbers, one for each picture, not {found!r}")
    for label in found:
        whole = getattr(label, "item", lambda label=label: label)()
        if not isinstance(whole, int) or isinstance(whole, bool):
            raise ValueError(f"class_labels must be whole numbers, and {label!r} is none")
    return [int(label) for label in found]


def _check_counts(
    labels: Sequence[int] | Tensor | None, latents: Tensor | None, generator: Generators | None, count: int
) -> None:
    """Raise ValueError unless labels, latents and generators are as many: one of them would do for all.

    And as many as the pictures asked for: 1 is what `count` is unless it is given.
    """
    given = {"class_labels": labels, "latents": latents}
    counts = {name: len(value) for name, value in given.items() if value is not None}
    if not counts or count != 1:
        counts["pictures"] = count
    if isinstance(generator, list):
        counts["generators"] = len(generator)
    if len(set(counts.values())) > 1:
        told = " and ".join(f"{count} {name}" for name, count in counts.items())
        raise ValueError(f"{told} do not go together: there must be one for each picture")
