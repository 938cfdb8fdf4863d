"""A video for tests that look at its frames."""

from __future__ import annotations

import numpy as np


class Kept:
    """A video that keeps its frames."""

    def __init__(self) -> None:
        self.pictures: list[np.ndarray] = []

    @property
    def frames(self) -> int:
        return len(self.pictures)

    def add(self, picture: np.ndarray) -> None:
        self.pictures.append(picture)
