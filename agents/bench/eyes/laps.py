"""Turns of training, and the bare passes through the network that they cannot do without."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from statistics import median
from typing import Any, NamedTuple, Self

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import Tensor, nn

from agents.bench.command import middle
from agents.bench.stopwatch import Stopwatch

from .contests import EVERY, N_ENVS, OFF_POLICY, ON_POLICY, UPDATES, Contest

Row = dict[str, Any]


class Lap(NamedTuple):
    """A turn of one side."""

    steps: float
    wall: float
    """seconds"""
    cpu: float
    """seconds"""


ORDER = ("ours", "SB3", "SB3", "ours")
"""turns of a round; what slows the machine down steadily slows both"""


def measure(contest: Contest, rounds: int, device: str, threads: int = 1, shorter: int = 1) -> Row:
    """Let both learn in turns; steps per second of each round, and of the bare network in between.

    Args:
        contest: what is raced.
        rounds: of four turns each.
        device: "cpu", "cuda", …
        threads: torch's, on the CPU.
        shorter: divides the length of a turn.

    Returns:
        "ours", "SB3", "bound": (rounds,) steps per second; "ratios": (rounds,) ours over SB3's, and
        "CPU_ratios" by CPU seconds; "cpu_over_wall" of all turns.
    """
    turn = max(contest.turn // shorter, 1)
    found: Row = {name: [] for name in ("ours", "SB3", "bound", "ratios", "CPU_ratios")}
    wall = cpu = 0.0
    with Racer("ours") as ours, Racer("SB3") as stock:
        racers = {"ours": ours, "SB3": stock}
        for racer in racers.values():  # the buffers filled, every kernel chosen
            racer.begin(contest, device, threads)
            racer.learn(turn + OFF_POLICY["learning_starts"] * (contest.algo == "dqn"))
        passes = Passes(contest, torch.device(device))
        passes.steps_per_second()
        for _ in range(rounds):
            laps: dict[str, list[Lap]] = {name: [] for name in racers}
            for name in ORDER:
                laps[name].append(racers[name].learn(turn))
            sums = {name: [sum(part) for part in zip(*each, strict=True)] for name, each in laps.items()}
            speeds = {name: steps / seconds for name, (steps, seconds, _) in sums.items()}
            for name, speed in {**speeds, "bound": passes.steps_per_second()}.items():
                found[name].append(speed)
            found["ratios"].append(speeds["ours"] / speeds["SB3"])
            by_cpu = {name: steps / seconds for name, (steps, _, seconds) in sums.items()}
            found["CPU_ratios"].append(by_cpu["ours"] / by_cpu["SB3"])
            wall += sum(seconds for _, seconds, _ in sums.values())
            cpu += sum(seconds for _, _, seconds in sums.values())
    return {**found, "cpu_over_wall": cpu / wall}


class Racer:
    """One side in a process of its own, which waits while it is not its turn.

    What one engine does to its process (its allocator, its threads) shall neither help nor hinder the other.

    Args:
        engine: "ours" or "SB3".
    """

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self._process = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.shutdown()

    def begin(self, contest: Contest, device: str, threads: int) -> None:
        """Make the agent. Raises what goes wrong over there."""
        self._process.submit(_begin, self.engine, contest, device, threads).result()

    def learn(self, steps: int) -> Lap:
        """At least so many steps more."""
        return self._process.submit(_learn, steps).result()


_here: list[BaseAlgorithm] = []
"""the agent of this process"""


def _begin(engine: str, contest: Contest, device: str, threads: int) -> None:
    torch.set_num_threads(threads)
    _here.append(contest.ours(device) if engine == "ours" else contest.stock(device))


def _learn(steps: int) -> Lap:
    (agent,) = _here
    before, clock = agent.num_timesteps, Stopwatch()
    clock.go()
    agent.learn(steps, log_interval=None, reset_num_timesteps=before == 0)  # type: ignore[arg-type]
    _wait(agent.device)
    clock.halt()
    return Lap(agent.num_timesteps - before, clock.wall, clock.cpu)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Passes:
    """The forward and backward passes that an algorithm needs, and nothing else: no library is faster.

    Args:
        contest: whose network and batches.
        device: where.
    """

    def __init__(self, contest: Contest, device: torch.device) -> None:
        self.device, self.off_policy = device, contest.algo == "dqn"
        seen = contest.observation_space()
        self.network: nn.Module = contest.network(seen).to(device)
        shape = seen.shape
        size = (OFF_POLICY if self.off_policy else ON_POLICY)["batch_size"]
        assert shape is not None
        self.seen = torch.rand(N_ENVS, *shape, device=self.device)
        self.batch = torch.rand(size, *shape, device=self.device)

    def steps_per_second(self) -> float:
        """Environment steps, if nothing but the network took time."""
        acting, learning = self._median(self._act), self._median(self._learn)
        if self.off_policy:
            return EVERY / (acting * EVERY / N_ENVS + UPDATES * learning)
        steps = N_ENVS * ON_POLICY["n_steps"]
        minibatches = ON_POLICY["n_epochs"] * -(-steps // ON_POLICY["batch_size"])
        return steps / (ON_POLICY["n_steps"] * acting + minibatches * learning)

    def _act(self) -> None:
        with torch.inference_mode():
            self.network(self.seen)

    def _learn(self) -> None:
        if self.off_policy:
            with torch.no_grad():  # the target network on what came next
                self.network(self.batch)
        out: Tensor = self.network(self.batch)
        out.square().mean().backward()
        self.network.zero_grad()

    def _median(self, run: Callable[[], None], times: int = 20) -> float:
        found = []
        for _ in range(times):
            started = time.perf_counter()
            run()
            _wait(self.device)
            found.append(time.perf_counter() - started)
        return median(found)


def row_of(contest: Contest, found: Row, device: str) -> Row:
    """What the table shows of a contest: medians over its rounds."""
    speeds = {name: middle(found[name]) for name in ("ours", "SB3", "bound")}
    return {
        "environment": contest.env,
        "algorithm": contest.algo.upper(),
        "network": contest.eyes,
        "device": device,
        "ours_steps_per_second": speeds["ours"],
        "SB3_steps_per_second": speeds["SB3"],
        "bare_network": speeds["bound"],
        "times_SB3_speed": middle(found["ratios"]),
        "asked_on_a_CPU": contest.asked,
        "cpu_over_wall": found["cpu_over_wall"],
    }
