"""What a misspelt word was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable

CLOSE = 0.65
"""how much of two names has to agree, from 0 to 1: "pp0" is "ppo" (0.67), but "nope" no "hopper" (0.6)"""


def suggest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that ``name`` was probably meant to be, ignoring case, or None."""
    import difflib

    by_folded = {candidate.casefold(): candidate for candidate in known}
    folded = name.casefold()
    if folded in by_folded:
        return by_folded[folded]
    close = difflib.get_close_matches(folded, by_folded, n=1, cutoff=CLOSE)
    return by_folded[close[0]] if close else None
