"""What there is to choose from: `list envs` and `list algos`."""

from __future__ import annotations

from typing import Any

from .algorithms import rows


def environments() -> dict[str, Any]:
    """Ours first, then gymnasium's of every namespace that is installed."""
    import gymnasium as gym

    import envs

    from .names import short_names

    ours = {entry.id for entry in envs.listing()}
    table = [
        [entry.name, entry.twin or entry.id, entry.reward_threshold, entry.max_episode_steps, entry.summary]
        for entry in envs.listing()
    ]
    # Of gymnasium's versions the newest: older ones are kept there for old results, or not at all.
    newest = set(short_names().values())
    shown = [
        spec
        for spec in sorted(gym.registry.values(), key=lambda spec: spec.id)
        if spec.id not in ours and not spec.id.startswith("GymV") and (spec.namespace or spec.id in newest)
    ]
    for spec in shown:
        short = spec.namespace is None and envs.twin(spec.id) is None
        what = "gymnasium's" + (", extra [box2d]" if "box2d" in str(spec.entry_point) else "")
        name = spec.name if short else spec.id
        table.append([name, spec.id, spec.reward_threshold, spec.max_episode_steps, what])
    columns = ["name", "id", "threshold", "max steps", "what"]
    return {"title": "environments", "columns": columns, "rows": table}


def algorithms() -> dict[str, Any]:
    """Every algorithm, with the action spaces and policies that it has."""
    return {"title": "algorithms", "columns": ["name", "actions", "policies", "what"], "rows": rows()}
