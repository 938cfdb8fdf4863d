"""CartPole has the dynamics of gymnasium's own, and its pictures show them."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleEnv as TheirSingle
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv as TheirBatch
from gymnasium.vector import AutoresetMode

import envs
from envs.classic.cartpole import CartPole


def batch(num_envs: int, seed: int = 0, **arguments: object) -> CartPole:
    env = CartPole(num_envs, **arguments)  # pyright: ignore[reportArgumentType]
    env.reset(seed=seed)
    return env


def random_states(count: int, seed: int = 0) -> np.ndarray:
    """States from all over the space that an episode can reach, (count, 4)."""
    return np.random.default_rng(seed).uniform(-1, 1, (count, 4)) * [2.4, 4.0, 0.21, 4.0]


def test_every_episode_equals_gymnasiums_single_environment() -> None:
    ours = batch(30, max_episode_steps=envs.NO_LIMIT)
    ours.state[...] = random_states(30) * 0.3
    singles = [TheirSingle() for _ in range(30)]
    for theirs, state in zip(singles, ours.state, strict=True):
        theirs.reset(seed=0)
        theirs.state = state.copy()
    rng = np.random.default_rng(1)
    running = np.ones(30, np.bool_)
    while running.any():
        actions = rng.integers(0, 2, 30)
        observation, rewards, terminations, truncations, infos = ours.step(actions)
        last = np.where(terminations[:, None], infos.get("final_obs", observation), observation)
        assert not truncations.any()
        for row in np.flatnonzero(running):
            expected, reward, terminated, _, _ = singles[row].step(int(actions[row]))
            np.testing.assert_array_equal(last[row], expected)
            assert (rewards[row], terminations[row]) == (reward, terminated)
        running &= ~terminations


def test_the_batch_equals_gymnasiums_batch() -> None:
    ours, theirs = batch(64, autoreset_mode=AutoresetMode.NEXT_STEP), TheirBatch(64)
    theirs.reset(seed=5)
    ours.state[...] = theirs.state.T  # pyright: ignore[reportOptionalMemberAccess]
    rng = np.random.default_rng(0)
    ended, ends = np.zeros(64, np.bool_), 0
    for _ in range(300):
        actions = rng.integers(0, 2, 64)
        expected = theirs.step(actions)
        got = ours.step(actions)
        np.testing.assert_array_equal(got[0][~ended], expected[0][~ended])
        for one, other in zip(got[1:4], expected[1:4], strict=True):
            np.testing.assert_array_equal(one, other)
        # New episodes are drawn in another order: copy theirs.
        ours.state[ended] = theirs.state.T[ended]  # pyright: ignore[reportOptionalMemberAccess]
        ended = got[2] | got[3]
        ends += int(ended.sum())
    assert ends > 500


def test_one_step_from_thousands_of_random_states_equals_gymnasiums() -> None:
    ours, theirs = batch(4096, autoreset_mode=AutoresetMode.DISABLED), TheirBatch(4096)
    theirs.reset(seed=0)
    states = random_states(4096)
    actions = np.random.default_rng(1).integers(0, 2, 4096)
    ours.state[...] = states
    theirs.state = np.ascontiguousarray(states.T)
    expected, _, terminated, _, _ = theirs.step(actions)
    observation, _, terminations, _, _ = ours.step(actions)
    np.testing.assert_array_equal(observation, expected)
    np.testing.assert_array_equal(terminations, terminated)
    np.testing.assert_array_equal(ours.state, theirs.state.T)  # float64: to the last bit


def test_spaces_are_gymnasiums() -> None:
    ours, theirs = gymnasium.make("Sandbox/CartPole-v0"), TheirSingle()
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    specs = [gymnasium.spec("Sandbox/CartPole-v0"), gymnasium.spec("CartPole-v1")]
    assert specs[0].reward_threshold == specs[1].reward_threshold
    assert specs[0].max_episode_steps == specs[1].max_episode_steps


def test_episodes_start_uniformly_near_the_middle() -> None:
    start = batch(20_000).state
    assert np.abs(start).max() <= 0.05
    np.testing.assert_allclose(start.mean(0), 0, atol=2e-3)
    np.testing.assert_allclose(start.std(0), 0.1 / 12**0.5, rtol=0.02)


def test_the_single_environment_follows_a_longer_limit_of_gymnasiums_wrapper() -> None:
    env = gymnasium.make("Sandbox/CartPole-v0", max_episode_steps=600)
    player = batch(1)
    observation, _ = env.reset(seed=0)
    length, terminated, truncated = 0, False, False
    while not (terminated or truncated):
        action = int(player.expert(observation[None], {})[0])
        observation, _, terminated, truncated, _ = env.step(action)
        length += 1
    assert (length, truncated, type(truncated)) == (600, True, bool)


@pytest.mark.parametrize(("column", "quantity"), [(0, 3.0), (2, 0.3)])
def test_the_last_observation_shows_why_the_episode_ended(column: int, quantity: float) -> None:
    env = batch(3)
    env.state[1, column] = quantity
    observation, reward, terminated, truncated, infos = env.step(np.ones(3, int))
    assert terminated.tolist() == [False, True, False]
    assert not truncated.any()
    assert reward.tolist() == [1.0, 1.0, 1.0]
    assert infos["_final_obs"].tolist() == [False, True, False]
    assert infos["final_obs"][1, column] == pytest.approx(quantity, abs=0.05)
    assert np.abs(observation[1]).max() <= 0.05
    assert env.elapsed.tolist() == [1, 0, 1]


def test_any_integer_dtype_of_actions_will_do() -> None:
    dtypes = (np.int64, np.int32, np.uint8, np.int8)
    results = [batch(8).step(np.array([0, 1] * 4, dtype))[0] for dtype in dtypes]
    assert all(np.array_equal(results[0], result) for result in results)


def columns_lit(pixels: np.ndarray, row: int) -> float:
    """The mean column of what is drawn in a row of one picture (3, 40, 40), by brightness."""
    light = pixels[:, row].astype(float).sum(0)
    return float((light * np.arange(40)).sum() / light.sum())


def test_pixels_show_where_the_cart_is_and_how_the_pole_leans() -> None:
    env = batch(5, obs="pixels", autoreset_mode=AutoresetMode.DISABLED)
    env.state[:, 0] = [-2.0, -1.0, 0.0, 1.0, 2.0]
    env.state[:, 2] = [0.0, 0.1, 0.2, -0.1, -0.2]
    pixels = env.step(np.array([0, 1, 0, 1, 0]))[0]
    carts = [columns_lit(picture, 34) for picture in pixels]
    assert np.diff(carts) == pytest.approx([5.0] * 4, abs=0.2)
    leans = [columns_lit(picture, 6) - columns_lit(picture, 31) for picture in pixels]
    assert leans == pytest.approx(25 * np.tan(env.state[:, 2]), abs=0.3)


def test_pixels_tell_angles_of_a_third_of_a_degree_apart() -> None:
    angles = np.radians(np.arange(-12, 12, 1 / 3))
    env = batch(len(angles), obs="pixels")
    env.state[...] = 0
    env.state[:, 2] = angles
    env.paint(pixels := np.zeros((len(angles), 3, 40, 40), np.uint8))
    assert len(np.unique(pixels.reshape(len(angles), -1), axis=0)) == len(angles)


def test_pictures_stay_whole_at_and_beyond_the_limits() -> None:
    env = batch(4, obs="pixels", render_mode="rgb_array")
    env.state[...] = [[2.5, 0, 0.3, 0], [-2.5, 0, -0.3, 0], [1e9, 0, 1.5, 0], [-1e9, 0, -1.5, 0]]
    env.paint(pixels := np.zeros((4, 3, 40, 40), np.uint8))
    assert (pixels[:, :, 34].max((1, 2)) > 100).all()
    assert len(env.render() or ()) == 4


def test_the_expert_wants_features() -> None:
    env = batch(2, obs="pixels")
    with pytest.raises(ValueError, match=r"CartPole.*features"):
        env.expert(env.observation(), {})
