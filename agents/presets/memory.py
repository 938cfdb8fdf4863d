"""Settings of agents that remember, tuned: on tasks that hide what matters, and wherever one is asked for.

An entry may name the policy, or "lstm" or "gru" for the one that fits the observations. The policy that
somebody asks for counts, whatever an entry says.
"""

from __future__ import annotations

from typing import Any

PPO: dict[str, dict[str, Any]] = {}

DQN: dict[str, dict[str, Any]] = {}
