"""`bench envs`: the suite's speed, one process, one core, random actions. Nothing heavy at import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

from sandbox.core.config import Count
from sandbox.core.errors import UnknownName, UsageError
from sandbox.core.manifest import describe
from sandbox.ui.console import Console

if TYPE_CHECKING:
    from envs import Entry
    from sandbox.commands.bench_envs.timing import Pace

SCHEMA = "sandbox.bench-envs/1"
GROWTH = (1, 4, 16, 64, 256, 1024, 4096)
SIDE_BY_SIDE = (64, 256, 1024, 4096)
Row = dict[str, Any]


@dataclass(frozen=True)
class EnvsBench:
    """Measure how many steps a second our environments make, alone and beside others. Nobody learns.

    One process, one core, random actions drawn beforehand. Our batch of each environment and kind of
    observation runs in turns with gymnasium's SyncVectorEnv over the single versions of the same environment
    (both start new episodes within the step), and with a single one alone; our CartPole with gymnasium's own
    vector CartPole; and ours with other people's environments of the kind, where they are installed. Steps a
    second are medians of interleaved rounds, ratios medians of the rounds' ratios. Close to 1, CPU seconds
    over wall seconds say that nothing disturbed.

    Examples:
        python -m sandbox bench envs
        python -m sandbox bench envs --only Snake Pong --seconds 2
        python -m sandbox bench envs --growth --json
    """

    only: Annotated[tuple[str, ...], arg(metavar="NAME…")] = ()
    """Measure these of our environments, and what is compared with them."""
    envs: Count = 256
    """How many environments run at once."""
    seconds: float = 0.5
    """Seconds for each measurement, in five rounds."""
    growth: bool = False
    """Also how throughput grows from 1 to 4 096 environments at once."""
    seed: int = 0
    """Of the episodes and actions."""

    def run(self, console: Console) -> dict[str, Any]:
        """Measure, print tables; returns their rows, and every round's numbers under "rounds"."""
        if self.envs < 1 or not self.seconds > 0:
            raise UsageError("--envs and --seconds must be positive")
        entries = chosen(self.only)
        result: dict[str, Any] = {"schema": SCHEMA, "machine": describe(["python", "-m", "sandbox", "bench"])}
        result |= {"envs": self.envs, "seconds": self.seconds, "seed": self.seed}
        rounds: list[Row] = []
        parts = {
            "rows": (self._suite, f"{self.envs} environments, steps a second"),
            "growth": (self._growth, "steps a second, by the number of environments at once"),
            "gymnasium": (self._gymnasium, "CartPole beside gymnasium's own vector CartPole, steps a second"),
            "others": (self._others, f"beside others (ours: {self.envs} environments, pixels)"),
        }
        for part, (measure, title) in parts.items():
            result[part] = measure(entries, console, rounds)
            show(console, title, result[part])
        return {**result, "rounds": rounds}

    def _suite(self, entries: Sequence[Entry], console: Console, rounds: list[Row]) -> list[Row]:
        from sandbox.commands.bench_envs.contestants import alone, batch, sync
        from sandbox.commands.bench_envs.timing import race, ratio

        rows: list[Row] = []
        for entry in entries:
            for obs in entry.observations:
                console.note(f"{entry.name}, {obs}")
                paces = race(
                    {
                        "batch": batch(entry, self.envs, obs, self.seed),
                        "SyncVectorEnv": sync(entry, self.envs, obs, self.seed),
                        "single": alone(entry, obs, self.seed),
                    },
                    self.seconds,
                )
                rounds += _raw(paces, part="rows", environment=entry.name, observation=obs)
                ours, theirs = paces["batch"], paces["SyncVectorEnv"]
                row = {"environment": entry.name, "observation": obs, "batch": ours.middle, "best": ours.best}
                row |= {"SyncVectorEnv": theirs.middle, "times": ratio(ours, theirs)}
                rows.append(
                    {**row, "single_alone": paces["single"].middle, "cpu_over_wall": _quiet(paces["batch"])}
                )
        return rows

    def _growth(self, entries: Sequence[Entry], console: Console, rounds: list[Row]) -> list[Row]:
        from sandbox.commands.bench_envs.contestants import batch
        from sandbox.commands.bench_envs.timing import race

        rows: list[Row] = []
        for entry, obs in [(one, obs) for one in entries for obs in one.observations if self.growth]:
            console.note(f"growth: {entry.name}, {obs}")
            row: Row = {"environment": entry.name, "observation": obs}
            for (
                number
            ) in GROWTH:  # one after the other: together they would crowd each other out of the cache
                paces = race({str(number): batch(entry, number, obs, self.seed)}, self.seconds)
                rounds += _raw(paces, part="growth", environment=entry.name, observation=obs)
                row[f"at_{number}"] = paces[str(number)].middle
            rows.append(row)
        return rows

    def _gymnasium(self, entries: Sequence[Entry], console: Console, rounds: list[Row]) -> list[Row]:
        import gymnasium

        from sandbox.commands.bench_envs.contestants import batch, vector
        from sandbox.commands.bench_envs.timing import race, ratio

        rows: list[Row] = []
        for entry in [entry for entry in entries if entry.twin == "CartPole-v1"]:
            console.note("gymnasium's CartPole")
            for number in SIDE_BY_SIDE:
                theirs = gymnasium.make_vec(
                    "CartPole-v1", num_envs=number, vectorization_mode="vector_entry_point"
                )
                paces = race(
                    {
                        "gymnasium": vector(theirs, self.seed),
                        "ours": batch(entry, number, "features", self.seed, "NextStep"),
                        "ours, SAME_STEP": batch(entry, number, "features", self.seed),
                    },
                    self.seconds,
                )
                rounds += _raw(paces, part="gymnasium", environment="CartPole", number=number)
                row: Row = {"environments": str(number), "gymnasium": paces["gymnasium"].middle}
                row |= {"ours": paces["ours"].middle, "times": ratio(paces["ours"], paces["gymnasium"])}
                row["ours_SAME_STEP"] = paces["ours, SAME_STEP"].middle
                rows.append({**row, "cpu_over_wall": _quiet(paces["ours"])})
        return rows

    def _others(self, entries: Sequence[Entry], console: Console, rounds: list[Row]) -> list[Row]:
        from sandbox.commands.bench_envs.contestants import batch
        from sandbox.commands.bench_envs.others import OTHERS, installed
        from sandbox.commands.bench_envs.timing import race, ratio

        by_name = {entry.name: entry for entry in entries}
        rows: list[Row] = []
        for other in [other for other in OTHERS if other.beside in by_name]:
            if not installed(other):
                console.note(f"{other.name} is not installed: pip install 'rl-sandbox[{other.extra}]'")
                continue
            console.note(other.name)
            contestants = {
                "other": other.build(self.seed),
                "ours": batch(by_name[other.beside], self.envs, "pixels", self.seed),
            }
            paces = race(contestants, self.seconds)
            rounds += _raw(paces, part="others", environment=other.name)
            row: Row = {"environment": other.name, "observation": other.observation}
            row |= {"steps_per_second": paces["other"].middle, "beside": other.beside}
            row |= {"ours": paces["ours"].middle, "times": ratio(paces["ours"], paces["other"])}
            rows.append({**row, "cpu_over_wall": _quiet(paces["ours"])})
        return rows


