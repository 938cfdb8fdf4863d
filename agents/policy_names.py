"""What the name of a policy says about it."""

from __future__ import annotations


def memory_of(policy: str) -> str:
    """What a policy of this name, or "lstm" or "gru", has: "Lstm", "Gru", or "" without a memory."""
    stem = policy.removesuffix("Policy").lower()
    return next((memory for memory in ("Lstm", "Gru") if stem.endswith(memory.lower())), "")


def remembers(policy: str) -> bool:
    """Whether a policy of this name has a memory."""
    return bool(memory_of(policy))
