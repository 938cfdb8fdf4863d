"""The kinds of run that `train-generator` makes: load them, evaluate them, resume them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from generative.opened import open_generator, read_config
from sandbox.core.kinds import Question
from sandbox.core.run import Run
from sandbox.ui.console import Console

if TYPE_CHECKING:
    from generative.autoencoder import Autoencoder
    from generative.ddpm import DDPM
    from generative.vae import VAE
    from sandbox.nn.explain import Subject
    from sandbox.ui.report.exhibit import Exhibit


class GeneratorRuns:
    """See `sandbox.core.kinds.Kind`."""

    def load(
        self, run: Run, *, checkpoint: str = "best", device: str = "auto", trust: bool = False
    ) -> Autoencoder | VAE | DDPM:
        """The trained model, ready for pictures (batch, channels, height, width) in [−1, 1].

        A DDPM's `pipeline()` draws with it.

        Raises:
            RunBroken, CheckpointBroken: a file is missing or damaged; the message names it.
        """
        del trust  # nothing here can execute code
        return open_generator(run, device, checkpoint).model

    def evaluate(self, run: Run, console: Console, question: Question) -> dict[str, Any]:
        """How well it reconstructs, and of a VAE the terms of its bound; see `generative.measure`."""
        from generative.measure.evaluation import evaluate

        return evaluate(run, console, question)

    def explain(self, run: Run, console: Console, question: Question) -> Subject:
        """The encoder's backbone, and pictures of the split."""
        from generative.measure.explained import subject

        return subject(run, console, question)

    def resume(self, run: Run, console: Console, *, trust: bool, device: str | None) -> dict[str, Any]:
        """Continue from the newest good checkpoint to the end of the config's steps."""
        del trust
        from generative.commands import report
        from generative.training import resume

        result = resume(read_config(run, device), run, console)
        report(result, console)
        return result

    def exhibits(
        self, run: Run, note: Callable[[str], None], make: bool, trust: bool = False
    ) -> list[Exhibit]:
        """What it draws, makes of pictures, and how it learned; see `generative.reported`."""
        del trust  # nothing here can execute code
        from generative.reported import exhibits

        return exhibits(run, note, make)

    def preset_of(self, run: Run, trust: bool = False) -> dict[str, Any]:
        """The config that such a model of its data has unless something else is asked for."""
        del trust
        from generative.reported import preset_of

        return preset_of(read_config(run))

    def words_of(self, run: Run) -> list[str]:
        """The command that trains with a config file: that does not say which kind of model it is about."""
        return ["train-generator", str(run.info["kind"])]


class AutoencoderRuns(GeneratorRuns):
    """Runs of `train-generator autoencoder`."""

    score = "mse"
    lower_is_better = True


class VAERuns(GeneratorRuns):
    """Runs of `train-generator vae`."""

    score = "nats"
    lower_is_better = True


class DDPMRuns(GeneratorRuns):
    """Runs of `train-generator ddpm`."""

    score = "noise_mse"
    """not the loss: that is another quantity for each prediction"""
    lower_is_better = True
    gates: ClassVar[dict[str, bool]] = {
        "accuracy": False,
        "fd_ratio": True,
        "fd": True,
        "precision": False,
        "recall": False,
    }
    """what samples are worth: `score` is what training ends with"""

    def gates_of(self, run: Run) -> dict[str, bool]:
        """`gates`, of a run that is told no classes without how often it draws the right one."""
        told = getattr(read_config(run), "class_conditional", False)
        return {name: lower for name, lower in self.gates.items() if told or name != "accuracy"}
