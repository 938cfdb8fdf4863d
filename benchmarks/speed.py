"""Speed for the quick benchmark: ``python -m benchmarks.speed {envs,agents} [--json]``.

All figures are ratios of steps a second, of contestants that take turns in one process on one thread. So that
other processes change them little, environments are timed in bursts of milliseconds, of which the best one
counts, and agents, whose bursts would be long, by the processor's time.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

Contest = Mapping[str, Callable[[], float]]
"""Contestant -> something that takes steps and returns how many a second."""
BURSTS = 20


def main(argv: list[str] | None = None) -> int:
    """Measure, and print what came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description="Ratios of speeds.")
    parser.add_argument("part", choices=sorted(PARTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args(argv)
    contest, pairs = PARTS[options.part]()
    paces = raced(contest, options.rounds)
    found = {f"{one} / {other}": ratio(paces[one], paces[other]) for one, other in pairs}
    print(json.dumps(found) if options.json else "\n".join(f"{name}: {x:.3g}" for name, x in found.items()))
    return 0


def raced(contest: Contest, rounds: int) -> dict[str, list[float]]:
    """Let all take turns; a round before is not counted, as it imports, allocates and draws."""
    found: dict[str, list[float]] = {name: [] for name in contest}
    for number in range(rounds + 1):
        for name, run in contest.items():
            pace = run()
            if number:
                found[name].append(pace)
    return found


def ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the rounds' ratios."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))


def envs() -> tuple[Contest, list[tuple[str, str]]]:
    """Batches of 256 beside gymnasium's own vector CartPole, which nothing of ours can slow."""
    import gymnasium

    import envs
    from sandbox.commands.bench_envs.contestants import batch, vector

    entries = {entry.name: entry for entry in envs.listing()}
    theirs = gymnasium.make_vec("CartPole-v1", num_envs=256, vectorization_mode="vector_entry_point")
    contest = {"gymnasium": _stepping(*vector(theirs, 0), calls=50)}
    for name, seen, calls in (("CartPole", "features", 50), ("CartPole", "pixels", 8),
                              ("Snake", "features", 20), ("Snake", "pixels", 10)):  # fmt: skip
        contest[f"{name} {seen}"] = _stepping(*batch(entries[name], 256, seen, 0), calls=calls)
    return contest, [(name, "gymnasium") for name in contest if name != "gymnasium"]


def _stepping(run: Callable[[int], None], steps: int, calls: int) -> Callable[[], float]:
    def burst() -> float:
        before = time.perf_counter()
        run(calls)
        return calls * steps / (time.perf_counter() - before)

    return lambda: max(burst() for _ in range(BURSTS))


def agents() -> tuple[Contest, list[tuple[str, str]]]:
    """Our PPO and DQN on CartPole beside stock SB3's, from nothing, for some steps."""
    import stable_baselines3
    import torch

    from agents import DQN
    from agents.bench.training import ours_like_zoo, ours_tuned, stock

    torch.set_num_threads(1)
    some: dict[str, Any] = {"learning_starts": 64, "train_freq": 4, "batch_size": 64, "buffer_size": 10_000,
                            "seed": 0, "device": "cpu"}  # fmt: skip
    learners: dict[str, tuple[Callable[[], Any], int]] = {
        "SB3 PPO": (lambda: stock(0, 0), 2048),
        "PPO": (lambda: ours_like_zoo(0, 0), 4096),
        "PPO, tuned": (lambda: ours_tuned(0, 100_000), 20_480),
        "SB3 DQN": (lambda: stable_baselines3.DQN("MlpPolicy", "CartPole-v1", **some), 1500),
        "DQN": (lambda: DQN("MlpPolicy", "Sandbox/CartPole-v0", **some), 3000),
    }
    contest = {name: _learning(make, steps) for name, (make, steps) in learners.items()}
    return contest, [("PPO", "SB3 PPO"), ("PPO, tuned", "SB3 PPO"), ("DQN", "SB3 DQN")]


def _learning(make: Callable[[], Any], steps: int) -> Callable[[], float]:
    def run() -> float:
        agent = make()
        before = time.process_time()
        agent.learn(steps)
        return agent.num_timesteps / (time.process_time() - before)

    return run


PARTS = {"envs": envs, "agents": agents}

if __name__ == "__main__":
    raise SystemExit(main())
