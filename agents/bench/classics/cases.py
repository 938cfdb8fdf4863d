"""What is trained: a task, an algorithm, and who else has tuned settings for the two."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agents.bench.judge import Rules
from agents.config import AgentConfig
from agents.names import task_of
from agents.resolve import resolve_config
from agents.simulators.from_id import find_spec, is_batch

EPISODES, FEW = 100, 20
"""of a look, and of one where single environments make it slow"""
LOOKS = 50
"""evaluations of a training"""


@dataclass(frozen=True)
class Case:
    """One line of `bench classics`."""

    name: str
    """what `--only` calls it"""
    env: str
    """short name: ours learn on the batched twin, stock ones on gymnasium's own"""
    algo: str
    goal: float | None = None
    """mean return to be reached, where none is registered"""
    steps: int | None = None
    """environment steps, where they are not the preset's"""
    stock: bool = True
    """rl-baselines3-zoo has settings for it"""

    def config(self, engine: str, seed: int, shorter: int) -> AgentConfig:
        """The whole training, without an early end.

        Args:
            engine: "ours" or "SB3".
            seed: decides everything that is random.
            shorter: divides the steps.
        """
        algo = self.algo if engine == "ours" else f"sb3-{self.algo}"
        changes = {"algo": algo, "seed": seed, "device": "cpu", "threads": 1, "early_stop": False}
        if self.goal is not None:
            changes["threshold"] = self.goal
        if self.steps is not None and engine == "ours":
            changes["steps"] = self.steps
        config = resolve_config(self.env, changes)
        return replace(config, steps=max(config.steps // shorter, 1))

    def rules(self, config: AgentConfig, shorter: int) -> Rules:
        """How that training is judged: on our twin of the task, where there is one, whoever learned."""
        del shorter
        twin = task_of(config.env.rpartition("-v")[0])[1]
        episodes = EPISODES if is_batch(find_spec(twin)) else FEW
        return Rules(twin, max(config.steps // LOOKS, 1), episodes)


CASES = (
    Case("cartpole-ppo", "CartPole", "ppo"),
    Case("cartpole-dqn", "CartPole", "dqn"),
    Case("mountaincar-ppo", "MountainCar", "ppo"),
    Case("mountaincar-dqn", "MountainCar", "dqn"),
    Case("acrobot-ppo", "Acrobot", "ppo"),
    Case("acrobot-dqn", "Acrobot", "dqn"),
    Case("pendulum-ppo", "Pendulum", "ppo", goal=-160),
    Case("pendulum-dqn", "Pendulum", "dqn", goal=-160, stock=False),
    Case("mountaincarcontinuous-ppo", "MountainCarContinuous", "ppo"),
    Case("lunarlander-ppo", "LunarLander", "ppo"),
    Case("lunarlander-dqn", "LunarLander", "dqn", steps=25_000),  # each of them four of the lander's
    Case("lunarlander-dqn-500k", "LunarLander", "dqn", goal=250, stock=False),
)
