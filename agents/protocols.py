"""What agents and runs know of each other: an agent says that it has learned, and a run looks at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

import torch
from gymnasium import Space
from stable_baselines3.common.logger import Logger

from sandbox.nn.backbone import Backbone
from sandbox.nn.transfer import Transfer
from sandbox.ui.actor import Actor

from .simulators import Simulator


class AnyPolicy(Protocol):
    """The weights that act."""

    def state_dict(self) -> dict[str, Any]:
        """As torch's."""
        ...

    def load_state_dict(self, state_dict: Mapping[str, Any], /) -> object:
        """As torch's; raises KeyError or RuntimeError for weights of another network."""
        ...


class AnyAgent(Protocol):
    """One of our algorithms, or a stock one that is wrapped: what learns, is evaluated, filmed and kept."""

    verbose: int

    @property
    def policy(self) -> AnyPolicy:
        """What acts; see `agents.evaluate.evaluate`."""
        ...

    @property
    def backbone(self) -> Backbone | None:
        """What it sees through; None where it sees no pictures, or through other eyes."""
        ...

    @property
    def moved(self) -> Transfer | None:
        """What came over from a trained backbone."""
        ...

    @property
    def simulator(self) -> Simulator:
        """The environments that it learns on."""
        ...

    @property
    def observation_space(self) -> Space[Any]:
        """Of one environment."""
        ...

    @property
    def action_space(self) -> Space[Any]:
        """Of one environment."""
        ...

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        ...

    @property
    def num_timesteps(self) -> int:
        """Environment steps so far."""
        ...

    @property
    def ep_info_buffer(self) -> Iterable[dict[str, Any]] | None:
        """The last episodes: return "r" and length "l" each."""
        ...

    @property
    def logger(self) -> Logger:
        """SB3's."""
        ...

    def set_logger(self, logger: Logger) -> None:
        """As in SB3."""
        ...

    def learn(self, total_timesteps: int, *, reset_num_timesteps: bool = True, run: AnySession) -> object:
        """Learn for so many environment steps, and tell `run` after each update."""
        ...

    def actor(self, name: str) -> Actor:
        """Somebody for `watch` and for videos."""
        ...

    def training_state(self) -> dict[str, Any]:
        """Everything that is kept for a resume."""
        ...

    def load_training_state(self, state: dict[str, Any]) -> list[str]:
        """Continue from there; one sentence for each thing that starts anew."""
        ...

    def load_policy(self, state: dict[str, Any], step: int) -> None:
        """Take only the policy of such a state, to act."""
        ...


@runtime_checkable
class AnySession(Protocol):
    """What `learn` reports to: entered before the first update and left after the last."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def after_update(self, agent: AnyAgent) -> bool:
        """Look at the agent between two updates; False ends training."""
        ...
