"""Where decisions come from, for observations of every form, ours and stock SB3's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import gymnasium as gym
import imageio.v3 as imageio
import numpy as np
import pytest
import stable_baselines3 as sb3
import torch
from gymnasium import spaces
from torch import Tensor

from agents import DQN, PPO, SB3VecEnv
from agents.actors import PolicyActor, SB3Actor, as_known
from agents.observations import to_tensors
from agents.saliency import Pictures, Saliency, centred
from agents.watched import run_watched
from sandbox.__main__ import main
from sandbox.core.runs import find_run
from sandbox.nn.explain import perturbation_saliency
from tests.agents.run_folders import error_of, quick_ends, train
from tests.agents.tasks import Sampled

FIRST = spaces.Box(0, 255, (3, 40, 48), np.uint8)
LAST = spaces.Box(0, 255, (40, 48, 3), np.uint8)
STACK = spaces.Box(0, 255, (12, 40, 48), np.uint8)
STACK_LAST = spaces.Box(0, 255, (40, 48, 12), np.uint8)
GREYS = spaces.Box(0, 255, (4, 40, 48), np.uint8)
MIXED = spaces.Dict({"speed": spaces.Box(-1, 1, (2,), np.float32), "view": LAST, "gear": spaces.Discrete(3)})
BLIND = spaces.Dict({"speed": spaces.Box(-1, 1, (2,), np.float32)})


def pixel_of(batch: Any, space: spaces.Space, row: int, column: int) -> Tensor:
    """One number for each observation of a batch: what its picture shows at a place."""
    if isinstance(space, spaces.Dict):
        assert len(batch["speed"]) == len(batch["gear"]) == len(batch["view"])
        batch, space = batch["view"], space["view"]
    last = (space.shape or ())[0] == 40
    numbers = batch[:, row, column] if last else batch[:, :, row, column]
    return torch.from_numpy(numbers.astype(np.float32)).sum(1, keepdim=True)


@pytest.mark.parametrize("space", [FIRST, LAST, STACK, STACK_LAST, GREYS, MIXED])
@pytest.mark.parametrize(("row", "column"), [(5, 40), (35, 3)])
def test_a_policy_that_looks_at_one_pixel_looks_there(space: spaces.Space, row: int, column: int) -> None:
    space.seed(0)
    heat = Saliency(space)(lambda batch: pixel_of(batch, space, row, column), space.sample())
    assert heat.shape == (40, 48)
    assert heat.max() == pytest.approx(1)
    hottest = np.unravel_index(heat.argmax(), heat.shape)
    assert np.hypot(hottest[0] - row, hottest[1] - column) <= 4


def test_pictures_come_out_and_go_in_as_the_environment_shows_them() -> None:
    MIXED.seed(1)
    observation = MIXED.sample()
    pictures = Pictures(MIXED)
    picture = pictures.of(observation)
    assert np.array_equal(picture.permute(1, 2, 0).numpy(), observation["view"])
    batch = pictures.put(observation, torch.stack([picture, 255.0 - picture]))
    assert np.array_equal(batch["view"][0], observation["view"])
    assert np.array_equal(batch["view"][1], 255 - observation["view"])
    assert np.array_equal(batch["speed"], np.stack([observation["speed"]] * 2))
    assert batch["gear"].tolist() == [observation["gear"]] * 2


def test_stock_agents_know_channels_first_where_the_environment_shows_them_last() -> None:
    LAST.seed(0)
    observation = LAST.sample()
    known = spaces.Box(0, 255, (3, 40, 48), np.uint8)
    assert np.array_equal(Pictures(known).of(observation).permute(1, 2, 0).numpy(), observation)
    heat = Saliency(known)(lambda batch: pixel_of(batch, LAST, 30, 9), observation)
    assert abs(int(heat.argmax()) // 48 - 30) <= 4


@pytest.mark.parametrize("space", [BLIND, spaces.Discrete(4), spaces.Box(0, 1, (3, 40, 40), np.float32)])
def test_without_pictures_there_is_none(space: spaces.Space) -> None:
    assert Saliency(space).blind == "it sees no pictures"


def test_heat_is_beside_the_strongest_of_the_steps_before() -> None:
    FIRST.seed(0)
    saliency, observation = Saliency(FIRST), FIRST.sample()
    strong = saliency(lambda batch: pixel_of(batch, FIRST, 9, 9), observation)
    weak = saliency(lambda batch: 0.1 * pixel_of(batch, FIRST, 9, 9), observation)
    assert strong.max() == pytest.approx(1)
    assert weak.max() == pytest.approx(0.1 / 0.95, rel=0.01)


@pytest.mark.parametrize("kind", [PPO, DQN])
@pytest.mark.parametrize(("space", "policy"), [(LAST, "CnnPolicy"), (MIXED, "MultiInputPolicy")])
def test_it_is_asked_what_the_policy_tends_to(kind: Any, space: spaces.Space, policy: str) -> None:
    sizes: dict[str, Any] = {"n_steps": 8, "batch_size": 4} if kind is PPO else {"buffer_size": 100}
    agent = kind(policy, Sampled(space), policy_kwargs={"features_dim": 16}, seed=0, device="cpu", **sizes)
    actor, pictures = agent.actor("it"), Pictures(agent.observation_space)
    space.seed(3)
    observation = space.sample()
    view = actor.act(observation)
    observation = as_known(observation, agent.observation_space)  # channels first, as SB3 turns them
    heat = actor.saliency()

    def answer(changed: Tensor) -> Tensor:
        tensors = to_tensors(pictures.put(observation, changed), agent.device)
        if kind is DQN:
            return centred(agent.policy.q_net(tensors))
        return centred(agent.policy.get_distribution(tensors).distribution.logits)

    with torch.inference_mode():
        own = answer(pictures.of(observation)[None])[0]
        expected = perturbation_saliency(answer, pictures.of(observation)).numpy()
    assert own.sum() == pytest.approx(0, abs=1e-5)
    assert int(own.argmax()) == view.action
    np.testing.assert_allclose(heat, expected / expected.max(), atol=1e-3)


@pytest.mark.parametrize(
    "action", [spaces.MultiDiscrete([2, 3]), spaces.MultiBinary(3), spaces.Box(-1, 1, (2,))]
)
def test_all_kinds_of_actions_have_tendencies(action: spaces.Space) -> None:
    agent = PPO("CnnPolicy", Sampled(FIRST, action), n_steps=8, batch_size=4, seed=0, device="cpu")
    actor = PolicyActor(agent.policy, "it")
    FIRST.seed(0)
    actor.act(FIRST.sample())
    assert actor.saliency().max() == pytest.approx(1)


@pytest.mark.parametrize("algorithm", [sb3.PPO, sb3.DQN])
def test_stock_agents_with_a_cnn_have_it_too(algorithm: Any) -> None:
    steps = {"n_steps": 8, "batch_size": 4} if algorithm is sb3.PPO else {"buffer_size": 100}
    model = algorithm("CnnPolicy", SB3VecEnv("Sandbox/Catch-v0", n_envs=2), device="cpu", seed=0, **steps)
    actor = SB3Actor(model, "it")
    env = gym.make("Sandbox/Catch-v0")
    observation, _ = env.reset(seed=0)
    actor.act(observation)
    heat = actor.saliency()
    assert heat.shape == (40, 40)
    near = np.pad(observation.max(0) > 0, 12)
    near = np.logical_or.reduce(
        [near[r : r + 40, c : c + 40] for r in range(0, 25, 4) for c in range(0, 25, 4)]
    )
    assert heat[~near].max() < 0.05  # an empty sky decides nothing


# The command


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs: `seeing`, which has eyes, and `blind`."""
    root = tmp_path_factory.mktemp("saliency") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        quick_ends(patch)
        short = ("--steps", "128", "--eval-every", "0")
        assert train(root, "seeing", "Sandbox/Catch-v0", *short) == 0
        assert train(root, "blind", "CartPole-v1", *short) == 0
    return root


