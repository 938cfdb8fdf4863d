"""Doom: what agents see of it, where its engine leaves files, and that its episodes are restored exactly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gymnasium import spaces
from imageio_ffmpeg import count_frames_and_secs

pytest.importorskip("vizdoom", reason="needs the extra [doom]")

from agents.names import task_of
from agents.resolve import resolve_config
from agents.session import evaluator
from agents.simulators import as_simulator
from agents.simulators.from_id import find_spec, make_single
from envs.controls import controls_of
from sandbox.__main__ import main
from sandbox.core.errors import EnvironmentNotFound
from tests.agents.test_restorable import draw, play, same_record

BASIC = "VizdoomBasic-v1"
SEEN = {"frame_skip": 4, "screen_resolution": "RES_160X120"}
SMALL = ["only:screen", "grayscale", "resize:15x20", "channels_first"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The engine leaves nothing where people are."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not list(tmp_path.glob("*vizdoom*"))


@pytest.mark.parametrize("vec", ["sync", "async"])
def test_episodes_are_restored_to_the_bit(vec: str) -> None:
    options = {"env_kwargs": SEEN, "wrap": SMALL, "vec": vec}
    with as_simulator(BASIC, 2, **options) as one, as_simulator(BASIC, 2, **options) as other:  # type: ignore[arg-type]
        assert one.observation_space == spaces.Box(0, 255, (1, 15, 20), np.uint8)
        actions = draw(one, 120, 0)
        one.reset(seed=1)
        assert play(one, actions[:70])
        assert other.load_state_dict(one.state_dict()) == []
        assert same_record(play(one, actions[70:]), play(other, actions[70:]))


def test_the_engines_files_are_gone_after_closing(tmp_path: Path) -> None:
    env = make_single(find_spec(BASIC), [], SEEN)
    env.reset(seed=0)
    folder = Path(env.get_wrapper_attr("_folder").name)
    assert folder.is_dir()
    assert Path.cwd() == tmp_path
    env.close()
    env.close()
    assert not folder.exists()


def test_people_see_colours_at_the_right_pace_and_have_keys() -> None:
    env = make_single(find_spec(BASIC), SMALL, {**SEEN, "render_mode": "rgb_array"})
    env.reset(seed=0)
    assert env.render().shape == (120, 160, 3)  # type: ignore[union-attr]
    assert env.metadata["render_fps"] == 35 / 4
    controls = controls_of(env)
    assert controls is not None
    assert controls.actions == ("nothing", "attack", "move right", "move left")
    assert controls.keys == {"": 0, "space": 1, "right": 2, "left": 3}
    env.close()


def test_who_can_turn_walks_sideways_with_other_keys() -> None:
    env = make_single(find_spec("VizdoomDefendCenter-v1"), [], {})
    controls = controls_of(env)
    assert controls is not None
    assert {"left", "right", "space"} <= set(controls.keys)
    env.close()
    free = make_single(find_spec("VizdoomBasic-MultiBinary-v1"), [], {})
    assert controls_of(free) is None
    free.close()


@pytest.mark.parametrize("algo", ["ppo", "dqn"])
def test_the_preset_sees_a_small_grey_screen_and_runs_few_engines(algo: str) -> None:
    config = resolve_config(BASIC, {"algo": algo}, env_args={"frame_skip": 2})
    assert (config.policy, config.threshold) == ("CnnPolicy", 70)
    assert config.env_args == {**SEEN, "frame_skip": 2}
    with evaluator(config, config.env, 100) as simulator:
        assert simulator.num_envs == 10
        assert simulator.observation_space.shape == (1, 30, 40)


@pytest.mark.parametrize(
    ("changes", "expected"), [({}, "CnnLstmPolicy"), ({"policy": "gru"}, "CnnGruPolicy")]
)
def test_who_defends_the_center_remembers_single_frames(changes: dict[str, str], expected: str) -> None:
    config = resolve_config("VizdoomDefendCenter-v1", changes)
    assert (config.policy, config.steps) == (expected, 160_000)
    with evaluator(config, config.env, 1) as simulator:
        assert simulator.observation_space.shape == (1, 30, 40)
        assert simulator.action_space == spaces.Discrete(4)


def test_names_are_found_before_the_suite_is_imported(capsys: pytest.CaptureFixture[str]) -> None:
    assert task_of("vizdoombasic") == (BASIC, BASIC)
    with pytest.raises(EnvironmentNotFound) as caught:
        task_of("VizdoomBasik-v1")
    assert caught.value.hint == "did you mean 'VizdoomBasic-v1'?"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agents.simulators.from_id.find_module", lambda name: None)
        assert main(["train-agent", BASIC]) == 3
    assert "[doom]" in capsys.readouterr().err


def test_an_argument_that_does_not_exist_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--env-arg", "living_reward=-2", "--env-arg", "treat_episode_timeout_as_truncation=false"]
    assert main(["train-agent", BASIC, "--dry-run", "--vec", "sync", "--envs", "1", *words]) == 0
    assert main(["train-agent", BASIC, "--dry-run", "--env-arg", "frameskip=4"]) == 2
    assert "there is no argument 'frameskip'" in capsys.readouterr().err


@pytest.mark.usefixtures("short_evaluations")
def test_a_run_is_trained_evaluated_and_watched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--out", str(tmp_path / "runs"), "--name", "run", "--quiet", "--steps", "64", "--envs", "2"]
    small = [word for text in SMALL for word in ("--wrap", text)]
    assert main(["train-agent", BASIC, *words, *small, "--vec", "sync"]) == 0
    run, video = str(tmp_path / "runs" / "run"), tmp_path / "doom.mp4"
    capsys.readouterr()
    assert main(["evaluate", run, "--episodes", "2", "--json"]) == 0
    assert -400 <= json.loads(capsys.readouterr().out)["evaluation"]["mean"] < 100
    assert main(["watch", run, "--record", str(video), "--episodes", "1", "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)["episodes"][0]["steps"]
    assert count_frames_and_secs(str(video))[0] == steps + 1
