"""Atari: what agents see and get, whole games' points beside it, and states that are restored exactly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from imageio_ffmpeg import count_frames_and_secs

pytest.importorskip("ale_py", reason="needs the extra [atari]")

import envs.atari.batch
from agents import DQN, PPO
from agents.evaluate import evaluate
from agents.names import LONGEST, longest_episode, with_end
from agents.presets import preset
from agents.simulators import Step, as_simulator
from agents.simulators.from_id import find_spec, make_single
from agents.vec import SB3VecEnv
from agents.watched import make_env
from envs.atari import AtariBatch, AtariGame
from envs.controls import controls_of
from sandbox.__main__ import main
from sandbox.core.errors import UsageError
from tests.agents.run_folders import assert_same_run, at_metric_line, press_ctrl_c, resume, train

BREAKOUT, INVADERS = "ALE/Breakout-v5", "ALE/SpaceInvaders-v5"
SMALL = {"img_height": 16, "img_width": 16, "max_num_frames_per_episode": 120}
SHORT = ("--env-arg", "img_height=16", "--env-arg", "img_width=16")
SHORT += ("--env-arg", "max_num_frames_per_episode=120")


def draw(num_envs: int, steps: int, actions: int = 4) -> np.ndarray:
    return np.random.default_rng(0).integers(0, actions, (steps, num_envs))


def play(simulator: Any, actions: np.ndarray) -> list[Step]:
    """What every step gave, copied where it is reused."""
    return [simulator.step(one) for one in actions]


def same(one: Step, other: Step) -> bool:
    ends = one.terminated | one.truncated
    names = ("observation", "reward", "terminated", "truncated")
    finals = [getattr(step, "final_observation") for step in (one, other)]  # noqa: B009
    return (
        all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)
        and (not ends.any() or np.array_equal(finals[0][ends], finals[1][ends]))
        and [episode["r"] for episode in one.episodes or ()] == [e["r"] for e in other.episodes or ()]
    )


@pytest.fixture
def short_chains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeds are renewed after a few episodes."""
    monkeypatch.setattr(envs.atari.batch, "CHAIN", 60)


def test_an_agent_sees_what_ale_py_shows_with_the_ids_sticky_actions() -> None:
    """84 by 84, grey, four frames, of which each is the maximum of two; an action sticks with 25 %."""
    from ale_py.vector_env import AtariVectorEnv

    actions = draw(2, 60)
    with as_simulator(BREAKOUT, 2) as simulator:
        seen = [simulator.reset(seed=3), *[step.observation for step in play(simulator, actions)]]
        seeds = simulator.env.seeds  # type: ignore[attr-defined]
        native = AtariVectorEnv("breakout", 2, repeat_action_probability=0.25)
        shown = [native.reset(seed=seeds)[0], *[native.step(one)[0] for one in actions]]
        assert simulator.observation_space.shape == (4, 84, 84)
        assert simulator.stack_depth == 4
        assert np.array_equal(seen, shown)
        spec = simulator.get_attr("spec", 0)
        assert (spec.id, spec.kwargs["repeat_action_probability"]) == (BREAKOUT, 0.25)


def test_one_game_is_a_batch_of_one() -> None:
    game = make_single(find_spec(BREAKOUT), [], {"render_mode": "rgb_array"})
    first, _ = game.reset(seed=5)
    batch: Any = game.unwrapped
    with as_simulator(BREAKOUT, 1) as simulator:
        simulator.env._generator = np.random.default_rng()  # type: ignore[attr-defined]
        simulator.env.emulators.reset(seed=batch.batch.seeds)  # type: ignore[attr-defined]
        for action in draw(1, 80):
            observation, reward, *_ = game.step(action[0])
            native = simulator.env.emulators.step(action)  # type: ignore[attr-defined]
            assert np.array_equal(observation, native[0][0])
            assert reward == native[1][0]
    assert first.shape == (4, 84, 84)


