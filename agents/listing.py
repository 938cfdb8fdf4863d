"""What there is to choose from: `list envs`, `list algos` and `list wrappers`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .algorithms import rows

if TYPE_CHECKING:
    from gymnasium.envs.registration import EnvSpec

    from envs import Entry


TITLE = "environments (they show pixels, or so many numbers; an extra that is needed stands in brackets)"


def environments() -> dict[str, Any]:
    """Ours first, then gymnasium's of every namespace that is installed."""
    import gymnasium as gym

    import envs

    from .names import short_names

    ours = {entry.id for entry in envs.listing()}
    table = [_ours(entry) for entry in envs.listing()]
    # Of gymnasium's versions the newest: older ones are kept there for old results, or not at all.
    newest = set(short_names().values())
    table += [
        _gymnasiums(spec)
        for spec in sorted(gym.registry.values(), key=lambda spec: spec.id)
        if spec.id not in ours and not spec.id.startswith("GymV") and (spec.namespace or spec.id in newest)
    ]
    columns = ["name", "observation", "actions", "threshold", "needs", "what", "id", "max steps"]
    # Wide enough for these columns too, a terminal shows them; scripts and files get all.
    details = {"what": 110, "id": 160, "max steps": 160}
    return {"title": TITLE, "columns": columns, "rows": table, "details": details}


def _ours(entry: Entry) -> list[Any]:
    import gymnasium as gym

    env = gym.make_vec(entry.id, num_envs=1)
    offered = {"features": getattr(env, "feature_space", None), "pixels": getattr(env, "pixel_space", None)}
    shown = " or ".join(space_text(offered[obs]).removesuffix(" numbers") for obs in entry.observations)
    limit = getattr(env, "max_episode_steps", entry.max_episode_steps)
    return [
        entry.name, shown, space_text(env.single_action_space), entry.reward_threshold,
        ", ".join(entry.needs) or None, entry.summary, entry.twin or entry.id, limit,
    ]  # fmt: skip


_QUICK = ("gymnasium.envs.classic_control", "gymnasium.envs.toy_text")
"""Where those are that are built in no time; of the others nothing is said about spaces."""
_EXTRAS = {"box2d": "box2d", "ale_py": "atari", "vizdoom": "doom"}
"""What the place of an environment's code tells about the extra that installs what it needs."""


def _gymnasiums(spec: EnvSpec) -> list[Any]:
    import gymnasium as gym

    import envs

    # ale-py has a Pong and a Breakout without a namespace too.
    ours = {entry.name for entry in envs.listing()}
    short = spec.namespace is None and spec.name not in ours
    place = str(spec.entry_point)
    observation = actions = None
    if place.startswith(_QUICK):
        env = gym.make(spec, disable_env_checker=True).unwrapped
        observation, actions = space_text(env.observation_space), space_text(env.action_space)
    extra = next((extra for part, extra in _EXTRAS.items() if part in place), None)
    return [
        spec.name if short else spec.id, observation, actions, spec.reward_threshold,
        extra and f"[{extra}]", "gymnasium's", spec.id, spec.max_episode_steps,
    ]  # fmt: skip


def space_text(space: Any) -> str:
    """A space in a word or two: "pixels", "4 numbers", "one of 3"."""
    from gymnasium.spaces import Box, Dict, Discrete, Tuple

    if isinstance(space, Discrete):
        return f"one of {space.n}"
    if isinstance(space, Box) and len(space.shape) == 3:
        return "pixels"
    if isinstance(space, Box):
        count = math.prod(space.shape)
        return f"{count} number{'s' if count != 1 else ''}"
    if isinstance(space, Tuple | Dict):
        return f"{len(space)} parts"
    return type(space).__name__


def algorithms() -> dict[str, Any]:
    """Every algorithm, with the action spaces and policies that it has."""
    columns = ["name", "actions", "policies", "needs", "what"]
    title = "algorithms (a policy such as CnnLstmPolicy is chosen by itself, unless --policy says which)"
    return {"title": title, "columns": columns, "rows": rows(), "details": {"policies": 120}}


def wrappers() -> dict[str, Any]:
    """Every wrapper that `--wrap` knows."""
    from envs.wrappers import WRAPPERS

    table = [[entry.name, f"--wrap {entry.example}", entry.what] for entry in WRAPPERS]
    return {"title": "wrappers", "columns": ["name", "written as", "what"], "rows": table}
