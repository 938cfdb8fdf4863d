"""What `list backbones` says about each preset."""

from __future__ import annotations

import torch
from torch import nn

from sandbox.nn.backbone import PRESETS
from sandbox.nn.listing import backbones, measured, multiply_adds, nature_cnn, parameters


def test_multiply_adds_and_parameters_by_hand() -> None:
    net = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.Flatten(), nn.Linear(3 * 16, 5))
    assert parameters(net) == 3 * 2 * 9 + 3 + 48 * 5 + 5
    assert multiply_adds(net, (2, 4, 4)) == 16 * 3 * 2 * 9 + 48 * 5


def test_the_stock_network_is_that_of_stable_baselines() -> None:
    net = nature_cnn((12, 40, 40))
    assert type(net).__module__ == "stable_baselines3.common.torch_layers"
    assert net(torch.zeros(2, 12, 40, 40)).shape == (2, 512)


def test_every_preset_is_listed_beside_the_stock_network() -> None:
    table = backbones()
    assert [row[0] for row in table["rows"]] == [*PRESETS, "NatureCNN"]
    assert all(len(row) == len(table["columns"]) for row in table["rows"])
    assert table["rows"][-1][-1].endswith("(1.00×)")


def test_measuring_takes_turns_and_keeps_the_least() -> None:
    order: list[str] = []

    class Counted(nn.Linear):
        def __init__(self, name: str) -> None:
            super().__init__(40, 1)
            self.name = name

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            order.append(self.name)
            return super().forward(x)

    times = measured({"one": Counted("one"), "two": Counted("two")}, batch=2, rounds=3)
    assert order == ["one", "two"] * 3
    assert all(0 < seconds < float("inf") for seconds in times.values())