def test_people_see_the_same_moment_in_colour() -> None:
    game = AtariGame("rgb_array", game="breakout", img_height=210, img_width=160, stack_num=1)
    grey = game.reset(seed=0)[0]
    assert game.metadata["render_fps"] == 15
    for action in draw(1, 100)[:, 0]:
        picture = game.render()
        assert picture is not None
        assert picture.shape == (210, 160, 3)
        assert np.array_equal(picture.any(-1), grey[0] > 0)
        assert (picture.max(-1) != picture.min(-1)).any()
        grey, *_ = game.step(action)
    game.close()
    game.close()


@pytest.mark.parametrize("grayscale", [True, False])
@pytest.mark.parametrize("lives", [True, False], ids=["lives", "games"])
def test_a_replay_buffer_can_rebuild_every_stack_from_single_frames(lives: bool, grayscale: bool) -> None:
    """Each stack is the one before without its oldest frame; zeros stand before a game's first."""
    arguments = {"episodic_life": lives, "grayscale": grayscale, "img_height": 30, "img_width": 30}
    with as_simulator(BREAKOUT, 3, env_kwargs=arguments) as simulator:
        new = 1 if grayscale else 3
        last, games, ends = np.array(simulator.reset(seed=0)), np.ones(3, bool), 0
        for action in draw(3, 200):
            assert not last[games][:, :-new].any()
            assert last[:, -new:].any(axis=(1, 2, 3)).all()
            step = simulator.step(action)
            over, after = step.terminated | step.truncated, np.array(step.observation)
            if over.any():
                after[over] = step.final_observation[over]  # type: ignore[index]
            assert np.array_equal(after[:, :-new], last[:, new:])
            last, ends = np.array(step.observation), ends + int(over.sum())
            games = over & (last != after).any(axis=(1, 2, 3))  # after a lost life, the same game goes on
            assert lives or np.array_equal(games, over)
    assert ends >= (9 if lives else 2)


def test_rewards_are_clipped_for_training_and_episodes_report_points() -> None:
    with as_simulator(INVADERS, 4) as simulator:
        simulator.reset(seed=1)
        steps = play(simulator, draw(4, 700, 6))
        rewards = np.array([step.reward for step in steps])
        assert set(np.unique(rewards)) == {0.0, 1.0}
        episodes = [episode for step in steps for episode in step.episodes or ()]
        assert len(episodes) >= 2
        assert all(episode["r"] % 5 == 0 for episode in episodes)
        assert max(episode["r"] for episode in episodes) >= 30
    with as_simulator(INVADERS, 4, env_kwargs={"reward_clipping": False}) as simulator:
        simulator.reset(seed=1)
        points = np.array([step.reward for step in play(simulator, draw(4, 700, 6))])
        assert np.array_equal(np.sign(points), rewards)
        assert points.max() >= 10


def test_a_lost_life_can_end_an_episode_while_the_game_goes_on() -> None:
    actions = draw(2, 300)
    with as_simulator(BREAKOUT, 2, env_kwargs={"episodic_life": True}) as lives:
        lives.reset(seed=0)
        ones = play(lives, actions)
    with as_simulator(BREAKOUT, 2) as games:
        games.reset(seed=0)
        others = play(games, actions)
    for one, other in zip(ones, others, strict=True):
        assert np.array_equal(one.reward, other.reward)
        assert np.array_equal(one.observation, other.observation)
        assert (one.terminated >= other.terminated).all()
        assert [e["l"] for e in one.episodes or ()] == [e["l"] for e in other.episodes or ()]
    ends = [sum(int(step.terminated.sum()) for step in steps) for steps in (ones, others)]
    assert ends[0] >= 4 * ends[1] >= 4


