"""What filming costs of training: ``python -m benchmarks.videos [--seed SEED] [--json]``.

`train-agent CartPole` runs for 2 M steps, once without and once with `--video-every`, in turns that each seed
begins the other way round. CartPole is so fast that it is nearly the worst case: another process films beside
training, and needs a core of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from sandbox.core.manifest import describe

TRAINING = "train-agent CartPole --no-early-stop --steps {steps} --eval-every 0 --checkpoint-every {every}"
STEPS = 2_000_000
EVERY = 500_000


def main(argv: list[str] | None = None) -> int:
    """Measure a pair, and print what came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.videos", description="What filming costs.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args(argv)
    every = options.steps * EVERY // STEPS
    order = [False, True] if options.seed % 2 == 0 else [True, False]
    runs = {filmed: trained(options.seed, options.steps, every, filmed) for filmed in order}
    row = compared(runs[False], runs[True], options.steps)
    record = {"schema": "sandbox.bench-videos/1", "machine": describe(["benchmarks.videos"]), "rows": [row]}
    print(json.dumps(record) if options.json else f"{row['more_percent']:.1f} % more")
    return 0


def trained(seed: int, steps: int, every: int, filmed: bool) -> dict[str, Any]:
    """Train once, and return what `train-agent` says of it, with the number of "videos"."""
    with tempfile.TemporaryDirectory() as runs:
        words = [*TRAINING.format(steps=steps, every=every).split(), "--seed", str(seed), "--out", runs]
        words += ["--video-every", str(every)] if filmed else []
        done = subprocess.run(
            [sys.executable, "-m", "sandbox", *words, "--json"], stdout=subprocess.PIPE, text=True, check=True
        )
        videos = len(list(Path(runs).glob("*/videos/*")))
    return {**json.loads(done.stdout), "videos": videos}


def compared(without: dict[str, Any], filmed: dict[str, Any], steps: int) -> dict[str, Any]:
    """A row of the table."""
    seconds, more = without["train_seconds"], filmed["train_seconds"]
    return {"training": "CartPole", "steps": steps, "videos": filmed["videos"], "seconds_without": seconds,
            "seconds_with": more, "more_percent": 100 * (more / seconds - 1)}  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
