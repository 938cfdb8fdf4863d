"""Metrics of a run: one JSON object a line, tolerant of a last line that a crash tore."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from sandbox.core.errors import RunBroken
from sandbox.core.files import as_json_value

# JSON has no NaN and no infinity: they are written as these strings, and read back as floats.
_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class MetricsWriter:
    """Appends lines ``{"step": …, …}`` to ``path``, each flushed at once.

    A torn last line of an earlier process is cut off first.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if _is_torn(self.path):
            cut_metrics(self.path, sys.maxsize)
        self._file = self.path.open("ab")

    def write(self, step: int, values: Mapping[str, Any]) -> None:
        """Append one line: the step, then ``values`` (numbers, NumPy scalars or strings) in their order.

        Raises:
            OSError: The disk is full; at most this line is torn.
        """
        line = {"step": int(step)}
        line.update((key, _encode(value)) for key, value in values.items() if key != "step")
        self._file.write(json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._file.close()

    def __enter__(self) -> MetricsWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_metrics(path: str | Path) -> list[dict[str, Any]]:
    """Read all lines; a missing file has none, and a torn last line is ignored.

    Raises:
        RunBroken: A line before the last one is damaged; the message names it.
    """
    return [line for line, _ in _read_lines(Path(path))]


def cut_metrics(path: str | Path, after_step: int) -> int:
    """Drop all lines whose step is greater than ``after_step``, and a torn tail; return how many.

    The file is replaced in one step, and only if there is something to drop.

    Raises:
        RunBroken: A line before the last one is damaged; nothing is changed then.
    """
    path = Path(path)
    if not path.exists():
        return 0
    raw = path.read_bytes()
    kept = [text for line, text in _read_lines(path) if line["step"] <= after_step]
    result = b"".join(text + b"\n" for text in kept)
    if result == raw:
        return 0
    aside = path.with_name(f".writing-{path.name}-{os.getpid()}")
    with aside.open("wb") as file:
        file.write(result)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    return len([text for text in raw.split(b"\n") if text.strip()]) - len(kept)


def _read_lines(path: Path) -> list[tuple[dict[str, Any], bytes]]:
    """Parse every line into (values, its bytes); the last one may be torn."""
    if not path.exists():
        return []
    raw = path.read_bytes().split(b"\n")
    last = max((number for number, text in enumerate(raw) if text.strip()), default=-1)
    lines: list[tuple[dict[str, Any], bytes]] = []
    for number, text in enumerate(raw):
        if not text.strip():
            continue
        values = _parse(text)
        if values is not None:
            lines.append((values, text))
        elif number != last:
            raise RunBroken(f"{path}: line {number + 1} is damaged", hint="remove that line")
    return lines


def _parse(text: bytes) -> dict[str, Any] | None:
    """Return one line's values with NaN and infinity restored, or None if it is damaged."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or type(values.get("step")) is not int:
        return None
    return {
        key: _NON_FINITE.get(item, item) if isinstance(item, str) else item for key, item in values.items()
    }


def _encode(value: Any) -> Any:
    """Turn one value into what JSON can hold."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return as_json_value(value)


def _is_torn(path: Path) -> bool:
    """Tell whether the file ends in the middle of a line."""
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except OSError:  # No such file yet, or an empty one.
        return False
