"""`Agent`: what our algorithms share of SB3's interface.

Environments are in `array_algorithm`, files without pickles in `saved_agent`. Here: callbacks, the log, and
the whole state of training for an exact resume. How an algorithm collects and learns is in its own file.
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

from stable_baselines3.common.callbacks import BaseCallback, ConvertCallback
from stable_baselines3.common.type_aliases import MaybeCallback

from sandbox.nn.device import keep_memory

from .actors import PolicyActor
from .log import log_progress, plain_logger
from .progress import ProgressBar
from .protocols import AnySession
from .saved_agent import Filed
from .settings import Settings
from .state import capture, restore, restore_policy

COMMON = (
    *("learning_rate", "n_envs", "env_kwargs", "wrap", "vec", "policy_kwargs", "stats_window_size"),
    *("tensorboard_log", "verbose", "seed", "device"),
)
"""arguments that the constructors of all algorithms have by these names"""
INTERNAL = frozenset(
    (
        *("contrib_policies", "sb3_policies", "supported_actions", "saved_settings", "settings_class"),
        *("setting", "settings_from_sb3", "counters", "take_counters", "count_step"),
        *("moved", "simulator", "source"),
    )
)
"""public within this package, and for people who write an algorithm; nothing to ask of an agent"""


class Agent(Filed):
    """One of our algorithms, for people and for runs. Subclasses say how to collect and how to learn."""

    settings_class: ClassVar[type[Settings]]
    """the hyperparameters that a run's config holds, for `learn(…, run=True)` and the command line"""
    run: Path | None = None
    """folder of the run that `learn(…, run=True)` wrote last; None where it wrote none"""

    def _init_callback(self, callback: MaybeCallback, progress_bar: bool = False) -> BaseCallback:
        self._watched = callback is not None
        if progress_bar:
            one = callback if isinstance(callback, BaseCallback | list) else ConvertCallback(callback)
            callback = [*(one if isinstance(one, list) else [one]), ProgressBar()]
        return super()._init_callback(callback)

    def _setup_learn(
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        reset_num_timesteps: bool = True,
        tb_log_name: str = "run",
        progress_bar: bool = False,
    ) -> tuple[int, BaseCallback]:
        _ = self.simulator  # raises while there is none
        keep_memory()
        fresh = self._last_obs is None or reset_num_timesteps
        theirs = self._custom_logger
        if not theirs and self.tensorboard_log is None:
            self.set_logger(plain_logger(self.verbose))
        setup = super()._setup_learn(
            total_timesteps, callback, reset_num_timesteps, tb_log_name, progress_bar
        )
        self._custom_logger = theirs
        if fresh:
            self._begin_episodes()
        return setup

    @abstractmethod
    def learn(
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        log_interval: int | None = 1,
        tb_log_name: str = "run",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
        *,
        run: bool | AnySession = False,
    ) -> Self:
        """Learn for at least `total_timesteps` environment steps; `run` as in `PPO.learn`."""

    def dump_logs(self, iteration: int = 0) -> None:
        """Write one row of the log, under SB3's keys."""
        log_progress(self, iteration)

    def __dir__(self) -> list[str]:
        """What people ask of an agent: SB3's interface and ours."""
        return sorted({*super().__dir__()} - INTERNAL)

    def __repr__(self) -> str:
        where = "" if self.source is None else f" on {self.source.env}"
        return f"<{type(self).__name__} {self.policy_name}{where}, {self.num_timesteps:,} steps learned>"

    def actor(self, name: str) -> PolicyActor:
        """Somebody for `watch` and for videos, who takes the most likely action."""
        return PolicyActor(self.policy, name)  # type: ignore[arg-type]

    # The whole state of training

    def training_state(self) -> dict[str, Any]:
        """Everything that decides how training goes on; take it between two updates (see `agents.state`)."""
        return capture(self)

    def load_training_state(self, state: dict[str, Any]) -> list[str]:
        """Continue from `training_state`, on an agent built with the same arguments.

        Call `learn(…, reset_num_timesteps=False)` next: on the CPU, with the same number of threads, it ends
        bit-identical to an agent that was never stopped. Returns one sentence for each thing that could not
        be restored and starts anew; raises CheckpointBroken for the state of another agent.
        """
        return restore(self, state)

    def load_policy(self, state: dict[str, Any], step: int) -> None:
        """Take only the policy of a `training_state`, to act; raises CheckpointBroken as above."""
        restore_policy(self, state, step)

    def _get_torch_save_params(self) -> tuple[list[str], list[str]]:
        return ["policy", "policy.optimizer"], []
