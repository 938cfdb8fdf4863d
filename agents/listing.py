"""What there is to choose from: `list envs` and `list algos`."""

from __future__ import annotations

from typing import Any

from .algorithms import rows


def environments() -> dict[str, Any]:
    """Ours first, then gymnasium's of every namespace that is installed."""
    import gymnasium as gym

    import envs

    ours = {entry.id for entry in envs.listing()}
    table = [
        [entry.name, entry.twin or entry.id, entry.reward_threshold, entry.max_episode_steps, entry.summary]
        for entry in envs.listing()
    ]
    table += [
        [spec.id, spec.id, spec.reward_threshold, spec.max_episode_steps, "gymnasium's"]
        for spec in sorted(gym.registry.values(), key=lambda spec: spec.id)
        if spec.id not in ours
    ]
    columns = ["name", "id", "threshold", "max steps", "what"]
    return {"title": "environments", "columns": columns, "rows": table}


def algorithms() -> dict[str, Any]:
    """Every algorithm, with the action spaces and policies that it has."""
    return {"title": "algorithms", "columns": ["name", "actions", "policies", "what"], "rows": rows()}
