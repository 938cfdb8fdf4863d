"""What the benches of whole trainings share: cases, who trains them, rows and a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from sandbox.core.errors import UnknownName, UsageError
from sandbox.core.statistics import returns_text
from sandbox.ui.console import Console

if TYPE_CHECKING:
    from agents.bench.judge import Rules
    from agents.config import AgentConfig

Row = dict[str, Any]
Who = Literal["both", "ours", "SB3"]


class Case(Protocol):
    """One line of such a bench."""

    @property
    def name(self) -> str:
        """What `--only` calls it."""
        ...

    @property
    def algo(self) -> str:
        """Our algorithm."""
        ...

    @property
    def stock(self) -> bool:
        """Whether stock SB3 is trained beside ours."""
        ...

    def config(self, engine: str, seed: int, shorter: int) -> AgentConfig:
        """The whole training.

        Args:
            engine: "ours" or "SB3".
            seed: decides everything that is random.
            shorter: divides the steps.
        """
        ...

    def rules(self, config: AgentConfig, shorter: int) -> Rules:
        """How that training is judged; arguments as above."""
        ...


AnyCase = TypeVar("AnyCase", bound=Case)


def chosen(cases: Iterable[AnyCase], names: Sequence[str]) -> list[AnyCase]:
    """The cases of these names, or all. Raises UnknownName with a suggestion."""
    known = {case.name: case for case in cases}
    for name in names:
        if name not in known:
            raise UnknownName("case", name, known)
    return [known[name] for name in names] or [*known.values()]


def train_all(
    cases: Iterable[AnyCase], first_seed: int, seeds: int, asked: Who, shorter: int, console: Console
) -> Iterator[tuple[AnyCase, Mapping[str, Row]]]:
    """Train case by case and seed by seed.

    Yields:
        the case, and for each engine that trained it with one seed what came of it.
    """
    from .judge import measure

    if seeds < 1:
        raise UsageError("--seeds must be at least 1")
    for case in cases:
        for seed in range(first_seed, first_seed + seeds):
            pair: dict[str, Row] = {}
            for engine in engines(case.stock, asked, seed):
                console.note(f"{case.name}: {engine}, seed {seed}")
                config = case.config(engine, seed, shorter)
                about = {"case": case.name, "task": config.env, "engine": engine, "seed": seed}
                about |= {"threshold": config.threshold, "threads": config.threads}
                pair[engine] = {**about, **measure(config, case.rules(config, shorter))}
            yield case, pair


def engines(stock: bool, asked: str, seed: int) -> list[str]:
    """Who trains, in which order: odd seeds let SB3 begin."""
    both = ["ours", *(["SB3"] if stock else [])]
    found = [engine for engine in both if asked in ("both", engine)]
    return found[:: -1 if seed % 2 else 1]


def rows_of(algo: str, pair: Mapping[str, Row], numbers: Callable[[Row], Row]) -> list[Row]:
    """One row for each engine that trained one seed, and SB3's seconds to the threshold over ours.

    Args:
        algo: our algorithm.
        pair: engine -> what `train_all` found.
        numbers: what the table shows of it.
    """
    rows = []
    for engine in sorted(pair, reverse=True):
        found = pair[engine]
        row: Row = {"task": found["task"], "algorithm": algo.upper(), "engine": engine, **numbers(found)}
        ours, theirs = pair.get("ours", {}), pair.get("SB3", {})
        seconds, others = ours.get("seconds_to_threshold"), theirs.get("seconds_to_threshold")
        sooner = others / seconds if engine == "ours" and seconds and others else None
        rows.append({**row, "times_sooner": sooner})
    return rows


def show(console: Console, rows: Sequence[Row], columns: Mapping[str, str]) -> None:
    """A line for each task, algorithm, engine and number of steps, over the seeds.

    Args:
        rows: as `rows_of` makes them.
        columns: key in a row -> what its column is called, behind who was trained on what.
    """
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["task"], row["algorithm"], row["engine"], row.get("steps")), []).append(row)
    cells = [
        [*names[:3], *(_cell(key, [row[key] for row in group]) for key in columns)]
        for names, group in groups.items()
    ]
    console.table(["task", "algorithm", "engine", *columns.values()], cells)


def _cell(key: str, values: Sequence[Any]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    if key.endswith("return"):
        return returns_text(known)
    if isinstance(known[0], bool):
        return f"{sum(known)} of {len(known)}"
    mean = sum(known) / len(known)
    return f"{mean:,.0f}" if mean >= 1000 else f"{mean:.3g}"
