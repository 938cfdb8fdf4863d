"""Optimisers by name: what they are, whom they let decay, and what they remember."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn, optim

from sandbox.nn.fit_settings import FitSettings, Optimizer
from sandbox.nn.optimizers import (
    build_optimizer,
    clip,
    load_optimizer_state,
    optimizer_state,
    set_learning_rate,
)

NAMES = get_args(Optimizer)
every_optimizer = pytest.mark.parametrize("name", NAMES)

REFERENCES: dict[str, Callable[[Iterable[Tensor]], optim.Optimizer]] = {
    "sgd": lambda parts: optim.SGD(parts, 0.01),
    "momentum": lambda parts: optim.SGD(parts, 0.01, momentum=0.8),
    "nesterov": lambda parts: optim.SGD(parts, 0.01, momentum=0.8, nesterov=True),
    "adagrad": lambda parts: optim.Adagrad(parts, 0.01),
    "rmsprop": lambda parts: optim.RMSprop(parts, 0.01, alpha=0.95, momentum=0.8),
    "adam": lambda parts: optim.Adam(parts, 0.01, betas=(0.8, 0.95)),
    "adamw": lambda parts: optim.AdamW(parts, 0.01, betas=(0.8, 0.95), weight_decay=0),
}


def settings(name: str, **changes: float) -> FitSettings:
    chosen = {"learning_rate": 0.01, "momentum": 0.8, "beta2": 0.95, **changes}
    return FitSettings(optimizer=name, **chosen)  # type: ignore[arg-type]


def network() -> nn.Module:
    torch.manual_seed(0)
    head = [nn.Flatten(), nn.Linear(64, 2)]
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.SiLU(), nn.Conv2d(4, 4, 3), *head)


def learn(model: nn.Module, optimizer: optim.Optimizer, steps: range) -> None:
    for step in steps:
        images = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        model(images).square().mean().backward()
        optimizer.step()


@every_optimizer
def test_a_name_means_torchs_optimiser(name: str) -> None:
    model, reference = network(), network()
    learn(model, build_optimizer(model, settings(name)), range(5))
    learn(reference, REFERENCES[name](reference.parameters()), range(5))
    for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


@every_optimizer
def test_it_finds_the_bottom_of_a_bowl(name: str) -> None:
    bowl = nn.Linear(3, 1, bias=False)
    target = torch.tensor([[1.0, -2.0, 0.5]])
    optimizer = build_optimizer(bowl, settings(name, learning_rate=0.5 if name == "adagrad" else 0.05))
    for step in range(400):
        set_learning_rate(optimizer, (0.5 if name == "adagrad" else 0.05) * (1 - step / 400))
        optimizer.zero_grad()
        (bowl.weight - target).square().sum().backward()
        optimizer.step()
    torch.testing.assert_close(bowl.weight.detach(), target, rtol=0, atol=0.01)


@every_optimizer
def test_norms_and_biases_never_decay(name: str) -> None:
    model = network()
    decays = {
        id(part): group["weight_decay"]
        for group in build_optimizer(model, settings(name, weight_decay=0.1)).param_groups
        for part in group["params"]
    }
    assert {key: decays[id(part)] for key, part in model.named_parameters()} == {
        "0.weight": 0.1, "0.bias": 0.0, "1.weight": 0.0, "1.bias": 0.0,
        "3.weight": 0.1, "3.bias": 0.0, "5.weight": 0.1, "5.bias": 0.0,
    }  # fmt: skip


def test_decoupled_decay_shrinks_weights_without_any_gradient() -> None:
    model = network()
    before = deepcopy(model.state_dict())
    optimizer = build_optimizer(model, settings("adamw", weight_decay=0.5))
    for part in model.parameters():
        part.grad = torch.zeros_like(part)
    optimizer.step()
    for name, part in model.state_dict().items():
        torch.testing.assert_close(part, before[name] * (1 - 0.01 * 0.5 if part.ndim > 1 else 1))


def test_what_does_not_learn_is_left_out() -> None:
    model = network()
    model[0].requires_grad_(False)  # type: ignore[index]
    held = {
        id(part)
        for group in build_optimizer(model, settings("adam")).param_groups
        for part in group["params"]
    }
    assert held == {id(part) for part in model.parameters() if part.requires_grad}


def test_the_rate_is_that_of_all_groups() -> None:
    optimizer = build_optimizer(network(), settings("adam"))
    set_learning_rate(optimizer, 0.125)
    assert [group["lr"] for group in optimizer.param_groups] == [0.125, 0.125]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@every_optimizer
def test_a_restored_optimiser_goes_on_bit_for_bit(name: str, layout: torch.memory_format) -> None:
    """Whatever the memory format of the weights: in a file, there is only one."""

    def begin() -> tuple[nn.Module, optim.Optimizer]:
        model = network().to(memory_format=layout)  # type: ignore[call-overload]
        return model, build_optimizer(model, settings(name, weight_decay=0.01))

    model, optimizer = begin()
    learn(model, optimizer, range(3))
    weights, memory = (as_from_a_file(state) for state in (model.state_dict(), optimizer_state(optimizer)))
    learn(model, optimizer, range(3, 6))

    again, restored = begin()
    again.load_state_dict(weights)
    load_optimizer_state(restored, memory)
    learn(again, restored, range(3, 6))
    for key, part in model.state_dict().items():
        assert torch.equal(part, again.state_dict()[key]), key


def as_from_a_file(state: Any) -> Any:
    if isinstance(state, Tensor):
        return state.clone(memory_format=torch.contiguous_format)
    return {key: as_from_a_file(value) for key, value in state.items()} if isinstance(state, dict) else state


def test_the_memory_of_a_larger_network_is_refused() -> None:
    model = network()
    optimizer = build_optimizer(model, settings("adam"))
    learn(model, optimizer, range(1))
    small = build_optimizer(nn.Linear(2, 2), settings("adam"))
    with pytest.raises(ValueError, match="the optimiser has 2 parameters, the state 8"):
        load_optimizer_state(small, optimizer_state(optimizer))


# Clipping


def pulled(*gradients: list[float]) -> nn.ParameterList:
    parts = nn.ParameterList(torch.zeros(len(gradient)) for gradient in gradients)
    for part, gradient in zip(parts, gradients, strict=True):
        part.grad = torch.tensor(gradient)
    return parts


def test_a_long_gradient_is_shortened_and_keeps_its_direction() -> None:
    model = pulled([3.0], [0.0, 4.0])
    length = clip(model, 1.0)
    assert length is not None
    assert float(length) == 5.0
    assert [part.grad.tolist() for part in model] == [[pytest.approx(0.6)], [0.0, pytest.approx(0.8)]]


@pytest.mark.parametrize("longest", [0.0, 5.1])
def test_a_short_gradient_and_one_that_may_have_any_length_stay(longest: float) -> None:
    model = pulled([3.0], [0.0, 4.0])
    length = clip(model, longest)
    assert length is None if longest == 0 else float(length or 0) == 5.0
    assert [part.grad.tolist() for part in model] == [[3.0], [0.0, 4.0]]
