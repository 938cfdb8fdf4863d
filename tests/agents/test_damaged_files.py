"""A damaged or crafted file of an agent is one clear error."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import PPO
from sandbox.core.errors import Broken, SandboxError, UsageError
from tests.agents.tasks import small_ppo


@pytest.fixture(scope="module")
def saved() -> bytes:
    file = io.BytesIO()
    small_ppo(policy_kwargs={"net_arch": [2]}).learn(16).save(file)
    return file.getvalue()


def outcome(content: bytes) -> str:
    """ "loaded" or "refused"; anything but an agent or one clear error is a failure of the test."""
    try:
        agent = PPO.load(io.BytesIO(content))
    except SandboxError:
        return "refused"
    assert all(torch.isfinite(part).all() for part in agent.policy.parameters())
    return "loaded"


@settings(max_examples=150)
@given(st.data())
def test_a_truncated_file_is_refused(saved: bytes, data: st.DataObject) -> None:
    assert outcome(saved[: data.draw(st.integers(0, len(saved) - 1))]) == "refused"


@settings(max_examples=150)
@given(st.data())
def test_a_changed_byte_is_refused_or_harmless(saved: bytes, data: st.DataObject) -> None:
    place, flip = data.draw(st.integers(0, len(saved) - 1)), data.draw(st.integers(1, 255))
    changed = bytearray(saved)
    changed[place] ^= flip
    outcome(bytes(changed))


def rewritten(content: bytes, **changes: Any) -> bytes:
    """The file with parts of agent.json replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "agent.json":
                part = json.dumps({**json.loads(part), **changes}).encode()
            new.writestr(name, part)
    return out.getvalue()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"settings": None}, Broken),
        ({"settings": {}}, Broken),
        ({"settings": {"policy_kwargs": {"activation_fn": {"$class": "os.system"}}}}, Broken),
        ({"settings": {"policy_kwargs": {}, "n_steps": -1}}, SandboxError),
        ({"settings": {"policy_kwargs": {"net_arch": [3]}}}, Broken),
        ({"settings": {"policy_kwargs": {}, "unheard_of": 1}}, Broken),
        ({"observation_space": {"type": "Box"}}, Broken),
        ({"observation_space": {"type": "Tuple"}}, Broken),
        ({"counters": {}}, Broken),
        ({"pass_again": 3}, Broken),
        ({"format": 99}, Broken),
        ({"policy": "NoSuchPolicy"}, UsageError),
        ({"algorithm": "DQN"}, UsageError),
    ],
)
def test_a_description_that_does_not_fit_is_one_clear_error(saved: bytes, changes: Any, error: type) -> None:
    with pytest.raises(error):
        PPO.load(io.BytesIO(rewritten(saved, **changes)))


def test_a_zip_of_something_else_is_no_agent(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(Broken, match="no saved agent"):
        PPO.load(tmp_path / "other.zip")
