"""Pictures of an environment that is played: ``frames:ENV``, ``frames:ENV@expert``, ``frames:ENV@RUN``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MakesPlayer = Callable[[str, Any], Any]