@pytest.mark.usefixtures("short_chains")
@pytest.mark.parametrize("lives", [True, False], ids=["lives", "games"])
def test_a_saved_state_continues_bit_identically(lives: bool) -> None:
    arguments = {**SMALL, "episodic_life": lives}
    actions = draw(2, 150)
    with as_simulator(BREAKOUT, 2, env_kwargs=arguments) as one:
        one.reset(seed=7)
        play(one, actions[:95])
        state = one.state_dict()
        assert state is not None
        assert len(state["environment"]["actions"]) < 95
        with as_simulator(BREAKOUT, 2, env_kwargs=arguments) as other:
            assert other.load_state_dict(state) == []
            for mine, yours in zip(play(one, actions[95:]), play(other, actions[95:]), strict=True):
                assert same(mine, yours)
            assert other.restarted is not None
            assert not other.restarted.any()


def test_a_state_that_leads_elsewhere_starts_new_games_and_says_so() -> None:
    with as_simulator(BREAKOUT, 2, env_kwargs=SMALL) as simulator:
        simulator.reset(seed=0)
        play(simulator, draw(2, 9))
        state = simulator.state_dict()
        assert state is not None
        state["environment"]["observation"] ^= 1  # as another version of the emulator might have it
        (lost,) = simulator.load_state_dict(state)
        assert "cannot be restored: all 2 environments start a new episode" in lost
        assert simulator.restarted is not None
        assert simulator.restarted.all()
    with as_simulator(BREAKOUT, 3, env_kwargs=SMALL) as three, pytest.raises(UsageError, match="of 2 games"):
        three.load_state_dict(state)


@pytest.mark.usefixtures("short_evaluations")
@pytest.mark.parametrize("algo", ["ppo", "dqn"])
def test_a_stopped_run_resumes_to_the_same_bits(algo: str, tmp_path: Path) -> None:
    root, few = tmp_path / "runs", ("--envs", "2", "--steps", "384", "--eval-every", "0")
    options = ("--algo", algo, *SHORT, *few)
    assert train(root, "whole", BREAKOUT, *options) == 0
    with at_metric_line(2, press_ctrl_c):
        assert train(root, "stopped", BREAKOUT, *options) == 130
    assert resume(root, "stopped") == 0
    assert_same_run(root / "whole", root / "stopped")


