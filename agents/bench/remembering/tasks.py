"""Tasks that ask for memory, and who is trained on them with which settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from agents.bench.judge import Rules
from agents.config import AgentConfig
from agents.names import task_of
from agents.policy_names import remembers
from agents.presets import preset
from agents.resolve import resolve_config

Algo = Literal["ppo", "dqn"]
Agent = Literal["memory", "memoryless", "contrib"]
ALGOS: tuple[Algo, ...] = ("ppo", "dqn")
AGENTS: tuple[Agent, ...] = ("memory", "memoryless", "contrib")
RIGHT_ARM = 0.005
"""Return above which TMaze's walker was in the right arm: 1 less a hundredth for each of at most `length` - 1
bumps; the wrong one pays nothing."""
GOAL = 0.9
"""Return above which the goal of Rooms was found: 1; both keys and doors together are 0.8."""


@dataclass(frozen=True)
class Task:
    """One task of `bench memory`."""

    name: str
    """what `--tasks` calls it"""
    env: str
    """short name or id"""
    threshold: float
    """mean return that counts as learned"""
    env_args: Mapping[str, Any] = field(default_factory=dict)
    wrap: tuple[str, ...] | None = None
    """around the environment, for everybody; None: the preset's, but for stacks of frames"""
    stacked: tuple[str, ...] = ()
    """around that, for the agent without memory"""
    algos: tuple[Algo, ...] = ALGOS
    success: float | None = None
    """return above which an episode is one; None: there is no such thing"""
    asked: str = ""
    """what the table shows beside the results; left out: the threshold"""
    stops: bool = True
    """training ends with a confirmed threshold, unless there is no memory; else it uses its steps"""
    contrib: Literal["no", "zoo", "ours"] = "no"
    """whose settings sb3-contrib's recurrent PPO gets"""

    @property
    def sees(self) -> Literal["Mlp", "Cnn"]:
        """How names of policies for it begin."""
        return "Cnn" if self.env_args.get("obs") == "pixels" else "Mlp"


