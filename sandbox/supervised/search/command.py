"""`search`: which settings train best, by trying some."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import UseAppendAction, arg

from sandbox.core.config import Count, to_mapping, to_toml
from sandbox.core.errors import UsageError
from sandbox.nn.budget import QUICK, Budget
from sandbox.supervised.config import ClassifierConfig
from sandbox.supervised.options import FitOptions
from sandbox.supervised.resolve import with_steps
from sandbox.supervised.search.config import Equal, Method, SearchConfig
from sandbox.supervised.search.space import default_space, dimensions, grid_size, read_space
from sandbox.ui.console import Console

TRIALS = 20
MOST = 200
"""combinations of a grid that are tried without being asked for"""


@dataclass(frozen=True)
class Search(FitOptions):
    """Try out settings of `train-classifier`, each in a short fit, and say which were best and what mattered.

    Trial 0 has the settings that the options and presets say; every other one changes what --space names.
    Only the validation pictures decide. A trial that diverges or fails ends nothing. Ctrl-C keeps what is
    done, and `resume` goes on. With --method grid, a range stands for five values of it.

    Examples:
        python -m sandbox search digits
        python -m sandbox search mnist --trials 30 --epochs 0.5
        python -m sandbox search sign_mnist --space learning_rate=1e-3..1e-1 --space augment=true,false
        python -m sandbox search digits --method grid --space optimizer=sgd,adam --space learning_rate=1e-4..1
    """

    trials: Count | None = None
    """How many, trial 0 among them; 20, unless given, and a whole grid."""
    method: Method = "random"
    """random; grid: all combinations; tpe: random at first, then near what was good."""
    space: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="KEY=LOW..HIGH|a,b,c")] = ()
    """What to search, in place of the usual; may be repeated."""
    epochs: float | None = None
    """Budget of a trial: how often each picture is seen; the preset's, unless given."""
    steps: Count | None = None
    """Budget of a trial: gradient steps, however large the batch."""
    max_minutes: float | None = None
    """Budget of a trial: minutes, turned into pictures to see by a few steps of trial 0."""
    quick: bool = False
    """A tenth of the budget."""
    no_pruning: bool = False
    """Let every trial come to its end, however bad it is at its second look of five."""
    name: str | None = None
    """Name of the run's folder."""
    out: Path | None = None
    """Folder for the runs; SANDBOX_RUNS or ./runs, unless given."""
    dry_run: bool = False
    """Show the resolved config, and write nothing."""

    def run(self, console: Console) -> dict[str, Any]:
        """Search; returns what `--json` prints.

        Raises:
            UsageError: an option is wrong, or a grid is too large.
            MissingExtra: Optuna is not installed.
            Interrupted: a signal came; the trials that are done are kept.
        """
        config = self.settled(console)
        if self.dry_run:
            console.print(to_toml(config).rstrip())
            return {"schema": "sandbox.config/1", "config": to_mapping(config)}
        from sandbox.supervised.search.carry_out import search
        from sandbox.supervised.search.report import report

        return report(config, search(config, self.out, self.name, console), console)

    def settled(self, console: Console) -> SearchConfig:
        """The config of the search, with nothing left open; raises as `run`."""
        budget = Budget(self.epochs, self.steps, self.max_minutes)
        start = self.resolved(budget, quick=self.quick, root=self.out)
        space = read_space(self.space) or default_space(start, self.method)
        known = dimensions(space, start)
        trials = TRIALS if self.trials is None else self.trials
        if self.method == "grid":
            size = grid_size(known)
            if self.trials is None and size > MOST:
                raise UsageError(
                    f"the grid has {size:,} combinations",
                    hint="give --trials for a random part of them, or fewer values in --space",
                )
            trials = min(size + 1, self.trials or size + 1)
        if self.max_minutes is not None:
            start = self._timed(start, console)
        equal: Equal = "pictures" if self.steps is None else "steps"
        return SearchConfig(start, space, self.method, trials, equal, prune=not self.no_pruning)

    def _timed(self, start: ClassifierConfig, console: Console) -> ClassifierConfig:
        """`start` with as many steps as the minutes have room for."""
        from sandbox.nn.fit_run import steps_in
        from sandbox.supervised.pictures import load_pictures
        from sandbox.supervised.training import build_training

        minutes = (self.max_minutes or 0.0) / (QUICK if self.quick else 1)
        training = build_training(start, load_pictures(start), console)
        steps = steps_in(minutes, training)
        console.note(f"{minutes:g} minutes a trial have room for {steps:,} steps")
        return with_steps(start, steps)
