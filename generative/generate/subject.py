"""What `generate` draws with: a model that was opened, and what goes with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generative.generate.sampling import Sampling
from generative.opened import Opened, Shape, pictures_of
from generative.pictures import learned_from
from sandbox.core.errors import UsageError
from sandbox.data.pictures import Pictures
from sandbox.ui.console import Console

if TYPE_CHECKING:
    from generative.autoencoder import Autoencoder
    from generative.ddpm import DDPM
    from generative.vae import VAE

Place = Callable[[Path, str], Path]
"""where a picture goes: (the folder for samples, its name there) -> path"""


@dataclass(frozen=True)
class Made:
    """Files, and what scripts are told of them."""

    files: dict[str, Path]
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """A model, where its pictures go, and what they are called."""

    model: Autoencoder | VAE | DDPM
    """in evaluation mode, on the device"""
    name: str
    """of the run, or of the folder"""
    samples: Path
    """where pictures go unless something else is said"""
    learned: tuple[str, ...]
    """names of the classes that it learned from"""
    seed: int
    console: Console
    step: int | None = None
    """after which the model is as it is here; None where nobody knows"""
    guidance: float = 1.0
    """that its training recommends"""
    load_test: Callable[[], Pictures] | None = None
    """the test pictures of the classes that it learned from; None where nobody knows of what it learned"""
    unusual: str = ""
    """what of the model is not as usual, for the names of files: its step, where it is not the best one"""

    @property
    def said(self) -> str:
        """The run and the step, for people."""
        return self.name if self.step is None else f"{self.name}, step {self.step:,}"

    @property
    def shape(self) -> Shape:
        """(channels, height, width) of a picture."""
        return self.model.shape

    @property
    def usual(self) -> Sampling:
        """How a diffusion model draws new pictures unless something else is said."""
        return self.within(Sampling(guidance=self.guidance))

    def within(self, usual: Sampling) -> Sampling:
        """What is usual, in no more steps than a diffusion model has timesteps."""
        known = getattr(self.model, "alphas_cumprod", None)
        return usual if known is None else replace(usual, steps=min(usual.steps, len(known)))

    @property
    def about(self) -> dict[str, Any]:
        """What a folder of pictures is told of the model."""
        return {"run": self.name, **({} if self.step is None else {"steps": self.step}), "seed": self.seed}

    def file_name(self, *parts: str, seeded: bool = True) -> str:
        """The name of a picture, with what is not as usual; empty parts are left out."""
        seed = f"seed{self.seed}" if seeded else ""
        return "-".join(filter(None, map(slug, (*parts, self.unusual, seed)))) + ".png"

    @cached_property
    def test(self) -> Pictures:
        """The test pictures of the classes that were learned from; raises UsageError where there are none."""
        if self.load_test is None:
            raise UsageError(f"{self.name} does not say what it learned from", hint="name a picture file")
        return self.load_test()


def of_run(
    opened: Opened, seed: int, console: Console, data_dir: str | None = None, checkpoint: str = "best"
) -> Subject:
    """The model of a run, opened at a checkpoint; its pictures go into the run's folder."""

    def test() -> Pictures:
        data = pictures_of(opened.run, opened.config, console, data_dir)
        return learned_from(opened.config, data).test

    run = opened.run
    return Subject(
        opened.model,
        run.name,
        run.samples_dir,
        opened.learned,
        seed,
        console,
        opened.step,
        opened.guidance,
        test,
        "" if checkpoint == "best" else f"step{opened.step}",
    )


def slug(text: str) -> str:
    """Text as a part of a file's name."""
    return re.sub(r"[^\w.+]+", "-", text).strip("-.")
