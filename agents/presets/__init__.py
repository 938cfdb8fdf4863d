"""Tuned settings by algorithm and task; what they leave out has the config's default, or the algorithm's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from agents.policy_names import remembers
from agents.stock.zoo import ZOO

from . import atari, doom, memory
from .dqn import DQN
from .ppo import CONTINUOUS, PPO

__all__ = ["preset", "untuned"]

SEQUENCES = 32
"""in a minibatch of DQN with memory, unless tuned; of 20 transitions each, unless told otherwise"""


def preset(
    algo: str, env: str, arguments: Mapping[str, Any], wrap: Sequence[str] = (), policy: str | None = None
) -> dict[str, Any]:
    """Changes of the default config for `algo` on the task `env`, as in a config file; none for most tasks.

    An entry's name is the id, and after it what it is meant for: arguments ("Sandbox/Pong-v0 obs=pixels"),
    all wrappers in their order ("CartPole-v1 wrap=mask_velocity,frame_stack:4"), or any policy that
    remembers, where one was asked for ("CartPole-v1 policy=memory"). "ALE/*" is about all ids that begin so.
    Of several that fit, the one that says most is taken, and of those that say as much, one with wrappers.
    Where a policy without memory was asked for, entries whose own policy remembers are the last resort.

    Args:
        algo: name of the algorithm.
        env: id of the task.
        arguments: of the environment, with the defaults of those that entries ask for.
        wrap: wrappers that were asked for, such as ["frame_stack:4"].
        policy: the policy that was asked for, also "lstm" or "gru"; None: whichever suits.
    """
    given = {f"{key}={value}" for key, value in arguments.items()} | {f"wrap={','.join(wrap)}"}
    memory_asked = policy is not None and remembers(policy)
    if memory_asked:
        given.add("policy=memory")
    ours = {"ppo": PPO | atari.PPO | doom.PPO | memory.PPO, "dqn": DQN | atari.DQN | doom.DQN | memory.DQN}
    entries: Mapping[str, dict[str, Any]] = {**ours, **ZOO}.get(algo, {})
    fitting = [name for name in entries if _names(name, env) and given.issuperset(name.split()[1:])]
    if not fitting:
        return _with_memory({}) if memory_asked and algo == "dqn" else {}
    forgets = policy is not None and not memory_asked

    def closeness(name: str) -> tuple[bool, int, bool, bool]:
        as_asked = not (forgets and _remembers(entries[name]))
        return as_asked, len(name.split()), " wrap=" in name, "*" not in name

    best = entries[max(fitting, key=closeness)]
    if memory_asked and algo == "dqn" and not _remembers(best):
        return _with_memory(best)
    return _without_memory(algo, best) if forgets and _remembers(best) else best


def _remembers(entry: Mapping[str, Any]) -> bool:
    """Whether the policy that an entry names has a memory."""
    return remembers(entry.get("policy", ""))


def _with_memory(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry of DQN without memory for one with: its batches are counted in sequences."""
    return {**entry, "settings": {**entry.get("settings", {}), "batch_size": SEQUENCES}}


def _without_memory(algo: str, entry: dict[str, Any]) -> dict[str, Any]:
    """An entry for an agent that remembers, as far as it makes sense for one that does not."""
    # Layers are those behind a memory, often none; DQN's batches are counted in sequences.
    others = {"net_arch"} if algo == "ppo" else {"net_arch", "batch_size"}
    settings = {name: value for name, value in entry.get("settings", {}).items() if name not in others}
    return {name: value for name, value in entry.items() if name != "policy"} | {"settings": settings}


def _names(entry: str, env: str) -> bool:
    """Whether an entry such as "CartPole-v1" or "ALE/*" is about the task `env`."""
    return fnmatchcase(env, entry.split()[0])


def untuned(algo: str, continuous: bool) -> dict[str, Any]:
    """The same for a task without an entry.

    Args:
        algo: name of the algorithm.
        continuous: the task has continuous actions.
    """
    if algo in ZOO:
        return {"envs": 1}  # as the zoo, and SB3's defaults
    return CONTINUOUS if algo == "ppo" and continuous else {}
