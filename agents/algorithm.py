"""`Agent`: what our algorithms share of SB3's interface. The one direct subclass of `BaseAlgorithm`.

SB3 gives `predict`, callbacks, the logger, schedules and parameters by name. Here: environments of any make as one
`Simulator`, files without pickles, and the whole state of training for an exact resume. How an algorithm collects
and learns is in its own file.
"""

from __future__ import annotations

import random
import time
from abc import abstractmethod
from collections import deque
from typing import Any, ClassVar, NamedTuple, Self

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.type_aliases import MaybeCallback
from stable_baselines3.common.utils import FloatSchedule, check_for_correct_spaces
from stable_baselines3.common.vec_env import VecEnv, unwrap_vec_normalize

from sandbox.core.errors import Broken, CheckpointBroken, Diverged, UnsupportedSpace, UsageError
from sandbox.core.seeding import derive_seed, fresh_seed
from sandbox.nn.device import pick_device

from .encoding import decode_arguments, decode_space, encode_arguments, encode_space
from .episodes import EpisodeStatistics
from .networks import PolicyState
from .progress import ProgressBar
from .saving import Target, read_agent, read_sb3_parameters, write_agent
from .schedules import Schedule, as_schedule, schedule_text
from .session import NoSession, Session
from .simulators import Simulator, as_simulator
from .vec import SB3VecEnv, from_sb3



class Source(NamedTuple):
    """How the environment was asked for by its id, so that a run can make it again."""

    env: str
    env_kwargs: dict[str, Any]
    vec: str


Env = str | gym.Env | gym.vector.VectorEnv | VecEnv | Simulator


