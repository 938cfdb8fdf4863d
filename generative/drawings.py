"""What a generative run looks like: its curve, and what stands over drawings of its pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from generative.config import CONFIGS
from sandbox.core.metrics import read_metrics
from sandbox.core.run import Run
from sandbox.data.catalog import label
from sandbox.ui.fit_plots import fit_curve

LETTERS = 10
"""of a name, for which there is room over a picture"""


def draw_curve(run: Run) -> Path | None:
    """Draw `plots/loss.png`; None where nothing is logged yet."""
    metrics = read_metrics(run.metrics_path)
    if not metrics:
        return None
    info = run.info
    return fit_curve(
        run.plots_dir / "loss.png",
        metrics,
        title=title_of(info),
        metric=CONFIGS[info["kind"]].monitor,
        higher_is_better=False,
    )


def title_of(info: dict[str, Any]) -> str:
    """Kind, data and seed of a run, for people."""
    only = f" ({', '.join(info['only'])})" if info.get("only") else ""
    return f"{info['kind']} on {label(info['data'])}{only}, seed {info['seed']}"


def short(name: str) -> str:
    """As much of a name as has room over a picture."""
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"
