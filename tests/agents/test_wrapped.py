"""Wrappers by name around what agents learn on: training, saved states, evaluations, watching and videos."""

from __future__ import annotations

import json
from importlib.util import find_spec as find_module
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from imageio_ffmpeg import count_frames_and_secs

from agents import PPO
from agents.simulators import as_simulator
from agents.simulators.from_id import find_spec, is_batch
from agents.simulators.from_vector import FromVectorEnv
from agents.simulators.singles import Singles
from agents.vec import SB3VecEnv
from agents.watched import make_env
from envs.wrappers import FrameStack, wrap
from sandbox.__main__ import main
from sandbox.core.config import load_toml
from sandbox.core.errors import UsageError
from tests.agents.run_folders import assert_same_run, error_of, train
from tests.agents.tasks import small_ppo
from tests.agents.test_restorable import assert_plain, draw, play, same_record

OURS, FOREIGN = "Sandbox/CartPole-v0", "CartPole-v1"
BLIND = ["mask_velocity", "flicker:0.4", "frame_stack:3", "sticky_actions:0.3"]
ENVIRONMENTS = [OURS, FOREIGN]
if find_module("Box2D"):
    ENVIRONMENTS.append("LunarLander-v3")

gym.register(
    "Elsewhere/Walk-v0", "tests.envs.test_base:WalkEnv", vector_entry_point="tests.envs.test_base:Walk"
)


def options(specs: list[str]) -> list[str]:
    return [word for text in specs for word in ("--wrap", text)]


@pytest.mark.parametrize("env", [OURS, FOREIGN])
def test_ours_are_wrapped_as_a_batch_and_others_one_by_one(env: str) -> None:
    with as_simulator(env, 3, wrap=["mask_velocity", "frame_stack:2"]) as simulator:
        assert isinstance(simulator, FromVectorEnv if env == OURS else Singles)
        assert simulator.observation_space.shape == (8,)
        assert simulator.reset(seed=0).shape == (3, 8)  # type: ignore[union-attr]
        step = simulator.step(np.array([0, 1, 0]))
        assert (step.observation[:, [1, 3, 5, 7]] == 0).all()  # type: ignore[call-overload]
        assert simulator.get_attr("spec", 1).id == env


@pytest.mark.parametrize("vec", ["sync", "async"])
@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_what_is_saved_in_the_midst_of_episodes_continues_bit_identically(env: str, vec: Any) -> None:
    with as_simulator(env, 3, wrap=BLIND, vec=vec) as one, as_simulator(env, 3, wrap=BLIND, vec=vec) as other:
        actions = draw(one, 130, 0)
        one.reset(seed=1)
        play(one, actions[:50])
        state = one.state_dict()
        assert_plain(state)
        assert other.load_state_dict(state) == []
        assert same_record(play(one, actions[50:]), play(other, actions[50:]))


def test_a_wrapped_batch_is_passed_on_uncopied_as_ours_is() -> None:
    batch = gym.make_vec(OURS, num_envs=2)
    env = wrap(batch, ["frame_stack:2"])
    simulator = as_simulator(env)
    first = simulator.reset(seed=0)
    assert isinstance(env, FrameStack)
    assert first is env.given
    assert simulator.get_attr("stack_depth", 0) == 2
    assert simulator.get_attr("max_episode_steps", 0) == 500
    assert not simulator.env_method("observation", 1)[:, :4].any()
    simulator.set_attr("max_episode_steps", 7, 0)
    assert batch.max_episode_steps == 7  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        simulator.get_attr("nonsense", 0)