class Agent(BaseAlgorithm):
    """An SB3 algorithm whose engine works on arrays. Subclasses say how to collect and how to learn.

    Args:
        policy: a name in `policy_aliases`, or a policy class.
        env: an id, a `gymnasium.Env`, a `gymnasium.vector.VectorEnv`, an SB3 `VecEnv`, or None to load later.
        learning_rate: a number, `"lin_<number>"`, or a callable of the remaining progress.
        n_envs: how many environments to make of an id.
        env_kwargs: arguments for the environment of an id.
        vec: "sync", or "async" for slow simulators: one process each.
        policy_kwargs, stats_window_size, tensorboard_log, verbose, seed, device: as in SB3.

    Raises:
        UnsupportedSpace: the algorithm cannot act in, or see, this environment.
        NoDevice: the device is not there.
    """

    saved_settings: ClassVar[tuple[str, ...]] = ("learning_rate", "stats_window_size", "seed", "verbose")
    """attributes that `save` writes and `load` restores; each is an argument of the constructor too"""
    supported_actions: ClassVar[tuple[type[spaces.Space], ...]] = ()

    def __init__(
        self,
        policy: str | type,
        env: Env | None,
        *,
        learning_rate: Schedule,
        n_envs: int | None = None,
        env_kwargs: dict[str, Any] | None = None,
        vec: str = "sync",
        policy_kwargs: dict[str, Any] | None = None,
        stats_window_size: int = 100,
        tensorboard_log: str | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: torch.device | str = "auto",
    ) -> None:
        if isinstance(policy, str) and policy not in self.policy_aliases:
            known = ", ".join(self.policy_aliases)
            raise UsageError(f"{type(self).__name__} has no policy {policy!r}", hint=f"known: {known}")
        self.source = Source(env, env_kwargs or {}, vec) if isinstance(env, str) else None
        if env is not None and not isinstance(env, VecEnv):
            env = SB3VecEnv(as_simulator(env, n_envs, vec=vec, env_kwargs=env_kwargs))  # type: ignore[arg-type]
        if env is not None:
            self._check_spaces(policy, env)
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

    def _check_spaces(self, policy: str | type, env: VecEnv) -> None:
        space, actions = env.observation_space, env.action_space
        encode_space(space), encode_space(actions)  # raise for what no agent knows
        if not isinstance(actions, self.supported_actions):
            raise UnsupportedSpace(f"{type(self).__name__} cannot act in {actions}", hint=_kinds(self.supported_actions))
        if isinstance(actions, spaces.Discrete) and actions.start != 0:
            raise UnsupportedSpace(f"actions that start at {actions.start} are not supported: {actions}")
        if isinstance(actions, spaces.Box) and not (np.isfinite(actions.low).all() and np.isfinite(actions.high).all()):
            raise UnsupportedSpace(f"continuous actions need finite bounds, not {actions}")
        if isinstance(space, spaces.Dict) and policy in ("MlpPolicy", "CnnPolicy"):
            raise UnsupportedSpace(f"{policy} cannot see a Dict observation", hint="use MultiInputPolicy")

    def _setup_model(self) -> None:
        self._setup_lr_schedule()
        self.set_random_seed(self.seed)
        seed = fresh_seed() if self.seed is None else self.seed
        self.generator = torch.Generator(self.device).manual_seed(derive_seed(seed, "agent"))
        self._build()
        if self.env is not None:
            self._prepare_for_env()

    @abstractmethod
    def _build(self) -> None:
        """Create `self.policy` on `self.device`; spaces, schedules and generator are there."""

    def _prepare_for_env(self) -> None:
        """Take the environment's simulator and start counting its episodes; subclasses add their buffers."""
        assert self.env is not None
        self._simulator = self.env.simulator if isinstance(self.env, SB3VecEnv) else from_sb3(self.env)
        self.n_envs = self._simulator.num_envs
        self.episodes = EpisodeStatistics(self.n_envs)
        self._policy_state = self.policy.initial_state(self.n_envs)  # type: ignore[operator]

    @property
    def simulator(self) -> Simulator:
        """The environments that the engine steps. Raises UsageError while there are none."""
        if self._simulator is None:
            raise UsageError("this agent has no environment", hint="pass one: agent.set_env(env)")
        return self._simulator

    # Environments

    @staticmethod
    def _wrap_env(env: Any, verbose: int = 0, monitor_wrapper: bool = True) -> VecEnv:
        ready = env if isinstance(env, VecEnv) else SB3VecEnv(as_simulator(env))
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

    def _init_callback(self, callback: MaybeCallback, progress_bar: bool = False) -> BaseCallback:
        callback = super()._init_callback(callback)
        if progress_bar:
            callback = CallbackList([callback, ProgressBar()])
            callback.init_callback(self)
        return callback

    def _setup_learn(
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        reset_num_timesteps: bool = True,
        tb_log_name: str = "run",
        progress_bar: bool = False,
    ) -> tuple[int, BaseCallback]:
        _ = self.simulator  # raises while there is none
        fresh = self._last_obs is None or reset_num_timesteps
        result = super()._setup_learn(total_timesteps, callback, reset_num_timesteps, tb_log_name, progress_bar)
        if fresh:
            self.episodes = EpisodeStatistics(self.n_envs)
            self._policy_state = self.policy.initial_state(self.n_envs)  # type: ignore[operator]
        return result

    def dump_logs(self, iteration: int = 0) -> None:
        """Write one row of the log, under SB3's keys."""
        assert self.ep_info_buffer is not None
        elapsed = max((time.time_ns() - self.start_time) / 1e9, 1e-9)
        if iteration > 0:
            self.logger.record("time/iterations", iteration, exclude="tensorboard")
        if self.ep_info_buffer:
            self.logger.record("rollout/ep_rew_mean", _mean([episode["r"] for episode in self.ep_info_buffer]))
            self.logger.record("rollout/ep_len_mean", _mean([episode["l"] for episode in self.ep_info_buffer]))
        if self.ep_success_buffer:
            self.logger.record("rollout/success_rate", _mean(list(self.ep_success_buffer)))
        self.logger.record("time/fps", int((self.num_timesteps - self._num_timesteps_at_start) / elapsed))
        self.logger.record("time/time_elapsed", int(elapsed), exclude="tensorboard")
        self.logger.record("time/total_timesteps", self.num_timesteps, exclude="tensorboard")
        self.logger.dump(step=self.num_timesteps)

    def _open_session(self, run: bool | Session) -> Session | NoSession:
        """What `learn` reports to: nobody, a given session, or one with a new run folder."""
        if isinstance(run, Session):
            return run
        if not run:
            return NoSession()
        from .training import python_run

        return python_run(self, self._total_timesteps)

    def _check_finite(self, loss: float) -> None:
        """Raise Diverged where learning has produced NaN or infinity."""
        if not np.isfinite(loss):
            raise Diverged(
                f"the loss became {loss} at step {self.num_timesteps}",
                hint="lower the learning rate or max_grad_norm, or look for NaN in the environment's observations",
            )

    # The whole state of training

    def training_state(self) -> dict[str, Any]:
        """Everything that decides how training goes on, as nested dicts and lists of tensors, arrays and JSON values.

        Take it between two updates. `load_training_state` on an agent built with the same arguments continues
        bit-identically (on the CPU, with the same number of threads).
        """
        assert self.episodes is not None and self.ep_info_buffer is not None
        return {
            "policy": dict(self.policy.state_dict()),
            "optimizer": _optimizer_state(self.policy.optimizer),  # type: ignore[arg-type]
            "generator": self.generator.get_state(),
            "global_generators": _global_generators(),
            "threads": torch.get_num_threads(),
            "simulator": self.simulator.state_dict(),
            "last": {
                "observation": self._last_obs,
                "episode_starts": self._last_episode_starts,
                "policy_state": self._policy_state,
            },
            "episodes": self.episodes.state_dict(),
            # Without "t": the wall clock is no part of the state.
            "recent_episodes": [[episode["r"], episode["l"]] for episode in self.ep_info_buffer],
            "recent_successes": [float(success) for success in self.ep_success_buffer or ()],
            "counters": {
                "num_timesteps": self.num_timesteps,
                "updates": self._n_updates,
                "total_timesteps": self._total_timesteps,
            },
        }

    def load_training_state(self, state: dict[str, Any]) -> list[str]:
        """Continue from `training_state`; call `learn(…, reset_num_timesteps=False)` next.

        Returns:
            One sentence for each thing that could not be restored and starts anew.

        Raises:
            CheckpointBroken: the state is not one of this agent's.
        """
        try:
            torch.set_num_threads(state["threads"])
            self.policy.load_state_dict(state["policy"])
            _load_optimizer(self.policy.optimizer, state["optimizer"])  # type: ignore[arg-type]
            self.generator.set_state(state["generator"])
            counters, last = state["counters"], state["last"]
            self.num_timesteps, self._n_updates = counters["num_timesteps"], counters["updates"]
            self._total_timesteps = counters["total_timesteps"]
            recent = [{"r": total, "l": length, "t": 0.0} for total, length in state["recent_episodes"]]
            self.ep_info_buffer = deque(recent, maxlen=self._stats_window_size)
            self.ep_success_buffer = deque(state["recent_successes"], maxlen=self._stats_window_size)
            self.episodes = EpisodeStatistics(self.n_envs)
            self.episodes.load_state_dict(state["episodes"])
            self._policy_state = last["policy_state"]
            self._last_obs, self._last_episode_starts = last["observation"], last["episode_starts"]
            troubles = self._restore_simulator(state["simulator"])
            _restore_global_generators(state["global_generators"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointBroken(f"the checkpoint does not fit this agent: {error}") from error
        return troubles

    def load_policy(self, state: dict[str, Any], step: int) -> None:
        """Take only what a `training_state` says about the policy, to act and not to go on learning.

        Raises:
            CheckpointBroken: the weights do not fit this agent.
        """
        try:
            self.policy.load_state_dict(state["policy"])
        except (KeyError, TypeError, RuntimeError) as error:
            raise CheckpointBroken(f"the checkpoint of step {step} does not fit this agent: {error}") from error
        self.num_timesteps = step

    def _restore_simulator(self, state: dict[str, Any] | None) -> list[str]:
        """Put the environments back; the ones that cannot be start a new episode. Returns what to tell the user."""
        assert self.episodes is not None and self._last_episode_starts is not None
        troubles = self.simulator.load_state_dict(state)
        anew = self.simulator.restarted
        if troubles and anew is not None:
            self._last_obs = self.simulator.observation
            self._last_episode_starts = self._last_episode_starts | anew
            self.episodes.returns[anew] = 0.0
            self.episodes.lengths[anew] = 0
        return troubles

    # Files

    def _get_torch_save_params(self) -> tuple[list[str], list[str]]:
        return ["policy", "policy.optimizer"], []

    def save(self, path: Target, exclude: Any = None, include: Any = None) -> None:
        """Save hyperparameters, weights and optimiser as a zip of JSON and safetensors, without the environment.

        Callables and classes that are not registered cannot be written: pass them to `load` again.

        Args:
            path: a path (`.zip` is added where there is no suffix) or an open binary file.
            exclude: names of hyperparameters to leave out.
            include: not used; there for SB3's signature.
        """
        del include
        settings = {name: self.setting(name) for name in self.saved_settings if name not in set(exclude or ())}
        settings["policy_kwargs"] = self.policy_kwargs
        encoded, left_out = encode_arguments(settings)
        description = {
            "algorithm": type(self).__name__,
            "policy": self.policy_name,
            "settings": encoded,
            "pass_again": left_out,
            "observation_space": encode_space(self.observation_space),
            "action_space": encode_space(self.action_space),
            "counters": {"num_timesteps": self.num_timesteps, "updates": self._n_updates},
        }
        state = {"policy": dict(self.policy.state_dict()), "optimizer": _optimizer_state(self.policy.optimizer)}  # type: ignore[arg-type]
        write_agent(path, description, state)

    def setting(self, name: str) -> Any:
        """A hyperparameter as the constructor takes it: a number, text or callable."""
        value = {"stats_window_size": self._stats_window_size}.get(name, getattr(self, name, None))
        return _plain_schedule(value)

    @classmethod
    def load(  # type: ignore[override]
        cls,
        path: Target,
        env: Env | None = None,
        device: torch.device | str = "auto",
        custom_objects: dict[str, Any] | None = None,
        print_system_info: bool = False,
        force_reset: bool = True,
        *,
        trust: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Load what `save` wrote, or (with `trust`) the weights of an agent of stock SB3.

        Args:
            path: a path or an open binary file.
            env: to go on learning; not needed to predict.
            device: where to.
            custom_objects, kwargs: settings that replace saved ones; what `save` could not write must be here,
                classes inside `policy_kwargs` in a dict of that name.
            print_system_info: print versions first.
            force_reset: there for SB3's signature; a loaded agent always starts from a reset.
            trust: unpickle a stock SB3 file. A pickle can execute code.

        Raises:
            NotFound, Broken: there is no such file, or it is damaged.
            UsageError: an SB3 file without `trust`, another algorithm's file, a callable that must be passed again.
            ValueError: the environment's spaces are not the agent's (as SB3).
        """
        del force_reset
        if print_system_info:
            from stable_baselines3.common.utils import get_system_info

            get_system_info()
        found = read_agent(path)
        overrides = {**(custom_objects or {}), **kwargs}
        if found is None:
            return cls._from_sb3(read_sb3_parameters(path, trust), env, device, overrides)
        description, state = found
        if description.get("algorithm") != cls.__name__:
            raise UsageError(f"{path} holds a {description.get('algorithm')}, not a {cls.__name__}")
        try:
            settings = decode_arguments(description["settings"])
            settings["policy_kwargs"] = {**settings["policy_kwargs"], **overrides.pop("policy_kwargs", {})}
            settings.update(overrides)
            missing = [name for name in description["pass_again"] if not _given(settings, name)]
            if missing:
                raise UsageError(f"{path} was saved without {', '.join(missing)}", hint="pass it to load(…) again")
            spaces_ = decode_space(description["observation_space"]), decode_space(description["action_space"])
            model = cls._empty(settings.pop("policy", description["policy"]), env, device, spaces_, settings)
            model.num_timesteps = description["counters"]["num_timesteps"]
            model._n_updates = description["counters"]["updates"]
            model.policy.load_state_dict(state["policy"])
            _load_optimizer(model.policy.optimizer, state["optimizer"])  # type: ignore[arg-type]
        except (KeyError, TypeError, AttributeError, RuntimeError) as error:
            raise Broken(f"{path} is no saved {cls.__name__}: {error}") from error
        return model

    @classmethod
    def _empty(
        cls,
        policy: str | type,
        env: Env | None,
        device: torch.device | str,
        spaces_: tuple[spaces.Space, spaces.Space],
        settings: dict[str, Any],
    ) -> Self:
        """An agent with the given settings and spaces, new weights, and the environment if there is one."""
        model = cls(policy, None, device=device, _init_setup_model=False, **settings)  # type: ignore[call-arg]
        model.observation_space, model.action_space = spaces_
        model.n_envs = 1
        model._setup_model()
        if env is not None:
            model.set_env(env)
        return model

    @classmethod
    def _from_sb3(
        cls,
        saved: tuple[dict[str, Any], dict[str, Any]],
        env: Env | None,
        device: torch.device | str,
        overrides: dict[str, Any],
    ) -> Self:
        data, parameters = saved
        settings = {name: _plain_schedule(data[name]) for name in cls.saved_settings if data.get(name) is not None}
        settings["policy_kwargs"] = {k: v for k, v in data.get("policy_kwargs", {}).items() if k != "use_sde"}
        settings.update(overrides)
        policy = {"ActorCriticPolicy": "MlpPolicy", "MultiInputActorCriticPolicy": "MultiInputPolicy"}.get(
            data["policy_class"].__name__, data["policy_class"]
        )
        model = cls._empty(policy, env, device, (data["observation_space"], data["action_space"]), settings)
        model.set_parameters(parameters)
        model.num_timesteps, model._n_updates = data["num_timesteps"], data["_n_updates"]
        return model


def _plain_schedule(value: Any) -> Any:
    """The number, text or callable behind SB3's wrappers of schedules."""
    if isinstance(value, FloatSchedule):
        value = value.value_schedule
    text = schedule_text(value) if callable(value) else None
    if text is not None:
        return text
    return value.val if hasattr(value, "val") and callable(value) else value


def _given(settings: dict[str, Any], name: str) -> bool:
    head, _, rest = name.partition(".")
    return head in settings and (not rest or _given(settings[head], rest))


def _mean(values: list[float]) -> float:
    return float(sum(values) / len(values))


def _kinds(classes: tuple[type, ...]) -> str:
    return f"it acts in {', '.join(cls.__name__ for cls in classes)}"


def _optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The optimiser's state with text keys (its own are numbers)."""
    state = optimizer.state_dict()
    moments = {str(number): dict(values) for number, values in state["state"].items()}
    return {"state": moments, "param_groups": [dict(group) for group in state["param_groups"]]}


def _load_optimizer(optimizer: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
    moments = {int(number): values for number, values in saved["state"].items()}
    optimizer.load_state_dict({"state": moments, "param_groups": saved["param_groups"]})


def _global_generators() -> dict[str, Any]:
    """States of the process-wide generators: nothing of ours draws from them, a user's network or task may."""
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)  # type: ignore[misc]
    version, internal, gauss = random.getstate()
    state: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "numpy": {"kind": str(kind), "keys": keys, "rest": [int(position), int(has_gauss), float(cached)]},
        "python": {"version": version, "internal": list(internal), "gauss": gauss},
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def _restore_global_generators(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
    numpy_state = state["numpy"]
    np.random.set_state((numpy_state["kind"], numpy_state["keys"], *numpy_state["rest"]))
    python_state = state["python"]
    random.setstate((python_state["version"], tuple(python_state["internal"]), python_state["gauss"]))
