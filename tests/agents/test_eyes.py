"""Agents see pictures through the shared backbone, and so do stock SB3's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3 as sb3
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import CombinedExtractor, FlattenExtractor, NatureCNN

from agents import DQN, PPO, SB3VecEnv
from agents.build import build_agent
from agents.eyes import BackboneExtractor, CombinedEyes, extract_features
from agents.python_run import config_of
from agents.resolve import resolve_config
from sandbox.__main__ import main
from sandbox.core.errors import UnknownName, UnsupportedSpace, UsageError
from sandbox.nn.backbone import Backbone, build_backbone
from sandbox.nn.transfer import load_backbone
from tests.agents.tasks import Sampled, same_weights

PICTURE = spaces.Box(0, 255, (3, 40, 40), np.uint8)
LAST = spaces.Box(0, 255, (40, 40, 3), np.uint8)
MIXED = spaces.Dict(
    {"eye": PICTURE, "speed": spaces.Box(-1, 1, (2,), np.float32), "gear": spaces.Discrete(3)}
)


def small(kind: Any, space: spaces.Space, policy: str = "CnnPolicy", **policy_kwargs: Any) -> Any:
    """An agent with small eyes, on random observations of `space`."""
    arguments: dict[str, Any] = {"n_steps": 8, "batch_size": 4, "n_epochs": 1} if kind is PPO else {
        "buffer_size": 100, "learning_starts": 8, "batch_size": 4
    }  # fmt: skip
    kwargs = {"features_dim": 16, **policy_kwargs}
    return kind(policy, Sampled(space), policy_kwargs=kwargs, seed=0, device="cpu", **arguments)


def eyes(seed: int = 1, channels: int = 3, preset: str = "tiny") -> Backbone:
    """A backbone whose weights are not those of a new one."""
    backbone = build_backbone(preset, channels)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in backbone.parameters():
            part.copy_(torch.randn(part.shape, generator=generator) * 0.1)
    return backbone


@pytest.mark.parametrize("kind", [PPO, DQN])
@pytest.mark.parametrize(
    ("space", "policy"), [(PICTURE, "CnnPolicy"), (LAST, "CnnPolicy"), (MIXED, "MultiInputPolicy")]
)
def test_agents_learn_from_pictures(kind: Any, space: spaces.Space, policy: str) -> None:
    agent = small(kind, space, policy)
    before = {name: part.clone() for name, part in agent.backbone.state_dict().items()}
    agent.learn(32)
    assert any(not torch.equal(part, before[name]) for name, part in agent.backbone.state_dict().items())
    observation = space.sample()
    assert agent.predict(observation, deterministic=True)[0] in (0, 1)


def test_channels_last_and_first_show_the_same_and_floats_what_bytes_do() -> None:
    first = BackboneExtractor(PICTURE, 16)
    last = BackboneExtractor(LAST, 16)
    last.load_state_dict(first.state_dict())
    pictures = torch.randint(0, 256, (2, 3, 40, 40), dtype=torch.uint8)
    shown = first(pictures)
    torch.testing.assert_close(last(pictures.permute(0, 2, 3, 1)), shown)
    torch.testing.assert_close(first(pictures.float() / 255), shown, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", [PPO, DQN])
def test_trained_eyes_start_an_agent_with_their_weights(kind: Any) -> None:
    trained = eyes()
    agent = small(kind, PICTURE, backbone=trained)
    assert agent.backbone is not trained
    for name, part in agent.backbone.state_dict().items():
        assert torch.equal(part, trained.state_dict()[name])
    assert "the stem too" in str(agent.moved)


def test_a_stack_of_frames_sees_through_eyes_for_one() -> None:
    stack = spaces.Box(0, 255, (12, 40, 40), np.uint8)
    agent = small(PPO, stack, backbone=eyes())
    assert agent.backbone.in_channels == 12
    assert "repeated and rescaled from 3 to 12 channels" in str(agent.moved)


@pytest.mark.parametrize("kind", [PPO, DQN])
def test_frozen_eyes_stay_as_they_are(kind: Any) -> None:
    trained = eyes()
    agent = small(kind, PICTURE, backbone=trained, freeze=True)
    agent.learn(64)
    for name, part in agent.backbone.state_dict().items():
        assert torch.equal(part, trained.state_dict()[name])


@pytest.mark.parametrize("kind", [PPO, DQN])
def test_an_agent_with_trained_eyes_is_saved_and_loaded(kind: Any, tmp_path: Path) -> None:
    agent = small(kind, PICTURE, backbone=eyes()).learn(16)
    agent.save(tmp_path / "agent.zip")
    assert same_weights(agent, kind.load(tmp_path / "agent.zip"))


@pytest.mark.parametrize("algorithm", [sb3.PPO, sb3.DQN])
def test_stock_sb3_uses_the_backbone_and_leaves_its_weights(algorithm: Any) -> None:
    trained = eyes()
    kwargs = {
        "features_extractor_class": BackboneExtractor,
        "features_extractor_kwargs": {"backbone": trained, "features_dim": 16},
    }
    steps = {"n_steps": 8, "batch_size": 4} if algorithm is sb3.PPO else {"buffer_size": 100}
    model = algorithm(
        "CnnPolicy", SB3VecEnv("Sandbox/Catch-v0", n_envs=2), policy_kwargs=kwargs, device="cpu", **steps
    )
    extractor = model.policy.features_extractor if algorithm is sb3.PPO else model.q_net.features_extractor
    for name, part in extractor.backbone.state_dict().items():
        assert torch.equal(part, trained.state_dict()[name])
    model.learn(32)


def test_orthogonal_initialisation_spares_the_backbone_and_reaches_the_layer_behind_it() -> None:
    agent = small(PPO, PICTURE)
    second = agent.backbone.stages[0][0].state_dict()
    assert any(part.abs().max() == 0 for part in second.values())  # residual blocks begin with zeros
    weight = agent.policy.features_extractor.linear.weight
    torch.testing.assert_close(weight @ weight.T, 2 * torch.eye(16), atol=1e-4, rtol=1e-4)


def test_a_dict_without_pictures_and_other_extractors_work_as_before() -> None:
    plain = spaces.Dict({"a": spaces.Box(-1, 1, (2,), np.float32), "b": spaces.Discrete(3)})
    agent = PPO("MultiInputPolicy", Sampled(plain), n_steps=8, batch_size=4, device="cpu").learn(8)
    assert agent.backbone is None
    assert CombinedEyes(plain).features_dim == 5
    nature = PPO(
        "CnnPolicy", Sampled(PICTURE), n_steps=8, batch_size=4, n_epochs=1, device="cpu",
        policy_kwargs={"features_extractor_class": NatureCNN},
    )  # fmt: skip
    assert nature.learn(8).backbone is None


def test_in_bfloat16_the_features_are_nearly_the_same() -> None:
    torch.manual_seed(0)
    plain = BackboneExtractor(PICTURE, 16)
    quick = BackboneExtractor(PICTURE, 16, autocast=True)
    quick.load_state_dict(plain.state_dict())
    pictures = torch.randint(0, 256, (8, *PICTURE.shape), dtype=torch.uint8)
    found = quick(pictures)
    assert found.dtype == torch.float32
    assert not torch.equal(found, plain(pictures))
    torch.testing.assert_close(found, plain(pictures), atol=0.03, rtol=0.03)


def test_eyes_are_compiled_in_the_mode_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def compiler(function: Any, **how: Any) -> Any:
        asked.append(how)
        return function

    monkeypatch.setattr(torch, "compile", compiler)
    agent = small(DQN, MIXED, "MultiInputPolicy", compile_mode="reduce-overhead")
    assert asked == [{"mode": "reduce-overhead"}] * 2  # the network's and the target network's
    agent.learn(16)


@pytest.mark.parametrize("kind", [PPO, DQN])
def test_the_config_of_a_run_of_python_makes_the_same_eyes(kind: Any) -> None:
    kwargs = {"backbone": "small", "freeze": True, "autocast": True, "features_dim": 16}
    agent = kind("CnnPolicy", "Sandbox/Catch-v0", n_envs=2, device="cpu", policy_kwargs=kwargs)
    config = config_of(agent, 100)
    assert (config.backbone, config.freeze, config.autocast, config.compile) == ("small", True, True, None)
    again = build_agent(config)
    assert str(again.policy) == str(agent.policy)
    assert again.policy.features_extractor_kwargs == agent.policy.features_extractor_kwargs | {
        "compile_mode": None
    }


def test_an_agent_of_the_command_line_goes_on_with_a_run_of_python() -> None:
    config = resolve_config("Catch", {"backbone": "small", "device": "cpu"})
    again = config_of(build_agent(config), 100)
    assert (again.backbone, again.freeze, again.autocast, again.compile) == ("small", False, False, None)


def test_pictures_as_floats_are_not_written_into() -> None:
    floats = torch.full((2, *PICTURE.shape), 51.0)
    seen = extract_features(floats, PICTURE, FlattenExtractor(PICTURE), normalize_images=True)
    assert floats.unique().tolist() == [51.0]
    torch.testing.assert_close(seen.unique(), torch.tensor([0.2]))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(UnknownName, match="tinny"):
        small(PPO, PICTURE, backbone="tinny")
    with pytest.raises(UnsupportedSpace, match="too small"):
        BackboneExtractor(spaces.Box(0, 255, (3, 6, 6), np.uint8))
    with pytest.raises(UnsupportedSpace, match="no pictures"):
        BackboneExtractor(spaces.Box(0, 1, (4,)))
    with pytest.raises(UsageError, match="NatureCNN has no backbone"):
        small(PPO, PICTURE, backbone="tiny", features_extractor_class=NatureCNN)


def test_a_run_keeps_its_eyes_and_another_one_starts_from_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--steps", "256", "--eval-every", "128", "--envs", "4", "--out", str(tmp_path), "--quiet"]
    small_settings = ["--set", "n_steps=16", "--set", "features_dim=16", "--set", "n_epochs=1"]
    assert main(["train-agent", "Catch", *words, *small_settings, "--name", "first"]) == 0
    kept = load_backbone(tmp_path / "first")
    assert kept.in_channels == 3
    dqn = ["--algo", "dqn", "--set", "learning_starts=64", "--set", "features_dim=16", "--name", "second"]
    start = ["--init-from", "first", "--freeze", "--wrap", "frame_stack:2"]
    assert main(["train-agent", "Catch", *words, *dqn, *start]) == 0
    assert "repeated and rescaled from 3 to 6 channels" in capsys.readouterr().err
    frozen = load_backbone(tmp_path / "second").state_dict()
    for name, part in kept.state_dict().items():
        if not name.startswith("stem."):
            assert torch.equal(frozen[name], part)
    assert main(["train-agent", "CartPole", *words, "--init-from", str(tmp_path / "first")]) == 2
    assert "MlpPolicy has no backbone" in capsys.readouterr().err
    assert main(["train-agent", "CartPole", "--compile", "default"]) == 2
    assert "no backbone for autocast or compile" in capsys.readouterr().err
    assert main(["train-agent", "Catch", *words, "--init-from", "first", "--backbone", "large"]) == 2
    assert "'tiny', not 'large'" in capsys.readouterr().err


def test_gymnasiums_pictures_with_channels_last_are_learned_from(tmp_path: Path) -> None:
    env = gym.wrappers.AddRenderObservation(gym.make("CartPole-v1", render_mode="rgb_array"))
    agent = PPO(
        "CnnPolicy", env, n_steps=4, batch_size=4, n_epochs=1, device="cpu", policy_kwargs={"features_dim": 8}
    )
    assert agent.learn(4).backbone is not None


@pytest.mark.parametrize("space", [LAST, spaces.Dict({"eye": LAST, "speed": MIXED["speed"]})])
def test_a_run_in_an_environment_with_channels_last_ends_with_its_evaluation(
    space: spaces.Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sampled.__init__, "__defaults__", (space, None, 5))
    words = ["--steps", "64", "--envs", "2", "--set", "features_dim=8", "--out", str(tmp_path), "--quiet"]
    for algo, settings in {"ppo": ["n_steps=16"], "dqn": ["learning_starts=16", "buffer_size=100"]}.items():
        options = [word for setting in settings for word in ("--set", setting)]
        assert main(["train-agent", "Tiny/Sampled-v0", "--algo", algo, "--name", algo, *words, *options]) == 0
        assert main(["evaluate", str(tmp_path / algo), "--episodes", "2"]) == 0


def test_extractors_that_take_rows_for_channels_are_refused() -> None:
    with pytest.raises(UsageError, match="NatureCNN sees pictures with the channels first"):
        PPO("CnnPolicy", Sampled(LAST), policy_kwargs={"features_extractor_class": NatureCNN})
    PPO("CnnPolicy", Sampled(PICTURE), policy_kwargs={"features_extractor_class": NatureCNN})


def test_a_file_of_sb3s_with_other_eyes_says_what_to_pass(tmp_path: Path) -> None:
    space = spaces.Dict({"eye": PICTURE, "speed": spaces.Box(-1, 1, (2,), np.float32)})
    theirs = sb3.PPO("MultiInputPolicy", Sampled(space), n_steps=8, batch_size=4, device="cpu")
    theirs.save(tmp_path / "theirs.zip")
    with pytest.raises(UsageError, match="other networks than ours"):
        PPO.load(tmp_path / "theirs.zip", trust=True)
    kwargs = {"features_extractor_class": CombinedExtractor}
    taken = PPO.load(tmp_path / "theirs.zip", trust=True, policy_kwargs=kwargs)
    observation = {name: part[None] for name, part in space.sample().items()}
    tensors = {name: torch.as_tensor(part) for name, part in observation.items()}
    ours, other = taken.policy.predict_values(tensors), theirs.policy.predict_values(tensors)
    torch.testing.assert_close(ours, other)