def test_gymnasiums_batches_within_our_wrappers_are_copied_and_not_saved() -> None:
    inner = gym.vector.SyncVectorEnv([lambda: gym.make(FOREIGN)] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    simulator = as_simulator(wrap(inner, ["flicker:0.3", "frame_stack:2"]))
    simulator.reset(seed=0)
    for _ in range(60):
        step = simulator.step(np.array([0, 1]))
        if (step.terminated | step.truncated).any():
            assert step.final_observation is not None
    assert simulator.state_dict() is None
    with pytest.raises(AttributeError):
        simulator.get_attr("nonsense", 0)


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_stable_baselines_sees_the_same_whatever_the_mode(mode: AutoresetMode) -> None:
    """A batch that resets in the next step is reset at once, through our wrappers too."""
    record = []
    for chosen in (mode, AutoresetMode.DISABLED):
        batch = gym.make_vec(OURS, num_envs=3, autoreset_mode=chosen, max_episode_steps=9)
        venv = SB3VecEnv(wrap(batch, ["mask_velocity", "frame_stack:3"]))
        venv.seed(0)
        seen = [venv.reset()]
        infos: list[Any] = []
        for _ in range(30):
            observation, reward, dones, info = venv.step(np.array([0, 1, 0]))
            seen += [observation, reward, dones]
            infos += [one["terminal_observation"] for one in info if "terminal_observation" in one]
        record.append((seen, infos))
    assert record[0][1]
    for left, right in zip(record[0][0] + record[0][1], record[1][0] + record[1][1], strict=True):
        np.testing.assert_array_equal(left, right)


def test_peoples_own_environments_on_our_core_are_batches_too() -> None:
    assert is_batch(find_spec("Elsewhere/Walk-v0"))
    assert not is_batch(find_spec(FOREIGN)), "it has a vector environment, but not one of ours"
    with as_simulator("Elsewhere/Walk-v0", 4, env_kwargs={"length": 5}, wrap=["grayscale"]) as simulator:
        assert isinstance(simulator, FromVectorEnv)
        assert simulator.observation_space.shape == (1, 40, 40)


def test_an_agent_in_python_takes_wrappers_with_an_id_alone() -> None:
    agent = small_ppo(OURS, wrap=BLIND).learn(64)
    assert agent.observation_space.shape == (12,)
    with pytest.raises(UsageError, match="wrap needs the id"):
        PPO("MlpPolicy", gym.make(FOREIGN), wrap=BLIND)
    with pytest.raises(UsageError, match=r"wrap must be a list of texts, such as \['mask_velocity'\]"):
        small_ppo(OURS, wrap="mask_velocity")


@pytest.mark.usefixtures("short_evaluations")
def test_a_run_keeps_its_wrappers_wherever_its_agent_plays(
    runs_root: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["train-agent", "CartPole", "--steps", "512", "--envs", "4", "--set", "n_steps=16"]
    words += [
        "--eval-every",
        "256",
        "--video-every",
        "512",
        "--out",
        str(runs_root),
        "--name",
        "it",
        "--json",
    ]
    assert main([*words, *options(BLIND)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["env"], result["evaluation"]["episodes"]) == (FOREIGN, 4)
    from agents.config import AgentConfig

    run = runs_root / "it"
    config = load_toml(run / "config.toml", AgentConfig)
    assert config.wrap == BLIND
    assert min(file.name for file in (run / "videos").iterdir()) == "step-000000000000.mp4"
    assert main(["evaluate", str(run), "--episodes", "2", "--json"]) == 0
    for env in ([], ["--env", "CartPole-v1"]):
        video = tmp_path / f"it{len(env)}.mp4"
        assert main(["watch", str(run), *env, "--record", str(video), "--episodes", "1"]) == 0
        assert (count_frames_and_secs(video)[0] or 0) > 5
    capsys.readouterr()
    message = error_of(capsys, ["watch", str(run), "--wrap", "flicker:0.1", "--record", str(video)], 2)
    assert "it sees Box(12,), not Box(4,)" in message


@pytest.mark.usefixtures("short_evaluations")
def test_a_config_file_carries_wrappers_and_options_replace_them(
    runs_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(runs_root, "one", OURS, *options(BLIND)) == 0
    config = ["--config", str(runs_root / "one" / "config.toml"), "--out", str(runs_root), "--quiet"]
    assert main(["train-agent", *config, "--name", "two"]) == 0
    assert_same_run(runs_root / "one", runs_root / "two")
    capsys.readouterr()
    assert main(["train-agent", *config, "--wrap", "frame_stack:2", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["config"]["wrap"] == ["frame_stack:2"]


@pytest.mark.usefixtures("short_evaluations")
def test_a_run_from_python_can_be_made_again(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_RUNS", str(runs_root))
    small_ppo(OURS, wrap=BLIND).learn(64, run=True)
    (run,) = runs_root.iterdir()
    assert main(["evaluate", str(run), "--episodes", "2", "--json"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "train-agent CartPole --wrap flickr:0.5",
            "there is no wrapper called 'flickr'; did you mean 'flicker'?",
        ),
        ("train-agent CartPole --wrap frame_stack", "frame_stack needs a value, such as frame_stack:4"),
        ("train-agent CartPole --wrap flicker:2", "Flicker: probability must be between 0 and 1, got 2.0"),
        ("train-agent FrozenLake --wrap mask_velocity", "nobody has said where FrozenLake has velocities"),
        ("train-agent CartPole-v1 --vec async --wrap grayscale", "Grayscale: needs pictures of uint8"),
        (
            "train-agent CartPole --wrap flicker:0 --wrap action_repeat:2",
            "ActionRepeat: must stand innermost",
        ),
        ("watch --random --env CartPole --wrap resize:x", "resize needs a whole number"),
        ("play CartPole --wrap frame_stack:0", "FrameStack: depth must be a whole number of at least 1"),
    ],
)
def test_a_wrong_wrapper_is_refused_in_one_line(
    words: str,
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in error_of(capsys, words.split(), 2)
    assert not list(tmp_path.iterdir())


def test_an_ill_typed_list_of_wrappers_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('env = "CartPole-v1"\nwrap = "flicker:0.5"\n')
    message = error_of(capsys, ["train-agent", "--config", str(tmp_path / "bad.toml")], 2)
    assert "bad.toml" in message
    assert "wrap" in message


def test_every_wrapper_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "wrappers", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [rows[0][0], rows[2][0]] == ["frame_stack", "mask_velocity"]


def test_what_is_watched_is_wrapped_and_still_has_its_picture() -> None:
    env = make_env("CartPole", {}, ["flicker:0.5"])
    env.reset(seed=0)
    picture: Any = env.render()
    assert picture.ndim == 3
    env.close()
