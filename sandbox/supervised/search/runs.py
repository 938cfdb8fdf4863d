"""The kind of run that `search` makes: say what it found, and continue it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from sandbox.core.config import load_config_of_run
from sandbox.core.errors import UsageError
from sandbox.core.kinds import Question
from sandbox.core.run import Run
from sandbox.supervised.search.config import SearchConfig
from sandbox.ui.console import Console
from sandbox.ui.report.exhibit import Exhibit, others


class SearchRuns:
    """See `sandbox.core.kinds.Kind`."""

    score = "accuracy"

    def load(
        self, run: Run, *, checkpoint: str = "best", device: str = "auto", trust: bool = False
    ) -> NoReturn:
        """A search keeps settings, and no weights.

        Raises:
            UsageError: always; the hint trains with the settings.
        """
        raise UsageError(
            f"{run.name} is a search: it has settings, and no weights to load",
            hint=f"python -m sandbox train-classifier --config {run.relative() / 'best.toml'}",
        )

    def evaluate(self, run: Run, console: Console, question: Question) -> dict[str, Any]:
        """Say again what the search found; the score is its best trial's, on the validation pictures.

        Raises:
            UsageError: the question is about weights, which a search has none of.
        """
        from sandbox.supervised.search.report import report

        if question != Question(split=question.split, data_dir=question.data_dir) or question.split == "test":
            raise UsageError(
                f"{run.name} is a search: it saw the validation pictures alone, and kept no weights",
                hint=f"python -m sandbox train-classifier --config {run.relative() / 'best.toml'}",
            )
        console.print(f"{run.name} is a search for settings; its scores are of the validation pictures")
        return report(read_search(run), run, console)

    def resume(self, run: Run, console: Console, *, trust: bool, device: str | None) -> dict[str, Any]:
        """Continue with the trial that was under way."""
        del trust
        from sandbox.supervised.search.carry_out import resume
        from sandbox.supervised.search.report import report

        if device is not None:
            raise UsageError("all trials of a search are made on one device", hint="leave --device out")
        config = read_search(run)
        resume(config, run, console)
        return report(config, run, console)

    def exhibits(
        self, run: Run, note: Callable[[str], None], make: bool, trust: bool = False
    ) -> list[Exhibit]:
        """What each setting did to the score."""
        del note, make, trust
        alt = "Charts of the score of each trial against each setting that was searched"
        shown = [Exhibit(run.plots_dir / "search.png", "What mattered", alt, "each dot is a trial")]
        return [one for one in shown if one.path.is_file()] + others(run, ("plots/search.png",))


def read_search(run: Run) -> SearchConfig:
    """The config of a search. Raises RunBroken where it is missing or damaged."""
    return load_config_of_run(run.config_path, SearchConfig)
