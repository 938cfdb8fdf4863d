"""Tables of docs/benchmarks.md from the results of a recipe's seeds.

A result holds ``rows`` (or several such lists): flat objects. In a row, texts say what was measured and
numbers are measurements; rows with the same texts, and the same "steps", belong together over the seeds. A
number is shown as the median (lowest – highest), a truth value as how often it was true, and a column whose
name ends in "return", or is a percentage of successes, as mean ± standard deviation, with the interquartile
mean and its interval where there are enough seeds; one whose name ends in "gain" is a difference, and shown
as its mean with Student's interval.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import Any

from sandbox.core.statistics import returns_text, student_interval

Record = Mapping[str, Any]
Row = Mapping[str, Any]


def render(records: Sequence[Record], tables: Sequence[str] = ("rows",), seeds: int | None = None) -> str:
    """Tables over the seeds of one recipe, and a line that says how, where and when they were measured.

    Args:
        records: One a seed that was measured.
        tables: Where a result holds the rows of each table.
        seeds: How many seeds there will be in the end; all there are, unless given.
    """
    found = [[row for record in records for row in record["result"].get(key, [])] for key in tables]
    parts = [_table(rows) for rows in found if rows]
    return "\n\n".join([*parts, _provenance(records, len(records) if seeds is None else seeds)])


def _table(rows: Sequence[Row]) -> str:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        texts = (str(value) for value in row.values() if isinstance(value, str))
        groups.setdefault((*texts, str(row.get("steps"))), []).append(row)
    lines = [[key.replace("_", " ") for key in columns], ["---"] * len(columns)]
    lines += [[_cell(key, [row.get(key) for row in group]) for key in columns] for group in groups.values()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def update(document: str, name: str, content: str) -> str:
    """Replace what stands between ``<!-- benchmark: NAME -->`` and ``<!-- end -->``.

    Raises ValueError when the document has no such place.
    """
    place = re.compile(rf"(<!-- benchmark: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not place.search(document):
        raise ValueError(f"the document has no place for the benchmark {name!r}")
    return place.sub(lambda found: f"{found[1]}{content}\n{found[2]}", document, count=1)


def _cell(key: str, values: Sequence[Any]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    if key.endswith(("return", "success_percent")):
        return returns_text(known)
    if key.endswith("gain"):
        return _gain(known)
    if all(isinstance(value, bool) for value in known):
        return f"{sum(known)} of {len(values)}"
    if all(isinstance(value, int | float) for value in known):
        digits = 4 if key.endswith(("percent", "nats")) else 3  # 99.1 is not 99.12
        middle, low, high = (_number(one(known), digits) for one in (median, min, max))
        return middle if len(known) == 1 else f"{middle} ({low} – {high})"
    return str(known[0])


def _gain(values: Sequence[float]) -> str:
    """The mean of differences, and its 95 % interval."""
    interval = student_interval(values) or ()
    middle, *ends = (
        f"{round(value, 2) + 0.0:+.2f}".replace("-", "−") for value in (fmean(values), *interval)
    )
    return f"{middle} ({' to '.join(ends)})" if ends else middle


def _number(value: float, digits: int) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.{digits}g}" if abs(value) < 100 else f"{value:.0f}"


def _provenance(records: Sequence[Record], planned: int) -> str:
    made = [record["made"] for record in records]
    by_recipe = Counter(record["recipe"] for record in records)
    least, most = min(by_recipe.values()), max(by_recipe.values())
    seeds = sorted({record["seed"] for record in records})
    found = f"{least}" if least == most else f"{least} to {most}"
    many = f"{planned} seed{'s' if planned > 1 else ''}"
    some = many if least == planned else f"{found} of {many}"
    machines = [record["result"].get("machine", record["made"]) for record in records]  # with torch loaded
    counts = sorted({machine["threads"] for machine in machines if machine.get("threads")})
    threads = f", {' or '.join(map(str, counts))} torch thread(s)" if counts else ""
    return (
        f"Median (lowest – highest) over {some} (seed{'s' if len(seeds) > 1 else ''} "
        f"{', '.join(map(str, seeds))}), one process a seed. "
        f"{_either(made, 'processor')}, {_either(made, 'usable_cpus')} CPUs{threads}, "
        f"{_either(made, 'platform')}, Python {_either(made, 'python')}; {_versions(made)}. "
        f"Measured on {days(records)} at revision {', '.join(revisions(records))} by `make benchmark`."
    )


def days(records: Sequence[Record]) -> str:
    """The day, or the first and the last one, on which something was measured."""
    found = sorted({record["made"]["time"][:10] for record in records})
    return found[0] if len(found) == 1 else f"{found[0]} to {found[-1]}"


def revisions(records: Sequence[Record]) -> list[str]:
    """Those at which something was measured, in the order of time; twelve letters each."""
    in_order = sorted(records, key=lambda record: record["made"]["time"])
    return list(dict.fromkeys(_revision(record["made"].get("git")) for record in in_order))


def _either(made: Sequence[Mapping[str, Any]], key: str) -> str:
    return " or ".join(sorted({str(one[key]) for one in made}))


def _versions(made: Sequence[Mapping[str, Any]]) -> str:
    names = dict.fromkeys(name for one in made for name in one["versions"])
    found = {name: dict.fromkeys(one["versions"].get(name) for one in made) for name in names}
    return ", ".join(
        f"{name} {' or '.join(version for version in versions if version)}"
        for name, versions in found.items()
    )


def _revision(git: Mapping[str, Any] | None) -> str:
    if git is None:
        return "unknown"
    return git["revision"][:12] + (" with changes" if git.get("dirty") else "")
