"""Which settings a trial tries, and whether it is worth finishing.

Optuna draws the settings, and keeps nothing: its dice are thrown anew for each trial, and where it looks back
its study is built anew from the trials that are written down. So a search that was stopped goes on with the
very settings that it would have tried.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.core.errors import MissingExtra
from sandbox.core.seeding import derive_seed
from sandbox.supervised.search.space import (
    Choice,
    Dimension,
    Values,
    chosen,
    combination,
    grid_size,
    number_of,
)
from sandbox.supervised.search.trials import Trial

if TYPE_CHECKING:
    import optuna

    from sandbox.supervised.search.config import SearchConfig

BEFORE_PRUNING, PRUNED_LOOK = 5, 2
"""how many trials have to have come to this look before one is pruned there; and only there, as half of the
survivors at every further look would leave next to nothing, and favour what is quick at the beginning"""
ENOUGH = 8
"""complete trials from which on it can be said what mattered"""


def need_optuna() -> None:
    """Raise MissingExtra where Optuna is not installed."""
    try:
        import optuna
    except ImportError:
        raise MissingExtra("search", "search") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)


class Chooser:
    """Chooses settings for one trial after the other.

    Args:
        config: of the search.
        space: its dimensions.
    """

    def __init__(self, config: SearchConfig, space: Sequence[Dimension]) -> None:
        need_optuna()
        self.config, self.space = config, list(space)
        self.start = chosen(config.start, [one.name for one in space])
        self.listed = self._listed()
        self._before: Sequence[Trial] = ()

    def _listed(self) -> list[int] | None:
        """The combinations that will be tried after trial 0, where there are only so many; by number."""
        if self.config.method == "tpe":
            return None
        if self.config.method == "random" and not all(isinstance(one, Choice) for one in self.space):
            return None
        known = number_of(self.space, self.start)  # trial 0 has tried it
        count, wanted = grid_size(self.space) - (known is not None), self.config.trials - 1
        if self.config.method == "grid" and wanted >= count:
            order = list(range(count))
        else:
            order = _drawn(count, min(wanted, count), derive_seed(self.config.seed, "grid"))
        return order if known is None else [number + (number >= known) for number in order]

    @property
    def trials(self) -> int:
        """How many trials the search has: what was asked for, or fewer where there are no more settings."""
        return self.config.trials if self.listed is None else min(self.config.trials, 1 + len(self.listed))

    def choose(self, done: Sequence[Trial]) -> Values:
        """The settings of the trial that follows `done`; the first are the start's own."""
        self._before = tuple(done)
        if not done:
            return self.start
        if self.listed is not None:
            return combination(self.space, self.listed[len(done) - 1])
        import optuna

        seed = derive_seed(self.config.seed, "trial", len(done)) % 2**32
        if self.config.method == "tpe":
            study = study_of(done, self.space)
            study.sampler = optuna.samplers.TPESampler(seed=seed)
        else:
            study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
        found = study.ask(_distributions(self.space)).params
        return {one.name: self._rounded(one, found[one.name]) for one in self.space}

    def prune(self, look: int, score: float) -> bool:
        """Whether the trial that was chosen last is worse than half of the others were at this look."""
        if look != PRUNED_LOOK or not self._before or not self.config.prune:
            return False
        others = [trial.looks[look - 1] for trial in self._before if len(trial.looks) >= look]
        return len(others) >= BEFORE_PRUNING and score < float(np.median(others))

    def _rounded(self, one: Dimension, value: Any) -> Any:
        """`value` with three digits, which people can type, and still in its range."""
        if isinstance(one, Choice) or one.whole:
            return value
        return min(max(float(f"{value:.3g}"), one.low), one.high)


def _drawn(count: int, most: int, seed: int) -> list[int]:
    """`most` different numbers below `count` by chance; fewer of them are the first of more.

    They are the top of a shuffled pack (Fisher and Yates), of which only cards that moved are kept.
    """
    draw, moved, drawn = Random(seed), dict[int, int](), list[int]()
    for top in range(most):
        place = draw.randrange(top, count)  # of any size, unlike NumPy's
        drawn.append(moved.get(place, place))
        moved[place] = moved.pop(top, top)
    return drawn


def study_of(trials: Sequence[Trial], space: Sequence[Dimension]) -> optuna.Study:
    """The trials as Optuna knows them; those whose settings lie outside of the space are left out."""
    need_optuna()
    import optuna

    states = optuna.trial.TrialState
    known = {"complete": states.COMPLETE, "pruned": states.PRUNED}
    distributions = _distributions(space)
    study = optuna.create_study(direction="maximize")
    for trial in trials:
        if all(one.holds(trial.values[one.name]) for one in space):
            study.add_trial(
                optuna.create_trial(
                    state=known.get(trial.state, states.FAIL),
                    value=trial.score if trial.complete else None,
                    params=dict(trial.values),
                    distributions=distributions,
                    intermediate_values=dict(enumerate(trial.looks, start=1)),
                )
            )
    return study


def importances(trials: Sequence[Trial], space: Sequence[Dimension], pictures: int) -> dict[str, float]:
    """Which part of the differences between trials each setting explains (fANOVA, Hutter et al. 2014).

    Of the logarithm of the mistakes, so that 99 and 99.5 % are as different as 90 and 95 %. Empty where fewer
    than `ENOUGH` trials are complete, or all are equally good.

    Args:
        pictures: of the validation, which say how small a part of mistakes can be seen.
    """
    done = [
        trial
        for trial in trials
        if trial.complete and all(one.holds(trial.values[one.name]) for one in space)
    ]
    if len(done) < ENOUGH or len({trial.score for trial in done}) == 1:
        return {}
    need_optuna()
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = get_param_importances(
            study_of(done, space),
            evaluator=FanovaImportanceEvaluator(seed=0),
            target=lambda trial: goodness(trial.value or 0.0, pictures),
        )
    return {one.name: float(found.get(one.name, 0.0)) for one in space}


def goodness(score: float, pictures: int) -> float:
    """How many times over the mistakes were divided by ten: 1 for 90 %, 2 for 99 %."""
    return -float(np.log10(max(1 - score, 0.5 / pictures)))


def _distributions(space: Sequence[Dimension]) -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, Any] = {}
    for one in space:
        if isinstance(one, Choice):
            found[one.name] = CategoricalDistribution(one.options)
        elif one.whole:
            found[one.name] = IntDistribution(int(one.low), int(one.high), log=one.logarithmic)
        else:
            found[one.name] = FloatDistribution(one.low, one.high, log=one.logarithmic)
    return found
