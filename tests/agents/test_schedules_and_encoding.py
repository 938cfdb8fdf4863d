"""Schedules as numbers, text and callables; what an agent is made of as JSON and back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import NatureCNN
from stable_baselines3.common.utils import FloatSchedule

from agents import register_class
from agents.encoding import decode_arguments, decode_space, encode_arguments, encode_space, find_class
from agents.schedules import Linear, as_schedule, plain_schedule, schedule_text
from sandbox.core.errors import UnsupportedSpace


def halved(progress: float) -> float:
    return progress / 2


@pytest.mark.parametrize("value", [0, 1, 0.25, "0.25", np.float32(0.5)])
def test_a_number_stays_constant(value: Any) -> None:
    schedule = FloatSchedule(as_schedule(value))
    assert schedule(1.0) == schedule(0.3) == schedule(0.0) == float(value)


def test_lin_falls_to_zero() -> None:
    schedule = FloatSchedule(as_schedule("lin_0.5"))
    assert [schedule(progress) for progress in (1.0, 0.5, 0.0)] == [0.5, 0.25, 0.0]


def test_a_callable_is_taken_as_it_is() -> None:
    assert as_schedule(halved) is halved


@pytest.mark.parametrize(
    "value", ["fast", "lin_", "lin_x", "exp_1", -1, "-1", "lin_-1", float("nan"), "inf", None]
)
def test_what_is_no_schedule_is_an_error(value: Any) -> None:
    with pytest.raises(ValueError, match="schedule"):
        as_schedule(value)


@pytest.mark.parametrize("value", [0.25, "lin_0.25", halved])
def test_a_schedule_comes_back_out_of_sb3s_wrapper(value: Any) -> None:
    assert plain_schedule(FloatSchedule(as_schedule(value))) == value


def test_only_its_owner_knows_a_callable() -> None:
    assert schedule_text(halved) is None
    assert schedule_text(Linear(0.1)) == "lin_0.1"


SPACES = [
    spaces.Box(-1, 1, (3,)),
    spaces.Box(np.array([-1.0, -np.inf]), np.array([np.inf, 2.0]), dtype=np.float64),
    spaces.Box(-np.inf, np.inf, (2, 2)),
    spaces.Box(0.1, 0.7, (2,), np.float32),
    spaces.Box(0, 255, (3, 8, 8), np.uint8),
    spaces.Box(-(2**40), 2**40, (2,), np.int64),
    spaces.Discrete(4),
    spaces.Discrete(4, start=-2),
    spaces.MultiDiscrete([2, 3]),
    spaces.MultiBinary(5),
    spaces.MultiBinary([2, 3]),
    spaces.Dict({"b": spaces.Box(0, 1, (2,)), "a": spaces.Discrete(3)}),
]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_a_space_survives_json(space: spaces.Space) -> None:
    again = decode_space(json.loads(json.dumps(encode_space(space))))
    assert again == space
    assert again.dtype == space.dtype
    if isinstance(space, spaces.Dict):
        assert isinstance(again, spaces.Dict)
        assert list(again.spaces) == list(space.spaces)


@pytest.mark.parametrize("space", [spaces.Text(3), spaces.Tuple([spaces.Discrete(2)])], ids=str)
def test_other_spaces_are_refused(space: spaces.Space) -> None:
    with pytest.raises(UnsupportedSpace, match=type(space).__name__):
        encode_space(space)


def test_arguments_survive_json() -> None:
    arguments = {
        "net_arch": {"pi": [32, 32], "vf": []},
        "activation_fn": torch.nn.ReLU,
        "optimizer_class": torch.optim.SGD,
        "features_extractor_class": NatureCNN,
        "features_extractor_kwargs": {"features_dim": 8},
        "ortho_init": False,
        "log_std_init": -0.5,
        "nothing": None,
    }
    encoded, left_out = encode_arguments(arguments)
    assert left_out == []
    assert decode_arguments(json.loads(json.dumps(encoded))) == arguments


def test_what_json_cannot_hold_is_named_with_its_place() -> None:
    encoded, left_out = encode_arguments(
        {"clip": halved, "kwargs": {"module": torch.nn.Linear(1, 1), "n": 1}}
    )
    assert encoded == {"kwargs": {"n": 1}}
    assert left_out == ["clip", "kwargs.module"]


def test_classes_are_found_by_registered_name_alone() -> None:
    class Mine(torch.nn.Module): ...

    assert find_class("ReLU") is find_class("torch.nn.ReLU") is torch.nn.ReLU
    assert find_class("system") is None
    with pytest.raises(ValueError, match="registered"):
        decode_arguments({"activation_fn": {"$class": "os.system"}})
    assert encode_arguments({"a": Mine})[1] == ["a"]
    register_class("tests.Mine", Mine)
    register_class("tests.Mine", Mine)  # once more is harmless
    encoded, left_out = encode_arguments({"a": Mine})
    assert (decode_arguments(encoded), left_out) == ({"a": Mine}, [])
    with pytest.raises(ValueError, match="registered already"):
        register_class("tests.Mine", torch.nn.ReLU)
