"""What an actor's memory held at the last steps, and who has one to show. Drawn by `sandbox.ui.strip`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LONGEST = 1_024
"""steps that are kept: more than there are columns in any window"""


@dataclass(frozen=True, eq=False)
class Trail:
    """The hidden activations of a memory at the last steps of an episode."""

    activations: np.ndarray
    """(steps, units) float32 from -1 to 1, oldest first; never written to again"""
    from_start: bool
    """the first row is of the episode's first step"""

    @property
    def units(self) -> int:
        """How many numbers the memory has, also before the first step."""
        return self.activations.shape[1]


NOTHING = Trail(np.empty((0, 0), np.float32), from_start=False)
"""of an actor without memory"""


class Trace:
    """Collects a `Trail`, step by step."""

    def __init__(self) -> None:
        self.forget()

    @property
    def trail(self) -> Trail | None:
        """The last steps; None as long as nobody has shown a memory."""
        if not self._known:
            return None
        first = max(0, self._count - LONGEST)
        return Trail(self._rows[first : self._count], self._from_start and not first)

    def begin(self) -> None:
        """An episode begins."""
        self._clear(self._rows.shape[1], from_start=True)

    def interrupt(self) -> None:
        """A person plays: what was before no longer leads to what comes after."""
        self._clear(self._rows.shape[1], from_start=False)

    def forget(self) -> None:
        """Another actor comes, perhaps one without memory."""
        self._known = False
        self._clear(0, from_start=True)

    def add(self, activations: np.ndarray | None) -> None:
        """The memory after one more step, (units,); None: it has none."""
        if activations is None:
            return
        if len(activations) != self._rows.shape[1]:
            self._clear(len(activations), self._from_start and not self._count)
        elif self._count == len(self._rows):
            # Trails look into the old rows: the last ones move to new ones, now and then.
            kept = self._rows[-LONGEST:]
            self._clear(kept.shape[1], from_start=False)
            self._rows[:LONGEST] = kept
            self._count = LONGEST
        self._rows[self._count] = activations
        self._count, self._known = self._count + 1, True

    def _clear(self, units: int, from_start: bool) -> None:
        self._rows = np.empty((2 * LONGEST, units), np.float32)
        self._count, self._from_start = 0, from_start
