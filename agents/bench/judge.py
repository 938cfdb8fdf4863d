"""The referee of trainings: the same for our agents and for stock ones, and never on their time."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agents.bench.onlooker import Onlooker
from agents.build import build_agent
from agents.config import AgentConfig
from agents.evaluate import evaluate
from agents.session import final_evaluation
from sandbox.core.seeding import derive_seed

if TYPE_CHECKING:
    from agents.protocols import AnyAgent

CONFIRMATION = 100
"""fresh episodes that confirm a threshold, and episodes of the last evaluation"""
FIRST_SEED = 10_000
"""The last evaluation's 100 episodes begin with gymnasium's seeds 10 000 to 10 099, for everybody."""


@dataclass(frozen=True)
class Rules:
    """How a training is judged."""

    env: str
    """id of the environment that the agent is looked at in"""
    every: int
    """environment steps from one look to the next"""
    episodes: int
    """greedy ones of a look"""
    stop_when_reached: bool = False
    """a confirmed threshold ends the training"""
    limit_s: float | None = None
    """seconds of training, after which it ends in any case"""
    success: float | None = None
    """return above which an episode of the last evaluation is a success; None: there is no such thing"""


class Judge(Onlooker):
    """Looks on while an agent learns: greedy episodes now and then in its training, off the clock.

    They are the same ones each time: the best weights shall not be those with the luckiest starts. A mean at
    the threshold is confirmed on 100 fresh episodes; the weights with the best mean are kept,
    of equal ones the last.
    """

    def __init__(self, config: AgentConfig, rules: Rules) -> None:
        super().__init__(config, rules.env, rules.every)
        self.rules = rules
        self.curve: list[tuple[int, float, float]] = []
        """(steps, training seconds, mean return) of every evaluation"""
        self.reached: tuple[int, float] | None = None
        """(steps, training seconds) when the threshold was reached"""
        self.best: dict[str, Any] | None = None

    def look(self, agent: AnyAgent, steps: int) -> None:
        mean = self._mean(agent, self.rules.episodes, "look", 0)
        if self.best is None or mean >= max(score for _, _, score in self.curve):
            self.best = deepcopy(agent.policy.state_dict())
        self.curve.append((steps, self.clock.wall, mean))
        if (
            self.reached is None
            and self._passes(mean)
            and self._passes(self._mean(agent, CONFIRMATION, "confirmation", steps))
        ):
            self.reached = steps, self.clock.wall

    def goes_on(self) -> bool:
        if self.rules.stop_when_reached and self.reached is not None:
            return False
        return self.rules.limit_s is None or self.clock.wall < self.rules.limit_s

    def _passes(self, mean: float) -> bool:
        return self.config.threshold is not None and mean >= self.config.threshold

    def _mean(self, agent: AnyAgent, episodes: int, purpose: str, moment: int) -> float:
        seed = derive_seed(self.config.seed, purpose, moment)
        return evaluate(agent.policy, self.simulator(episodes), episodes, seed).mean  # type: ignore[arg-type]


def measure(config: AgentConfig, rules: Rules) -> dict[str, Any]:
    """Train an agent to its end; what came of it, as JSON values.

    "best_return" is that of the weights with the best look, or of those that ended the training.
    """
    agent = build_agent(config)
    judge = Judge(config, rules)
    try:
        agent.learn(config.steps, run=judge)
        best = last = final_evaluation(agent, config, CONFIRMATION, FIRST_SEED)
        confirmed = rules.stop_when_reached and judge.reached is not None
        if judge.best is not None and not confirmed:
            agent.policy.load_state_dict(judge.best)
            best = final_evaluation(agent, config, CONFIRMATION, FIRST_SEED)
    finally:
        agent.simulator.close()
    steps, seconds = judge.reached or (None, None)
    return {
        "best_return": best.mean,
        "last_return": last.mean,
        "success": None if rules.success is None else float((best.returns > rules.success).mean()),
        "steps": agent.num_timesteps,
        "training_seconds": judge.clock.wall,
        "cpu_seconds": judge.clock.cpu,
        "steps_to_threshold": steps,
        "seconds_to_threshold": seconds,
        "reached": judge.reached is not None,
        "cpu_over_wall": judge.clock.cpu / judge.clock.wall,
        "curve": [[count, round(at, 3), round(mean, 2)] for count, at, mean in judge.curve],
    }