@pytest.mark.usefixtures("short_evaluations")
def test_a_run_is_evaluated_watched_and_filmed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "runs"
    options = ("--env-arg", "episodic_life=true", "--envs", "2", "--steps", "64", "--video-every", "64")
    assert train(root, "run", INVADERS, *SHORT, *options) == 0
    assert len(list((root / "run" / "videos").glob("*.mp4"))) == 2
    capsys.readouterr()
    assert main(["evaluate", str(root / "run"), "--episodes", "3", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["evaluation"]
    assert scores["mean"] * 3 % 5 == 0
    video = tmp_path / "game.mp4"
    words = ["watch", str(root / "run"), "--record", str(video), "--episodes", "2", "--seed", "4", "--json"]
    assert main(words) == 0
    watched = json.loads(capsys.readouterr().out)
    assert [episode["steps"] for episode in watched["episodes"]] == [30, 30]
    assert count_frames_and_secs(str(video))[0] == 62


def test_evaluations_count_points_of_whole_games() -> None:
    arguments = {**SMALL, "max_num_frames_per_episode": 1200, "episodic_life": True}
    agent = PPO("CnnPolicy", INVADERS, n_envs=2, env_kwargs=arguments, n_steps=8, seed=0)
    assert with_end(INVADERS, arguments) == {**arguments, "episodic_life": False, "reward_clipping": False}
    with as_simulator(INVADERS, 2, env_kwargs=with_end(INVADERS, arguments)) as simulator:
        result = evaluate(agent.policy, simulator, 2, seed=0, deterministic=False)
    assert (result.returns > 20).all()
    assert longest_episode(INVADERS, {}) == LONGEST
    assert longest_episode(INVADERS, arguments) is None
    assert with_end(INVADERS, {})["max_episode_steps"] == LONGEST


def test_dqn_stores_each_frame_once() -> None:
    sizes = {"n_envs": 2, "learning_starts": 40, "buffer_size": 200}
    agent = DQN("CnnPolicy", BREAKOUT, env_kwargs=SMALL, seed=0, **sizes)
    agent.learn(60)
    assert agent.replay is not None
    arrays = [value for value in _arrays(agent.replay.state_dict()) if value.dtype in (np.uint8, torch.uint8)]
    pixels = sum(int(np.prod(value.shape)) for value in arrays)
    assert 60 * 16 * 16 <= pixels < 2 * 60 * 16 * 16


def _arrays(state: Any) -> list[Any]:
    if isinstance(state, dict):
        return [array for part in state.values() for array in _arrays(part)]
    return [state] if isinstance(state, np.ndarray | torch.Tensor) else []


def test_stock_sb3_gets_points_and_lengths_of_games() -> None:
    venv = SB3VecEnv(BREAKOUT, 2, env_kwargs=SMALL)
    venv.seed(0)
    venv.reset()
    infos = [info for action in draw(2, 40) for info in venv.step(action)[3] if "episode" in info]
    assert [info["episode"]["l"] for info in infos] == [30, 30]
    assert all(info["TimeLimit.truncated"] for info in infos)
    venv.close()


def test_a_joystick_with_continuous_actions() -> None:
    with as_simulator(BREAKOUT, 2, env_kwargs={**SMALL, "continuous": True}) as simulator:
        simulator.reset(seed=0)
        assert isinstance(simulator.action_space, gym.spaces.Box)
        right = np.array([[1.0, 0.0, 0.0]] * 2, np.float32)
        for _ in range(9):
            simulator.step(right)
        state = simulator.state_dict()
        assert state is not None
        assert simulator.load_state_dict(state) == []


def test_people_play_with_arrows_and_space() -> None:
    env = make_env("ALE/Pong-v5", {})
    controls = controls_of(env)
    assert controls is not None
    assert controls.actions == ("noop", "fire", "right", "left", "rightfire", "leftfire")
    assert controls.keys == {"": 0, "space": 1, "right": 2, "left": 3, "right+space": 4, "left+space": 5}
    env.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"foo": 1}, "there is no argument 'foo'; known: repeat_action_probability, frameskip, stack_num"),
        ({"batch_size": 2}, "there is no argument 'batch_size'"),
        ({"frameskip": 0}, "frameskip must be a whole number from 1 to 1024, got 0"),
        ({"episodic_life": 3}, "episodic_life must be true or false, got 3"),
        ({"repeat_action_probability": 2}, "repeat_action_probability must be a number from 0 to 1, got 2"),
        ({"noop_max": -1}, "noop_max must be a whole number from 0"),
    ],
)
def test_wrong_arguments_are_answered_in_one_line(
    arguments: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match="ALE/Breakout-v5 cannot be made with these arguments"):
        as_simulator(BREAKOUT, 2, env_kwargs=arguments)
    words = [word for name, value in arguments.items() for word in ("--env-arg", f"{name}={value}")]
    assert main(["train-agent", BREAKOUT, "--dry-run", *words]) == 2
    assert message in capsys.readouterr().err


def test_other_autoreset_modes_are_refused() -> None:
    with pytest.raises(ValueError, match="must be SAME_STEP"):
        AtariBatch(1, AutoresetMode.NEXT_STEP, game="pong")


@pytest.mark.parametrize("words", [["train-agent"], ["play"], ["watch", "--random", "--env"]])
def test_without_ale_py_the_command_that_installs_it_is_printed(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("agents.simulators.from_id.find_module", lambda name: None)
    assert main([*words, "ALE/Pong-v5"]) == 3
    assert "[atari]" in capsys.readouterr().err


def test_every_game_has_settings_and_some_have_their_own() -> None:
    for algo in ("ppo", "dqn"):
        assert preset(algo, "ALE/Asterix-v5", {}) == preset(algo, "ALE/*", {})
        assert preset(algo, "ALE/Pong-v5", {})["threshold"] == 18
        assert "threshold" not in preset(algo, "ALE/Asterix-v5", {})
        assert preset(algo, "CartPole-v1", {}) != preset(algo, "ALE/Asterix-v5", {})