@dataclass(frozen=True)
class Trial:
    """Somebody to be trained on a task."""

    task: Task
    algo: Algo
    agent: Agent

    @property
    def name(self) -> str:
        """For people who wait."""
        return f"{self.task.name}, {self.algo.upper()}, {self.agent}"

    def config(self, seed: int, shorter: int = 1) -> AgentConfig:
        """The whole training; those without our memory get as many steps, and as many looks, as the one with.

        Args:
            seed: decides everything that is random.
            shorter: divides the steps.

        Raises:
            MissingExtra: a package that it needs is not installed.
        """
        config = memory = self._with_memory(seed)
        if self.agent != "memory":
            config = self._memoryless(memory) if self.agent == "memoryless" else self._contrib(memory)
        steps = max(memory.steps // shorter, 1)
        every, episodes = min(memory.eval_every, steps), memory.eval_episodes
        return replace(config, steps=steps, eval_every=every, eval_episodes=episodes)

    def rules(self, config: AgentConfig, limit_s: float) -> Rules:
        """How that training is judged: on our twin of the task, where there is one, whoever learned.

        Args:
            config: of the training.
            limit_s: seconds of training, after which it ends in any case.
        """
        stops = self.task.stops and self.agent != "memoryless"
        looked_at = task_of(self.task.env)[1]
        return Rules(looked_at, config.eval_every, config.eval_episodes, stops, limit_s, self.task.success)

    def _with_memory(self, seed: int) -> AgentConfig:
        """Our preset for the task, with the memory that it names, and single frames."""
        wrap = self.task.wrap
        tuned = self._tuned("gru", wrap or ())
        if wrap is None:
            wrap = tuple(name for name in tuned.get("wrap", ()) if not name.startswith("frame_stack"))
        memory = tuned.get("policy", "")
        policy = memory if remembers(memory) else "gru"
        return self._resolved({"algo": self.algo, "policy": policy, "seed": seed, "wrap": [*wrap]})

    def _memoryless(self, memory: AgentConfig) -> AgentConfig:
        """Our preset for the task without memory; where there is none, the settings of the one with."""
        wrap = [*memory.wrap, *self.task.stacked]
        policy = f"{self.task.sees}Policy"
        changes = {"algo": self.algo, "policy": policy, "seed": memory.seed, "wrap": wrap}
        return self._resolved({**changes, "steps": memory.steps})

    def _tuned(self, policy: str, wrap: Sequence[str]) -> Mapping[str, Any]:
        """Our preset for the task, as `resolve_config` finds it."""
        task, ours = task_of(self.task.env)
        return preset(
            self.algo, ours if "obs" in self.task.env_args else task, self.task.env_args, wrap, policy
        )

    def _contrib(self, memory: AgentConfig) -> AgentConfig:
        """sb3-contrib's, with rl-baselines3-zoo's settings for the task, or ours as far as it has them."""
        changes = {
            "algo": "sb3-ppo-lstm",
            "policy": f"{self.task.sees}LstmPolicy",
            "seed": memory.seed,
            "steps": memory.steps,
            "wrap": memory.wrap,
            "threads": memory.threads,
        }
        config = self._resolved(changes)
        if self.task.contrib == "zoo":
            return config
        ours, theirs = memory.settings, config.settings
        shared = {part.name for part in fields(ours)} & {part.name for part in fields(theirs)}
        values = {name: getattr(ours, name) for name in shared}
        sizes = {"lstm_hidden_size": ours.memory_size, "n_lstm_layers": ours.memory_layers}  # type: ignore
        return replace(config, envs=memory.envs, settings=replace(theirs, **values, **sizes))

    def _resolved(self, changes: dict[str, Any]) -> AgentConfig:
        fixed = {"device": "cpu", "early_stop": False, "threshold": self.task.threshold}
        return resolve_config(self.task.env, {**changes, **fixed}, env_args=self.task.env_args)


def _tmaze(length: int) -> Task:
    features = {"obs": "features", "length": length}
    asked = "95 % right"
    return Task(
        f"tmaze-{length}", "TMaze", 0.95, features, (), success=RIGHT_ARM, asked=asked, contrib="ours"
    )


_PIXELS: Mapping[str, Any] = {"obs": "pixels"}
_MASK = ("mask_velocity",)

TASKS = (
    _tmaze(10),
    _tmaze(50),
    _tmaze(100),
    Task("tmaze-pixels-10", "TMaze", 0.95, {**_PIXELS, "length": 10}, success=RIGHT_ARM, asked="95 % right"),
    Task("cartpole", "CartPole", 475, wrap=_MASK, asked="500", stops=False, contrib="zoo"),
    Task("pendulum", "Pendulum", -200, wrap=_MASK, algos=("ppo",), stops=False, contrib="zoo"),
    Task("lunarlander", "LunarLander", 200, wrap=_MASK, stops=False, contrib="zoo"),
    Task("mountaincar", "MountainCarContinuous", 90, wrap=_MASK, algos=("ppo",), stops=False, contrib="zoo"),
    Task("cartpole-pixels", "CartPole", 475, _PIXELS),
    Task("pong-flicker", "Pong", 17, _PIXELS, ("resize:20", "flicker:0.5"), ("frame_stack:4",)),
    Task("rooms", "Rooms", 1.5, _PIXELS, success=GOAL),
    Task("maze3d", "Maze3D", 1.2, _PIXELS),
)


def trials(task: Task, algos: tuple[Algo, ...], agents: tuple[Agent, ...]) -> list[Trial]:
    """Who is trained on a task, of those that are asked for: sb3-contrib has only PPO with a memory."""
    return [
        Trial(task, algo, agent)
        for algo in task.algos
        for agent in AGENTS
        if algo in algos
        and agent in agents
        and (agent != "contrib" or (algo == "ppo" and task.contrib != "no"))
    ]
