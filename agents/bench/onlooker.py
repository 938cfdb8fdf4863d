"""Who looks on while an agent learns, and never on its time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

from agents.bench.stopwatch import Stopwatch
from agents.config import AgentConfig
from agents.session import NoSession, evaluator
from agents.simulators import Simulator
from sandbox.nn.session import due

if TYPE_CHECKING:
    from agents.protocols import AnyAgent


class Onlooker(NoSession, ABC):
    """Stops the clock between two updates and looks at the agent now and then.

    Args:
        config: of the training.
        env: id of the environment to look at it in.
        every: environment steps from one look to the next.
    """

    def __init__(self, config: AgentConfig, env: str, every: int) -> None:
        self.config, self.env, self.clock = config, env, Stopwatch()
        self._every, self._before = every, 0
        self._simulators: dict[int, Simulator] = {}

    def __enter__(self) -> Self:
        self.clock.go()
        return self

    def __exit__(self, *_: object) -> None:
        self.clock.halt()
        for simulator in self._simulators.values():
            simulator.close()

    def after_update(self, agent: AnyAgent) -> bool:
        """Look at the agent where that is due; False ends its training."""
        self.clock.halt()
        now = agent.num_timesteps
        if due(self._before, now, self._every):
            self.look(agent, now)
        self._before = now
        self.clock.go()
        return self.goes_on()

    def goes_on(self) -> bool:
        """Whether training does; it always does, unless a subclass has seen enough."""
        return True

    @abstractmethod
    def look(self, agent: AnyAgent, steps: int) -> None:
        """See how good the agent is after so many environment steps."""

    def simulator(self, episodes: int) -> Simulator:
        """The environments for that many episodes; made once, closed in the end."""
        if episodes not in self._simulators:
            self._simulators[episodes] = evaluator(self.config, self.env, episodes)
        return self._simulators[episodes]
