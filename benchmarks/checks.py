"""What `make benchmark-quick` looks at: short commands, and the figures in what they print as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Step = str | Mapping[str, str]


@dataclass(frozen=True)
class Figure:
    """A number that must not get worse."""

    name: str
    where: tuple[Step, ...]
    """The way to it: a key of an object, or what tells a row of a list from the others."""
    better: str
    """higher or lower."""
    tolerance: float
    """How much worse it may be, as a part of what is expected."""

    def of(self, result: Any) -> float | None:
        """Its value in what a command printed; None where it is missing, as what was not reached is."""
        for step in self.where:
            if isinstance(step, str):
                result = result.get(step) if isinstance(result, dict) else None
            else:
                rows = result if isinstance(result, list) else []
                alike = (row for row in rows if all(row.get(key) == value for key, value in step.items()))
                result = next(alike, None)
        return float(result) if isinstance(result, int | float) else None


@dataclass(frozen=True)
class Check:
    """A command, and what is looked at of what it says."""

    name: str
    command: str
    """Words after ``python -m`` and the program; ``--json`` is added."""
    figures: tuple[Figure, ...]
    program: str = "sandbox"
    """The module that is run."""
    needs_data: bool = False
    """Whether it needs the data sets that ``SANDBOX_DATA`` names."""


def _solved(tolerance: float) -> tuple[Figure, ...]:
    """Solved in so many steps. One seed's steps change with every rounding, by tens of percent."""
    return (
        Figure("steps to solve", ("steps",), "lower", tolerance),
        Figure("mean return", ("evaluation", "mean"), "higher", 0.06),
    )


def _remembered(algorithm: str) -> tuple[Figure, ...]:
    row = ("rows", {"task": "tmaze-10", "algorithm": algorithm, "agent": "memory"})
    return (
        Figure("steps to threshold", (*row, "steps_to_threshold"), "lower", 0.8),
        Figure("% right", (*row, "success_percent"), "higher", 0.06),
    )


_TMAZE = "bench memory --tasks tmaze-10 --agents memory --seeds 1"


def _ratios(tolerance: float, *names: str) -> tuple[Figure, ...]:
    return tuple(Figure(name, (name,), "higher", tolerance) for name in names)


CHECKS = (
    Check("cartpole-ppo", "train-agent CartPole --seed 0 --threads 1", _solved(0.9)),
    Check("cartpole-dqn", "train-agent CartPole --algo dqn --seed 0 --threads 1", _solved(0.9)),
    Check("catch-ppo", "train-agent Catch --seed 0 --threads 1", _solved(0.7)),
    *(
        Check(f"tmaze-{name.lower()}", f"{_TMAZE} --algos {name.lower()}", _remembered(name))
        for name in ("DQN", "PPO")
    ),
    Check("cartpole-lstm", "train-agent CartPole --wrap mask_velocity --policy lstm --seed 0 --threads 1",
          _solved(0.9)),
    Check("acrobot-ppo", "train-agent Acrobot --seed 0 --threads 1", _solved(0.9)),
    Check("snake-ppo", "train-agent Snake --steps 200k --no-early-stop --seed 0 --threads 1",
          (Figure("mean return", ("evaluation", "mean"), "higher", 0.7),)),
    Check("digits-classifier", "train-classifier digits --epochs 5 --seed 0 --threads 1",
          (Figure("accuracy", ("evaluation", "accuracy"), "higher", 0.02),)),
    Check("mnist-classifier", "train-classifier mnist --steps 60 --seed 0 --threads 1",
          (Figure("accuracy", ("evaluation", "accuracy"), "higher", 0.01),), needs_data=True),
    Check("digits-autoencoder", "train-generator autoencoder digits --epochs 4 --seed 0 --threads 1",
          (Figure("test mse", ("evaluation", "mse"), "lower", 0.15),)),
    Check("digits-vae", "train-generator vae digits --epochs 4 --seed 0 --threads 1",
          (Figure("elbo", ("evaluation", "elbo"), "higher", 0.1),)),
    Check("digits-ddpm", "train-generator ddpm digits --epochs 4 --seed 0 --threads 1",
          (Figure("noise mse", ("evaluation", "noise_mse"), "lower", 0.15),)),
    Check("mnist-vae", "train-generator vae mnist --steps 600 --seed 0 --threads 1",
          (Figure("elbo", ("evaluation", "elbo"), "higher", 0.03),), needs_data=True),
    Check("mnist-ddpm", "train-generator ddpm mnist --steps 500 --seed 0 --threads 1",
          (Figure("noise mse", ("evaluation", "noise_mse"), "lower", 0.1),), needs_data=True),
    Check("speed-envs", "envs", program="benchmarks.speed", figures=_ratios(
        0.2, *(f"{env} {seen} / gymnasium"
               for env in ("CartPole", "Snake") for seen in ("features", "pixels")))),
    Check("speed-agents", "agents --rounds 3", program="benchmarks.speed", figures=_ratios(
        0.3, "PPO / SB3 PPO", "PPO, tuned / SB3 PPO", "DQN / SB3 DQN")),
)  # fmt: skip
"""Learning has fixed seeds, steps and one thread, so that it hardly varies; of speed only ratios count."""
