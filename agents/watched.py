"""What can be watched: a run's checkpoints, the file of an agent, or random actions."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym

from sandbox.core.errors import Broken, CheckpointBroken, UsageError
from sandbox.core.run import Run
from sandbox.ui.actor import Actor, RandomActor
from sandbox.ui.recorder import check_render_mode

from .names import task_of, with_end
from .simulators.from_id import find_spec, make, make_single, refuse_reserved


@dataclass(frozen=True)
class Watched:
    """An actor in an environment that fits it."""

    env: gym.Env[Any, Any]
    actor: Actor
    folder: Path
    """for videos and screenshots"""
    next_actor: Callable[[], Actor] | None = None
    """gives the run's next checkpoint; None: there is only one"""

    @property
    def env_id(self) -> str:
        """The environment's id."""
        return self.env.spec.id if self.env.spec is not None else type(self.env.unwrapped).__name__


def make_env(
    name: str, arguments: Mapping[str, Any], wrap: Sequence[str] = (), *, ends: bool = False
) -> gym.Env[Any, Any]:
    """The environment called `name` with pictures, within the wrappers `wrap`.

    Of a short name it is our twin, which draws for people. With `ends` it has a time limit in any case.

    Raises:
        SandboxError: it is not there, cannot be made, or gives no pictures.
    """
    refuse_reserved(arguments)
    spec = find_spec(task_of(name)[1])
    arguments = with_end(spec.id, arguments) if ends else arguments
    plain = make(gym.make, spec, **arguments)
    try:
        check_render_mode(plain)
    finally:
        plain.close()
    return make_single(spec, wrap, {**arguments, "render_mode": "rgb_array"})


def random_actions(env: str, arguments: Mapping[str, Any], wrap: Sequence[str] = ()) -> Watched:
    """Somebody who draws actions from the action space."""
    made = make_env(env, arguments, wrap, ends=True)
    return Watched(made, RandomActor(made.action_space), Path())


def run_watched(
    run: Run,
    checkpoint: str,
    env: str,
    arguments: Mapping[str, Any],
    trust: bool,
    on_broken: Callable[[str], None],
    wrap: Sequence[str] = (),
) -> Watched:
    """A run's agent, with the weights of `checkpoint`, in the environment it learned on or in `env`.

    Either stands within the run's own wrappers, unless others are given.

    Raises:
        SandboxError: the run has no agent or no checkpoint, or `env` does not fit it.
    """
    from .algorithms import ALGORITHMS
    from .build import build_agent
    from .config import read_config

    if run.info["kind"] not in ALGORITHMS:
        raise UsageError(f"{run.name} is a run of the kind {run.info['kind']!r}: there is no agent to watch")
    config = read_config(run, trust, "cpu")
    # Compiling takes longer than it saves where one episode is played.
    config = dataclasses.replace(config, envs=1, vec="sync", init_from=None, compile=None)
    cast = _Checkpoints(run, config.algo, lambda: build_agent(config), on_broken)
    actor = cast.actor(checkpoint)
    given = {**(config.env_args if not env else {}), **arguments}
    made = make_env(env or config.train_env, given, wrap or config.wrap, ends=True)
    _check(f"the agent of {run.name}", cast.agent, made)
    several = len(cast.checkpoints.names()) > 1
    return Watched(made, actor, run.videos_dir, cast.next if several else None)


def file_watched(
    path: Path, env: str, arguments: Mapping[str, Any], trust: bool, wrap: Sequence[str] = ()
) -> Watched:
    """An agent that ours or stock SB3's `save` wrote.

    Raises:
        SandboxError: it is no such file, is not trusted, or does not fit `env`.
    """
    from .actors import PolicyActor, SB3Actor
    from .saving import read_agent

    if not env:
        raise UsageError(
            f"{path} does not say where its agent plays", hint="add --env, such as --env CartPole"
        )
    made = make_env(env, arguments, wrap, ends=True)
    found = read_agent(path)
    if found is None:
        model = _load_sb3(path, trust)
        actor: Actor = SB3Actor(model, f"{type(model).__name__} of {path.name}")
    else:
        model = _load_ours(path, found[0])
        actor = PolicyActor(model.policy, f"{type(model).__name__} of {path.name}")
    _check(f"the agent of {path}", model, made)
    return Watched(made, actor, Path())


class _Checkpoints:
    """One agent that takes on the weights of one checkpoint after the other."""

    def __init__(
        self, run: Run, algo: str, build: Callable[[], Any], on_broken: Callable[[str], None]
    ) -> None:
        from sandbox.nn.checkpoint import Checkpoints

        self.checkpoints, self._algo, self._on_broken = Checkpoints(run.checkpoints_dir), algo, on_broken
        if not self.checkpoints.names():
            raise CheckpointBroken(
                f"{run.relative()} has no checkpoint yet: there is nothing to watch",
                hint=f"python -m sandbox resume {run.relative()}",
            )
        self._build = build
        self.agent: Any = None
        self._name = ""

    def actor(self, which: str) -> Actor:
        """The agent at a checkpoint; raises CheckpointBroken."""
        step, state = self.checkpoints.load(which, self._on_broken)
        if self.agent is None:
            self.agent = self._build()
            self.agent.simulator.close()
        self.agent.load_policy(state, step)
        self._name = f"step-{step:012d}"
        marks = [mark for mark, name in self._marks() if name == self._name]
        return self.agent.actor(", ".join([self._algo, f"step {step:,}", *marks]))

    def next(self) -> Actor:
        """The agent one checkpoint later, after the last one at the first."""
        names = self.checkpoints.names()
        later = [name for name in names if name > self._name]
        chosen = (later or names)[0]
        try:
            return self.actor(chosen)
        except CheckpointBroken:
            self._name = chosen  # the next time the one behind it
            raise

    def _marks(self) -> list[tuple[str, str | None]]:
        try:
            best = self.checkpoints.best()
        except CheckpointBroken:
            best = None
        return [("best", best), ("last", self.checkpoints.names()[-1])]


def _check(who: str, agent: Any, env: gym.Env[Any, Any]) -> None:
    from .actors import check_fit

    env_id = env.spec.id if env.spec is not None else str(env)
    check_fit(
        who, agent.observation_space, agent.action_space, env_id, env.observation_space, env.action_space
    )


def _load_ours(path: Path, description: dict[str, Any]) -> Any:
    from .algorithms import ALGORITHMS, Algorithm

    name = str(description.get("algorithm"))
    algorithm = ALGORITHMS.get(name.lower())
    if not isinstance(algorithm, Algorithm):
        raise Broken(f"{path} holds a {name}, which is no algorithm of ours")
    return algorithm.load().load(path, device="cpu")


def _load_sb3(path: Path, trust: bool) -> Any:
    """Load an agent of stock SB3; which algorithm it is follows from the names in its file."""
    import stable_baselines3

    from .saving import read_sb3_parameters

    if not trust:
        read_sb3_parameters(path, trust)  # says why not
    with zipfile.ZipFile(path) as archive:
        data = json.loads(archive.read("data"))
    module = str(data.get("policy_class", {}).get("__module__", ""))
    wing = module.removeprefix("stable_baselines3.").partition(".")[0]
    name = {"common": "PPO" if "clip_range" in data else "A2C"}.get(wing, wing.upper())
    algorithm = getattr(stable_baselines3, name, None)
    if not module.startswith("stable_baselines3.") or algorithm is None:
        raise UsageError(f"{path} is no agent of stable-baselines3's own algorithms, but one of {module!r}")
    try:
        return algorithm.load(path, device="cpu")
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        raise Broken(f"{path} cannot be loaded as {name}: {error}") from error
