"""`--algo sb3-… --backbone`: stock algorithms through our eyes, and through SB3's own where nobody asks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from stable_baselines3.common.torch_layers import NatureCNN
from torch import Tensor

from agents.build import build_agent
from agents.config import AgentConfig
from agents.eyes import BackboneExtractor, CombinedEyes
from agents.resolve import resolve_config
from sandbox import load_run
from sandbox.__main__ import main
from sandbox.core.config import load_toml
from sandbox.nn.backbone import build_backbone
from sandbox.nn.transfer import FILE, load_backbone, save_backbone
from tests.agents.run_folders import error_of
from tests.agents.test_eyes import eyes

BOTH = pytest.mark.parametrize(
    ("algo", "settings"),
    [
        ("sb3-ppo", ["n_steps=16", "batch_size=8", "n_epochs=1"]),
        ("sb3-dqn", ["learning_starts=16", "train_freq=16", "buffer_size=100"]),
    ],
)
Captured = pytest.CaptureFixture[str]


def train(algo: str, settings: list[str], folder: Path, capsys: Captured, *options: str) -> Path:
    """Learn Pong for 32 steps; returns the run's folder."""
    words = ["train-agent", "Pong", "--algo", algo, "--policy", "CnnPolicy", "--steps", "32", "--json"]
    words += ["--eval-every", "0", "--env-arg", "max_episode_steps=20", "--out", str(folder), *options]
    capsys.readouterr()
    assert main([*words, *(part for text in settings for part in ("--set", text))]) == 0
    return Path(json.loads(capsys.readouterr().out)["run"])


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return all(torch.equal(part, right[name]) for name, part in left.items())


@BOTH
def test_without_the_option_they_have_the_cnn_of_sb3(algo: str, settings: list[str]) -> None:
    agent = build_agent(resolve_config("Pong", {"algo": algo}, settings=settings))
    agent.simulator.close()
    assert (agent.backbone, agent.moved) == (None, None)
    assert any(isinstance(part, NatureCNN) for part in agent.model.policy.modules())  # type: ignore[union-attr]


@BOTH
def test_a_backbone_is_learned_kept_and_loaded_again(
    algo: str, settings: list[str], tmp_path: Path, capsys: Captured
) -> None:
    run = train(algo, settings, tmp_path, capsys, "--backbone", "tiny")
    kept = load_backbone(run / FILE)
    loaded: Any = load_run(str(run))
    assert same(loaded.backbone.state_dict(), kept.state_dict())
    assert not same(kept.state_dict(), build_agent_again(run).backbone.state_dict())  # it has learned
    ours = build_agent(resolve_config("Pong", {"init_from": str(run), "wrap": []}))  # one frame, as theirs
    ours.simulator.close()
    assert ours.backbone is not None
    assert same(ours.backbone.state_dict(), kept.state_dict())


def build_agent_again(run: Path) -> Any:
    """The agent as it was before it learned."""
    agent = build_agent(load_toml(run / "config.toml", AgentConfig))
    agent.simulator.close()
    return agent


@BOTH
def test_frozen_eyes_of_another_run_stay_what_they_were(
    algo: str, settings: list[str], tmp_path: Path, capsys: Captured
) -> None:
    trained = eyes()
    save_backbone(tmp_path / FILE, trained)
    run = train(algo, settings, tmp_path, capsys, "--init-from", str(tmp_path / FILE), "--freeze")
    assert same(load_backbone(run / FILE).state_dict(), trained.state_dict())
    loaded: Any = load_run(str(run))
    assert same(loaded.backbone.state_dict(), trained.state_dict())
    assert not any(part.requires_grad for part in build_agent_again(run).backbone.parameters())


def test_what_moved_is_said(tmp_path: Path, capsys: Captured) -> None:
    save_backbone(tmp_path / FILE, eyes(channels=1))
    words = ["train-agent", "Pong", "--algo", "sb3-a2c", "--steps", "8", "--eval-every", "0"]
    words += [
        "--env-arg",
        "max_episode_steps=20",
        "--init-from",
        str(tmp_path / FILE),
        "--out",
        str(tmp_path),
    ]
    assert main(words) == 0
    assert "repeated and rescaled from 1 to 3 channels" in capsys.readouterr().err


def test_each_picture_of_a_dict_gets_a_backbone_and_arguments_of_the_extractor_stay() -> None:
    config = resolve_config(
        "Tiny/Corridor-v0", {"algo": "sb3-ppo", "backbone": "tiny"}, env_args={"kind": "dict"},
        settings=["features_extractor_kwargs={cnn_output_dim = 7}"],
    )  # fmt: skip
    agent: Any = build_agent(config)
    agent.simulator.close()
    assert isinstance(agent.model.policy.features_extractor, CombinedEyes)


def test_the_size_is_the_one_that_was_asked_for() -> None:
    agent: Any = build_agent(resolve_config("Pong", {"algo": "sb3-ppo", "backbone": "small"}))
    agent.simulator.close()
    assert isinstance(agent.model.policy.features_extractor, BackboneExtractor)
    assert agent.backbone.preset == build_backbone("small", 3).preset


@pytest.mark.parametrize("option", [["--freeze"], ["--autocast"]])
def test_the_cnn_of_sb3_cannot_be_frozen_by_us(option: list[str], capsys: Captured) -> None:
    words = ["train-agent", "Pong", "--algo", "sb3-ppo", "--dry-run", *option]
    assert "stock algorithms see through SB3's own CNN" in error_of(capsys, words, 2)
