"""`lr-find`: which learning rate to train with, before training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from sandbox.core.config import Count, parse_assignments
from sandbox.core.errors import Interrupted, UsageError
from sandbox.core.signals import StopRequest
from sandbox.data.catalog import label
from sandbox.nn.budget import Budget
from sandbox.nn.fit_settings import FitSettings
from sandbox.supervised.options import FitOptions
from sandbox.ui.console import Console
from sandbox.ui.png import png_path

if TYPE_CHECKING:
    from sandbox.nn.lr_finder import Found
    from sandbox.supervised.config import ClassifierConfig


@dataclass(frozen=True)
class LrFind(FitOptions):
    """Find a learning rate: let it grow until the loss explodes, and draw the curve (Smith 2017).

    Nothing is kept but the picture. The suggestion is the rate at which the loss is lowest, as the peak of a
    schedule; a third of it for a constant rate. It depends on model, optimizer and batch size, so give those
    that you will train with.

    Examples:
        python -m sandbox lr-find digits
        python -m sandbox lr-find mnist --model cnn --set optimizer=momentum
        python -m sandbox lr-find sign_mnist --augment --set batch_size=256 -o rates.png
    """

    steps: Count = 150
    """Steps, each at a higher rate."""
    lowest: Annotated[float, arg(name="from", metavar="RATE")] = 1e-5
    """The first rate."""
    highest: Annotated[float, arg(name="to", metavar="RATE")] = 10.0
    """The last one, unless the loss explodes before."""
    out: Annotated[Path | None, arg(name="output", aliases=("-o",), metavar="PNG")] = None
    """The picture; lr-find-DATA.png here, unless given."""

    def run(self, console: Console) -> dict[str, Any]:
        """Test and draw; returns what `--json` prints.

        Raises:
            UsageError: an option is wrong.
            Interrupted: a signal came.
        """
        if "learning_rate" in parse_assignments(self.set, FitSettings):
            raise UsageError("lr-find looks for the learning rate: leave out --set learning_rate")
        config = self.resolved(Budget(steps=self.steps if self.steps > 0 else 1))
        if config.fit.frozen_steps:  # what is found then is the rate of the head
            config = replace(config, fit=replace(config.fit, frozen_steps=config.fit.steps))
        name = label(config.data)
        path = png_path(self.out, f"lr-find-{name}.png", "-o")
        from sandbox.ui.range_test import draw_range_test

        found = self._test(config, console)
        if found.lowest < 2:
            raise UsageError(
                f"the loss is lowest at the first rate, {self.lowest:g}: nothing can be suggested",
                hint="try a lower --from",
            )
        about = f"{config.model} on {name}, {config.fit.optimizer}, batches of {config.fit.batch_size}"
        draw_range_test(
            path,
            found.rates,
            found.losses,
            found.smooth,
            suggestion=found.suggestion,
            title=f"Learning rates for {name}",
            subtitle=f"{about}: one step at each rate",
        )
        command = (
            f"python -m sandbox train-classifier {self.words()} --set learning_rate={found.suggestion:g}"
        )
        self._tell(found, config, path, command, console)
        return {
            "schema": "sandbox.lr-find/1",
            "data": config.data,
            "model": config.model,
            "optimizer": config.fit.optimizer,
            "suggestion": found.suggestion,
            "exploded": found.exploded,
            "rates": found.rates,
            "losses": found.losses,
            "smooth": found.smooth,
            "file": str(path),
            "command": command,
        }

    def _test(self, config: ClassifierConfig, console: Console) -> Found:
        from sandbox.nn.lr_finder import find_learning_rate
        from sandbox.supervised.pictures import load_pictures
        from sandbox.supervised.training import build_training

        training = build_training(config, load_pictures(config, console), console)
        with StopRequest() as stop, console.progress(self.steps, "lr-find") as shown:

            def after_step(done: int) -> bool:
                shown.update(done)
                return not stop.requested

            found = find_learning_rate(
                training, steps=self.steps, lowest=self.lowest, highest=self.highest, after_step=after_step
            )
        if stop.signum is not None:
            raise Interrupted("stopped: nothing is drawn", signum=stop.signum)
        return found

    def _tell(
        self, found: Found, config: ClassifierConfig, path: Path, command: str, console: Console
    ) -> None:
        lowest = float(found.rates[found.lowest])
        schedule = config.fit.schedule
        why = f"as the peak of {schedule}" if found.peak else f"a third of it for the schedule {schedule}"
        console.print(
            f"suggestion {found.suggestion:g}: the loss is lowest at {lowest:.2g}, {why}"
            f" (now {config.fit.learning_rate:g})"
        )
        console.print(f"curve  {path}")
        if found.lowest >= len(found.rates) - 2 and not found.exploded:
            console.note(f"note: the loss was still falling at {self.highest:g}: try a higher --to")
        else:
            console.print(f"next   {command}")
