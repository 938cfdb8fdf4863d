"""The kind of run that `train-classifier` makes: load it, evaluate it, resume it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.core.errors import SandboxError, UsageError
from sandbox.core.kinds import Question
from sandbox.core.run import Run
from sandbox.supervised.opened import classes_of, open_classifier, pictures_of, read_config, warning_to
from sandbox.ui.console import Console
from sandbox.ui.report.exhibit import is_fresh

if TYPE_CHECKING:
    from sandbox.nn.explain import Subject
    from sandbox.supervised.models import Classifier
    from sandbox.ui.report.exhibit import Exhibit


class ClassifierRuns:
    """See `sandbox.core.kinds.Kind`."""

    score = "accuracy"

    def load(
        self, run: Run, *, checkpoint: str = "best", device: str = "auto", trust: bool = False
    ) -> Classifier:
        """The trained classifier, ready for pictures (batch, channels, height, width) in [−1, 1].

        Raises:
            RunBroken, CheckpointBroken: a file is missing or damaged; the message names it.
        """
        del trust  # nothing here can execute code
        return open_classifier(run, read_config(run, device), checkpoint, warnings.warn)[1]

    def evaluate(self, run: Run, console: Console, question: Question) -> dict[str, Any]:
        """Accuracy and calibration on a split, the worst classes, and pictures of where it goes wrong.

        Raises:
            UsageError: the question is one for agents.
        """
        if question.episodes is not None or question.seed is not None:
            raise UsageError("--episodes and --seed are for agents: a classifier sees a whole split")
        if question.samples is not None or question.images is not None:
            raise UsageError("--samples and --images are for VAEs: a classifier has no bound")
        question.refuse_sampling()
        from sandbox.nn.device import threads
        from sandbox.supervised.evaluation import outcome, tell
        from sandbox.supervised.looks import looks_of
        from sandbox.supervised.measure import measure
        from sandbox.supervised.training import learned_from

        config = read_config(run, question.device)
        split = question.split or "test"
        looks = looks_of(config.data, question.tta, config.seed)
        dataset = pictures_of(run, config, console, question.data_dir)
        # Of those that train, it saw no more than it was given.
        pictures = learned_from(config, dataset) if split == "train" else dataset.split(split)
        step, model = open_classifier(run, config, question.checkpoint, warning_to(console))
        with threads(config.threads):
            measured = measure(model, pictures, next(model.parameters()).device, looks)
        tell(run, config, measured, pictures, split, console)
        return outcome(run, config, step, measured, pictures, split, looks.copies)

    def explain(self, run: Run, console: Console, question: Question) -> Subject:
        """The classifier, and pictures of the split, from its beginning to its end, or a picture in a file.

        Raises:
            UsageError: the question is one for agents, or asks for a file and a split at once.
        """
        from sandbox.supervised.explained import asked_pictures, subject

        config = read_config(run, question.device)
        step, model = open_classifier(run, config, question.checkpoint, warning_to(console))
        asked = asked_pictures(run, config, step, model, question, console)
        return subject(config, step, model, classes_of(run, config), asked)

    def resume(self, run: Run, console: Console, *, trust: bool, device: str | None) -> dict[str, Any]:
        """Continue from the newest good checkpoint to the end of the config's steps."""
        del trust
        from sandbox.supervised.commands import report
        from sandbox.supervised.training import resume

        result = resume(read_config(run, device), run, console)
        report(result, console)
        return result

    def exhibits(
        self, run: Run, note: Callable[[str], None], make: bool, trust: bool = False
    ) -> list[Exhibit]:
        """Where it goes wrong; with `make` it is measured on the test pictures where it has not been."""
        del trust  # nothing here can execute code
        from sandbox.supervised.reported import PICTURES, exhibits

        if make and not is_fresh(run, *PICTURES):
            try:
                self.evaluate(run, Console(json=True, quiet=True), Question())
            except SandboxError as error:
                note(f"Its answers could not be drawn: {error.message}.")
            except OSError as error:
                note(f"Its answers could not be drawn: {error}.")
        return exhibits(run)

    def preset_of(self, run: Run, trust: bool = False) -> dict[str, Any]:
        """The config that its model has on its data unless something else is asked for."""
        del trust
        from sandbox.supervised.reported import preset_of

        return preset_of(read_config(run, None))

    def words_of(self, run: Run) -> list[str]:
        """The command that trains with a config file."""
        del run
        return ["train-classifier"]