def test_a_video_has_it_on_the_board_and_nowhere_else(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = []
    for name, option in (("plain", ()), ("hot", ("--saliency",))):
        words = ["watch", "seeing", "--out", str(runs), "--episodes", "1", "--env-arg", "balls=1"]
        assert main([*words, *option, "--record", str(tmp_path / f"{name}.mp4"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["frames"] == 10
        frames.append(imageio.imread(tmp_path / f"{name}.mp4", plugin="FFMPEG").astype(float))
    plain, hot = frames
    board = np.s_[:-1, 110:530, 30:450]
    assert hot[board].mean() < 0.8 * plain[board].mean()  # most of it is dimmed
    assert np.abs(hot[:, :80] - plain[:, :80]).mean() < 1
    assert np.abs(hot[-1] - plain[-1]).mean() < 1  # over: nothing is decided any more


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("blind",), "it sees no pictures"),
        (("--random", "--env", "Sandbox/Catch-v0"), "nobody looks at pictures"),
    ],
)
def test_who_sees_nothing_is_refused(
    runs: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], reason: str
) -> None:
    error = error_of(capsys, ["watch", *words, "--saliency", "--out", str(runs)], 2)
    assert "has no saliency" in error
    assert reason in error


def test_what_is_watched_is_not_compiled(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "seeing", tmp_path / "compiled")
    config = tmp_path / "compiled" / "config.toml"
    config.write_text('compile = "reduce-overhead"\n' + config.read_text())
    watched = run_watched(find_run("compiled", tmp_path), "best", "", {}, False, print)
    assert isinstance(watched.actor, PolicyActor)
    assert watched.actor.policy.features_extractor.compile_mode is None


