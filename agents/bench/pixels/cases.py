"""What is trained from pixels, until when, and how stock SB3 is trained beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agents.bench.judge import Rules
from agents.config import AgentConfig
from agents.resolve import resolve_config
from agents.stock.zoo import ATARI

LIMIT_S = 900.0
"""seconds of training after which it ends, reached or not"""
STOCK_EVERY = 20_000
"""environment steps between two looks at a stock agent, whose preset does not say"""


@dataclass(frozen=True)
class PixelCase:
    """One line of `bench pixels`."""

    env: str
    """short name; it shows its pixels"""
    algo: str
    goal_s: float = LIMIT_S
    """seconds of training in which the threshold is to be reached"""
    stock: bool = False
    """SB3 is raced too, with rl-baselines3-zoo's settings for Atari"""

    @property
    def name(self) -> str:
        """What `--only` calls it."""
        return f"{self.env.lower()}-{self.algo}"

    def config(self, engine: str, seed: int, shorter: int) -> AgentConfig:
        """The whole training: the preset's, or SB3 with the zoo's settings on as many threads.

        Args:
            engine: "ours" or "SB3".
            seed: decides everything that is random.
            shorter: divides the steps.
        """
        changes = {"algo": self.algo, "seed": seed, "device": "cpu", "early_stop": False}
        config = resolve_config(self.env, changes, env_args={"obs": "pixels"})
        if engine != "ours":
            algo = f"sb3-{self.algo}"
            zoo = {name: value for name, value in ATARI[algo].items() if name != "settings"}
            changes |= {"algo": algo, "policy": "CnnPolicy", "threads": config.threads, **zoo}
            config = resolve_config(self.env, changes, env_args={"obs": "pixels"})
            settings = type(config.settings)(**ATARI[algo]["settings"])
            config = replace(config, settings=settings, eval_every=STOCK_EVERY)
        steps = max(config.steps // shorter, 1)
        return replace(config, steps=steps, eval_every=min(config.eval_every, steps))

    def rules(self, config: AgentConfig, shorter: int) -> Rules:
        """As `train-agent` evaluates; a confirmed threshold, or the limit, ends the training."""
        limit_s = LIMIT_S / shorter
        return Rules(config.train_env, config.eval_every, config.eval_episodes, True, limit_s)


CASES = (
    PixelCase("Catch", "ppo", goal_s=30.0),
    PixelCase("Catch", "dqn", goal_s=30.0),
    PixelCase("Snake", "ppo"),
    PixelCase("Snake", "dqn"),
    PixelCase("Pong", "ppo", stock=True),
    PixelCase("Pong", "dqn", stock=True),
    PixelCase("Breakout", "ppo"),
    PixelCase("Breakout", "dqn"),
    PixelCase("CartPole", "ppo"),
    PixelCase("CartPole", "dqn"),
)
