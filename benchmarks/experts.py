"""What random actions and the scripted experts reach: ``python -m benchmarks.experts [--only NAME…]``.

Every environment is played with its default arguments until `--episodes` episodes have ended, by random
actions and by its expert. The results are kept in ``benchmarks/results/experts.json`` (those that were not
measured this time stay), and the table of docs/environments.md is written from them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

import envs
from agents.listing import space_text
from benchmarks.tables import update
from envs import Array, BatchedEnv, Entry
from sandbox.core.files import write_atomically
from sandbox.core.manifest import describe

REPOSITORY = Path(__file__).resolve().parents[1]
RESULTS = REPOSITORY / "benchmarks" / "results" / "experts.json"
DOCUMENT = REPOSITORY / "docs" / "environments.md"
AT_ONCE = 250

Player = Callable[[Array, dict[str, Any]], Array]
"""From observations and the memory that `Task.expert` describes to actions."""


def main(argv: list[str] | None = None) -> int:
    """Measure, keep the results, write the table."""
    options = _options(argv)
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"environments": {}}
    for entry in envs.listing():
        if not options.only or entry.name in options.only:
            known["environments"][entry.name] = measured(entry, options.episodes, options.seed)
            print(entry.name, _line(known["environments"][entry.name]), file=sys.stderr)
    made = describe(["python", "-m", "benchmarks.experts"])
    record = {"schema": "sandbox.experts/1", "made": made, "environments": known["environments"]}
    write_atomically(RESULTS, json.dumps(record, indent=1) + "\n")
    document = update(DOCUMENT.read_text(encoding="utf-8"), "experts", table(record["environments"]))
    write_atomically(DOCUMENT, document)
    return 0


def measured(entry: Entry, episodes: int, seed: int) -> dict[str, Any]:
    """Mean and standard deviation of the returns of either player, over so many episodes."""
    players = {"random": random_player, "expert": lambda env, _seed: env.expert}
    found: dict[str, Any] = {"episodes": episodes, "seed": seed}
    for name, player in players.items():
        found[name] = summary(returns(entry, player, episodes, seed))
    return found


def random_player(env: BatchedEnv, seed: int) -> Player:
    """Plays whatever is allowed."""
    env.action_space.seed(seed)
    return lambda observation, memory: env.action_space.sample()


def returns(
    entry: Entry, player: Callable[[BatchedEnv, int], Player], episodes: int, seed: int
) -> NDArray[np.float64]:
    """The returns of so many episodes, (episodes,).

    Of each row only the first episode counts: counting later ones would favour short ones.
    """
    found: list[NDArray[np.float64]] = []
    for part, start in enumerate(range(0, episodes, AT_ONCE)):
        num_envs = min(AT_ONCE, episodes - start)
        env = gymnasium.make_vec(entry.id, num_envs=num_envs)
        assert isinstance(env, BatchedEnv)
        found.append(_first_returns(env, player(env, seed + part), seed + part))
    return np.concatenate(found)


def _first_returns(env: BatchedEnv, act: Player, seed: int) -> NDArray[np.float64]:
    observation, _ = env.reset(seed=seed)
    running, total = np.ones(env.num_envs, np.bool_), np.zeros(env.num_envs)
    memory: dict[str, Any] = {"first": running.copy()}
    while running.any():
        observation, reward, terminated, truncated, _ = env.step(act(observation, memory))
        total += reward * running
        memory["first"] = terminated | truncated
        running &= ~memory["first"]
    return total


def summary(values: NDArray[np.float64]) -> dict[str, float]:
    """Mean, standard deviation, and the standard error of the mean."""
    error = float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else 0.0
    return {"mean": float(values.mean()), "std": float(values.std()), "standard_error": error}


def table(measured: Mapping[str, Mapping[str, Any]]) -> str:
    """A line for each environment: what is known about it, and what was measured."""
    columns = ["name", "actions", "observation", "random", "expert", "threshold", "limit", "needs"]
    lines = [columns, ["---"] * len(columns)]
    for entry in envs.listing():
        env = gymnasium.make_vec(entry.id, num_envs=1)
        assert isinstance(env, BatchedEnv)
        offered = {"features": env.feature_space, "pixels": env.pixel_space}
        known = measured.get(entry.name)
        means = [_number(known[who]["mean"]) if known else "–" for who in ("random", "expert")]
        shown = " or ".join(space_text(offered[obs]) for obs in entry.observations)
        limits = [_number(entry.reward_threshold), str(env.max_episode_steps or "none")]
        needs = ", ".join(entry.needs) or "–"
        lines.append([f"`{entry.name}`", _actions(env), shown, *means, *limits, needs])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _actions(env: BatchedEnv) -> str:
    named = env.controls is not None and env.controls.actions
    return ", ".join(env.controls.actions) if env.controls and named else space_text(env.single_action_space)


def _number(value: float) -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}".replace("-", "−")


def _line(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{who} {found[who]['mean']:.4g} ± {found[who]['standard_error']:.2g}"
                     for who in ("random", "expert"))  # fmt: skip


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.experts", description="Measure random actions and the scripted experts."
    )
    names = [entry.name for entry in envs.listing()]
    parser.add_argument("--only", metavar="NAME", nargs="+", choices=names, default=[])
    parser.add_argument("--episodes", type=int, default=1000, help="how many of each (1000)")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(main())