# explain


def test_explain_draws_what_the_agent_sees(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["explain", "seeing", "--out", str(runs), "--episodes", "2", "--frames", "60"]
    assert main([*words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["frames"] == 60
    assert set(result["pictures"]) == {"kernels", "features", "exciting", "saliency"}
    for path in map(Path, result["pictures"].values()):
        assert path.parent == runs / "seeing" / "plots"
        assert imageio.imread(path).shape[1] > 500


def test_explain_writes_elsewhere_and_the_same_for_the_same_seed(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = []
    for folder, seed in (("one", 5), ("two", 5), ("three", 6)):
        words = ["explain", "seeing", "--out", str(runs), "--frames", "30", "--seed", str(seed)]
        assert main([*words, "-o", str(tmp_path / folder)]) == 0
        pictures.append((tmp_path / folder / "saliency.png").read_bytes())
        assert str(tmp_path / folder / "kernels.png") in capsys.readouterr().out
    assert pictures[0] == pictures[1] != pictures[2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("blind",), "blind cannot be explained: ppo with MlpPolicy has no backbone"),
        (("seeing", "--split", "test"), "--split and --data-dir are for classifiers"),
        (("seeing", "hand.jpg"), "FILE, --classes and --channel are for classifiers"),
        (("seeing", "--classes", "3"), "FILE, --classes and --channel are for classifiers"),
        (("seeing", "--channel", "1:3"), "FILE, --classes and --channel are for classifiers"),
        (("seeing", "--frames", "0"), "--frames must be at least 1"),
        (("seeing", "--episodes", "0"), "--episodes must be at least 1"),
        (("seeing", "--seed", "-1"), "--seed must be between"),
        (("seeing", "-o", __file__), "is a file"),
    ],
)
def test_what_cannot_be_explained_is_one_line(
    runs: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    assert message in error_of(capsys, ["explain", *words, "--out", str(runs)], 2)