def chosen(names: Sequence[str]) -> list[Entry]:
    """The environments of these names, in any case; all without names.

    Raises:
        UnknownName: we have no environment of such a name.
    """
    import envs

    ours = {entry.name.casefold(): entry for entry in envs.listing()}
    for name in names:
        if name.casefold() not in ours:
            raise UnknownName("environment of ours", name, [entry.name for entry in ours.values()])
    return [ours[name.casefold()] for name in names] or list(ours.values())


def _raw(paces: Mapping[str, Pace], **about: Any) -> list[Row]:
    return [
        {
            **about,
            "contestant": name,
            "steps_per_second": list(pace.steps_per_second),
            "cpu_over_wall": list(pace.cpu_over_wall),
        }
        for name, pace in paces.items()
    ]


def _quiet(pace: Pace) -> float:
    """How much of its wall time it had the CPU; only ours is shown, as ViZDoom works in another process."""
    return median(pace.cpu_over_wall)


def show(console: Console, title: str, rows: Sequence[Row]) -> None:
    """Print a table of one part; nothing where nothing was measured."""
    if not rows:
        return
    columns = list(rows[0])
    cells = [[_shown(row[column]) for column in columns] for row in rows]
    console.table([column.replace("_", " ") for column in columns], cells, title=title)
    console.print()


def _shown(value: Any) -> Any:
    if isinstance(value, float | int):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return value
