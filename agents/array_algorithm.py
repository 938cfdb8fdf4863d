"""`ArrayAlgorithm`: an SB3 algorithm that works on arrays. The one direct subclass of `BaseAlgorithm`.

SB3 gives `predict`, callbacks, the logger, schedules and parameters by name. Here: environments of any make
as one `Simulator`, and what an agent in the middle of training consists of.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.utils import check_for_correct_spaces
from stable_baselines3.common.vec_env import VecEnv, unwrap_vec_normalize

from sandbox.core.errors import UsageError
from sandbox.core.seeding import derive_seed, fresh_seed
from sandbox.nn.device import pick_device

from .episodes import EpisodeStatistics
from .eyes import BackboneExtractor, Sighted, check_extractor
from .infos import successes
from .networks import PolicyState
from .observations import Upload
from .schedules import Schedule, as_schedule
from .simulators import Simulator, Step, as_simulator
from .simulators.from_sb3 import from_sb3
from .suitable import check_suitable
from .vec import SB3VecEnv


class Source(NamedTuple):
    """How the environment was asked for by its id, so that a run can make it again."""

    env: str
    env_kwargs: dict[str, Any]
    wrap: list[str]
    vec: str


Env = str | gym.Env | gym.vector.VectorEnv | VecEnv | Simulator


class ArrayAlgorithm(Sighted, BaseAlgorithm):
    """An SB3 algorithm on a `Simulator`; what people and runs ask of it is in the subclass `Agent`.

    Args:
        policy: a name in `policy_aliases`, or a policy class.
        env: an id, a `gymnasium.Env`, a `gymnasium.vector.VectorEnv`, an SB3 `VecEnv`, or None to load later.
        learning_rate: a number, `"lin_<number>"`, or a callable of the remaining progress.
        n_envs: how many environments to make of an id.
        env_kwargs: arguments for the environment of an id.
        wrap: wrappers around the environment of an id, such as ["frame_stack:4"], the first one innermost.
        vec: "sync", or "async" for slow simulators: stepped in worker processes, one for each core.
        policy_kwargs, stats_window_size, tensorboard_log, verbose, seed, device: as in SB3.

    Raises:
        UnsupportedSpace: the algorithm cannot act in, or see, this environment.
        NoDevice: the device is not there.
    """

    supported_actions: ClassVar[tuple[type[spaces.Space], ...]] = ()
    sb3_policies: ClassVar[dict[type, str]] = {}
    """stock SB3's classes of policies, which people pass too, and the names of ours with the same networks"""
    contrib_policies: ClassVar[dict[str, str]] = {}
    """the same of sb3-contrib's classes, by their names: it need not be installed"""

    def __init__(
        self,
        policy: str | type,
        env: Env | None,
        *,
        learning_rate: Schedule,
        n_envs: int | None = None,
        env_kwargs: dict[str, Any] | None = None,
        wrap: Sequence[str] = (),
        vec: str = "sync",
        policy_kwargs: dict[str, Any] | None = None,
        stats_window_size: int = 100,
        tensorboard_log: str | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: torch.device | str = "auto",
    ) -> None:
        policy = self.sb3_policies.get(policy, policy)  # type: ignore[call-overload]
        known = ", ".join(self.policy_aliases)
        if policy not in self.policy_aliases and not hasattr(policy, "choose"):
            raise UsageError(f"{type(self).__name__} has no policy {policy!r}", hint=f"known: {known}")
        self.source = Source(env, env_kwargs or {}, list(wrap), vec) if isinstance(env, str) else None
        if env is not None and not isinstance(env, VecEnv):
            simulator = as_simulator(env, n_envs, vec=vec, env_kwargs=env_kwargs, wrap=wrap)  # type: ignore[arg-type]
            env = SB3VecEnv(simulator)
        if env is not None:
            spaces_ = (env.observation_space, env.action_space)
            check_suitable(type(self).__name__, policy, *spaces_, self.supported_actions)
        super().__init__(
            policy,
            env,
            learning_rate=as_schedule(learning_rate),
            policy_kwargs=policy_kwargs,
            stats_window_size=stats_window_size,
            tensorboard_log=tensorboard_log,
            verbose=verbose,
            device=pick_device(str(device)),
            support_multi_env=True,
            seed=seed,
        )
        self.policy_name = policy if isinstance(policy, str) else policy.__name__
        self.episodes: EpisodeStatistics | None = None
        self._policy_state: PolicyState = None
        self._simulator: Simulator | None = None
        self._watched = True  # whether somebody's callback may look at each step

    def _setup_model(self) -> None:
        if not hasattr(self, "observation_space"):
            raise UsageError("a new agent needs an environment", hint="a saved one does not: load(path)")
        self._setup_lr_schedule()
        self.generator = torch.Generator(self.device)
        self.set_random_seed(self.seed)
        extractor = self.policy_kwargs.get("features_extractor_class", BackboneExtractor)
        check_extractor(extractor, self.observation_space)
        self._build()
        # Convolutions are faster so, on CPUs and GPUs; whatever is no picture's weight stays as it is.
        self.policy.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.env is not None:
            self._prepare_for_env()

    def set_random_seed(self, seed: int | None = None) -> None:
        """Seed the agent's own generator, the process-wide ones and the environment; None draws a seed for
        the first alone."""
        super().set_random_seed(seed)
        self.generator.manual_seed(derive_seed(fresh_seed() if seed is None else seed, "agent"))

    @abstractmethod
    def _build(self) -> None:
        """Create `self.policy` on `self.device`; spaces, schedules and generator are there."""

    def _prepare_for_env(self) -> None:
        """Take the environment's simulator and start counting its episodes; subclasses add their buffers."""
        assert self.env is not None
        self._simulator = self.env.simulator if isinstance(self.env, SB3VecEnv) else from_sb3(self.env)
        self.n_envs = self._simulator.num_envs
        self._upload, self._upload_starts = Upload(self.device), Upload(self.device)
        self._begin_episodes()

    def _begin_episodes(self) -> None:
        """All environments start anew: forget what was running in them."""
        self.episodes = EpisodeStatistics(self.n_envs)
        self._policy_state = self.policy.initial_state(self.n_envs)  # type: ignore[operator]

    def count_step(self, step: Step, ends: np.ndarray) -> list[dict[str, Any]]:
        """Move on to the next step; returns the episodes that this one ended, `ends` (envs,) bool."""
        assert self.episodes is not None
        assert self.ep_info_buffer is not None
        assert self.ep_success_buffer is not None
        finished = self.episodes.update(step, ends)
        if ends.any():
            self.ep_info_buffer.extend(finished)
            self.ep_success_buffer.extend(successes(step, ends))
            self._episode_num += int(ends.sum())
        self.num_timesteps += self.n_envs if step.ignored is None else int((~step.ignored).sum())
        self._last_obs = step.observation  # type: ignore[assignment]
        # After a reset that took a step of its own, the episode starts at the ignored step's observation.
        self._last_episode_starts = ends if step.ignored is None else step.ignored
        return finished

    def _set_training_mode(self, mode: bool) -> None:
        if self.policy.training != mode:  # SB3's method visits every layer
            self.policy.set_training_mode(mode)

    def _starts(self) -> torch.Tensor | None:
        """(envs,) bool, where memory is to be forgotten; None without memory."""
        if self._policy_state is None:
            return None
        return self._upload_starts(self._last_episode_starts)  # type: ignore[arg-type, return-value]

    @property
    def simulator(self) -> Simulator:
        """The environments that the engine steps. Raises UsageError while there are none."""
        if self._simulator is None:
            raise UsageError("this agent has no environment", hint="pass one: agent.set_env(env)")
        return self._simulator

    @property
    def network(self) -> torch.nn.Module:
        """The policy."""
        return self.policy

    # Environments

    @staticmethod
    def _wrap_env(env: Any, verbose: int = 0, monitor_wrapper: bool = True) -> VecEnv:
        ready = env if isinstance(env, VecEnv) else SB3VecEnv(as_simulator(env))
        if isinstance(ready, SB3VecEnv):
            return ready  # SB3 would put the channels of pictures first, one environment after the other
        return BaseAlgorithm._wrap_env(ready, verbose, monitor_wrapper)

    def set_env(self, env: Any, force_reset: bool = True) -> None:
        """Learn on another environment with the same spaces; unlike SB3, any number of them."""
        wrapped = self._wrap_env(env, self.verbose)
        check_for_correct_spaces(wrapped, self.observation_space, self.action_space)
        self._vec_normalize_env = unwrap_vec_normalize(wrapped)
        if force_reset or wrapped.num_envs != self.n_envs:
            self._last_obs = None
        self.env = wrapped
        self.source = None
        self._prepare_for_env()
