"""Turns of training, and the bare passes through the network that they cannot do without."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import Tensor, nn

from agents.bench.command import middle
from agents.bench.stopwatch import Stopwatch

from .contests import EVERY, N_ENVS, OFF_POLICY, ON_POLICY, UPDATES, Contest

Row = dict[str, Any]
ORDER = ("ours", "SB3", "SB3", "ours")
"""turns of a round; what slows the machine down steadily slows both"""


def measure(contest: Contest, rounds: int, device: str, shorter: int = 1) -> Row:
    """Let both learn in turns; steps per second of each round, and of the bare network in between.

    Args:
        contest: what is raced.
        rounds: of four turns each.
        device: "cpu", "cuda", …
        shorter: divides the length of a turn.

    Returns:
        "ours", "SB3", "bound": (rounds,) steps per second; "ratios": (rounds,) ours over SB3's, and
        "CPU_ratios" by CPU seconds; "cpu_over_wall" of all turns.
    """
    agents = {"ours": contest.ours(device), "SB3": contest.stock(device)}
    turn = max(contest.turn // shorter, 1)
    try:
        for agent in agents.values():  # the buffers filled, every kernel chosen
            agent.learn(turn + OFF_POLICY["learning_starts"] * (contest.algo == "dqn"), log_interval=None)
        passes = Passes(contest, agents["SB3"])
        passes.steps_per_second()
        found: Row = {name: [] for name in ("ours", "SB3", "bound", "ratios", "CPU_ratios")}
        wall = cpu = 0.0
        for _ in range(rounds):
            clocks = {name: Stopwatch() for name in agents}
            steps = dict.fromkeys(agents, 0)
            for name in ORDER:
                before = agents[name].num_timesteps
                _learn(agents[name], turn, clocks[name])
                steps[name] += agents[name].num_timesteps - before
            speeds = {name: steps[name] / clock.wall for name, clock in clocks.items()}
            for name, speed in {**speeds, "bound": passes.steps_per_second()}.items():
                found[name].append(speed)
            found["ratios"].append(speeds["ours"] / speeds["SB3"])
            by_cpu = {name: steps[name] / clock.cpu for name, clock in clocks.items()}
            found["CPU_ratios"].append(by_cpu["ours"] / by_cpu["SB3"])
            wall += sum(clock.wall for clock in clocks.values())
            cpu += sum(clock.cpu for clock in clocks.values())
    finally:
        for agent in agents.values():
            assert agent.env is not None
            agent.env.close()
    return {**found, "cpu_over_wall": cpu / wall}


def _learn(agent: BaseAlgorithm, steps: int, clock: Stopwatch) -> None:
    """So many steps more, on the clock."""
    clock.go()
    agent.learn(steps, log_interval=None, reset_num_timesteps=False)  # type: ignore[arg-type]
    _wait(agent.device)
    clock.halt()


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Passes:
    """The forward and backward passes that an algorithm needs, and nothing else: no library is faster.

    Args:
        contest: whose network and batches.
        agent: whose device and spaces.
    """

    def __init__(self, contest: Contest, agent: BaseAlgorithm) -> None:
        self.device, self.off_policy = agent.device, contest.algo == "dqn"
        self.network: nn.Module = contest.network(agent, agent.device)
        shape = agent.observation_space.shape
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
