"""How answers to a person's pictures are told: in a table, as CSV, as JSON."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from sandbox.core.files import write_atomically
from sandbox.supervised.prediction.answers import Answer
from sandbox.supervised.prediction.given import Given, Skipped
from sandbox.ui.console import Console

Answered = Sequence[tuple[Given, Answer]]


def percent(part: float) -> str:
    """A probability as people read it: nothing is certain, and nothing impossible."""
    return "<0.1%" if part < 0.001 else ">99.9%" if part > 0.999 else f"{part:.1%}"


def tell(
    console: Console, answers: Answered, bad: Sequence[Skipped], top: int, drawing: Path, csv_file: str | None
) -> None:
    """Print the `top` answers to each picture and what was skipped; write `csv_file`, if one is named.

    With ``-`` for it, the CSV table takes the place of the one for people.
    """
    if csv_file not in (None, "-"):
        write_atomically(Path(str(csv_file)), as_csv(answers, top))
    for one in bad:
        console.note(f"skipped {one.name}: {one.why}")
    if csv_file == "-":
        console.print(as_csv(answers, top).rstrip("\n"))
        return
    ranks = ["answer", *["or"] * (top - 1)]
    strange = [one for one, found in answers if found.familiar is False]
    rows = [
        [
            one.name,
            *[f"{name} {percent(part)}" for name, part in found.ranked[:top]],
            *(["unfamiliar" if found.familiar is False else ""] if strange else []),
        ]
        for one, found in answers
    ]
    console.table(["picture", *ranks, *([""] if strange else [])], rows)
    of = f"of {len(answers)}"
    if strange:
        console.print(f"{len(strange)} {of} unfamiliar: like nothing it learned from, so it may not be sure")
    treated = sum(one.treatment == "ink" for one, _ in answers)
    if treated:
        console.print(f"{treated} {of} read as handwriting: cut out, scaled and centred (not with --as-is)")
    if bad:
        console.print(f"{len(bad)} of {len(bad) + len(answers)} files skipped")
    console.print(f"drawing {drawing}")


def entry(one: Given, found: Answer, top: int) -> dict[str, Any]:
    """A picture as ``--json`` has it."""
    return {
        "file": one.name,
        "answers": [{"class": name, "probability": round(part, 6)} for name, part in found.ranked[:top]],
        "familiar": found.familiar,
        "as_far": found.as_far,
        "treatment": one.treatment,
    }


def as_csv(answers: Answered, top: int) -> str:
    """A line for each picture: its file, whether it is familiar, and classes with their probabilities."""
    text = StringIO()
    table = csv.writer(text, lineterminator="\n")
    heads = [head for rank in range(1, top + 1) for head in (f"class_{rank}", f"probability_{rank}")]
    table.writerow(["file", "familiar", *heads])
    for one, found in answers:
        familiar = {True: "yes", False: "no", None: ""}[found.familiar]
        cells = [cell for name, part in found.ranked[:top] for cell in (name, f"{part:.6f}")]
        table.writerow([one.name, familiar, *cells])
    return text.getvalue()
