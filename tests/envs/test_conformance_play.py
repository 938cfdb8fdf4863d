"""What every environment promises whatever is done with it: any play, any mode, any picture, any keyboard."""

from __future__ import annotations

import copy
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import Error
from gymnasium.spaces import Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import TimeLimit
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import BatchedEnv, Entry
from tests.envs.promises import (
    DISABLED,
    NEXT_STEP,
    SAME_STEP,
    action_stream,
    assert_same_step,
    batch_of,
    every_entry,
    every_variant,
    repainted,
    single_of,
    steps,
)

# Any play

OPERATIONS = st.one_of(
    st.tuples(st.just("step"), st.integers(1, 12)),
    st.tuples(st.just("step"), st.integers(1, 12)),
    st.tuples(st.just("reset"), st.lists(st.booleans(), min_size=3, max_size=3).filter(any)),
    st.tuples(st.just("seed"), st.integers(0, 2**31)),
    st.tuples(st.just("save"), st.none()),
    st.tuples(st.just("load"), st.none()),
    st.tuples(st.just("mode"), st.sampled_from([SAME_STEP, NEXT_STEP, DISABLED])),
)


class Session:
    """A batch of three that is played, saved, put back, and moved between the autoreset modes.

    A second one, saved and built anew for each step where the first only goes on, must agree in everything.
    """

    def __init__(self, entry: Entry, obs: str, seed: int) -> None:
        self.entry, self.arguments = entry, {"obs": obs, "max_episode_steps": 9}
        self.actions = np.random.default_rng(seed)
        self.env = self.built(SAME_STEP)
        self.env.reset(seed=seed)
        self.saved = self.env.state_dict()

    def built(self, mode: AutoresetMode | str) -> BatchedEnv:
        return batch_of(self.entry, 3, autoreset_mode=mode, **self.arguments)

    def ended(self) -> Any:
        return self.env.state_dict()["episodes"]["ended"]

    def step(self, count: int) -> None:
        for _ in range(count):
            if self.env.autoreset_mode is DISABLED and self.ended().any():
                self.reset(self.ended())
            space = copy.deepcopy(self.env.action_space)
            space.seed(int(self.actions.integers(2**31)))
            other = self.built(self.env.autoreset_mode)
            other.load_state_dict(self.env.state_dict())
            action = space.sample()
            result = self.env.step(action)
            assert_same_step(result, other.step(action))
            assert np.isfinite(result[1]).all()

    def reset(self, who: Any) -> None:
        before = self.env.observation()
        mask = np.array(who, np.bool_)
        observation, _ = self.env.reset(options={"reset_mask": mask})
        np.testing.assert_array_equal(observation[~mask], before[~mask])
        assert not self.env.elapsed[mask].any()
        assert not self.ended()[mask].any()

    def seed(self, seed: int) -> None:
        first = self.env.reset(seed=seed)[0].copy()
        np.testing.assert_array_equal(first, self.built(SAME_STEP).reset(seed=seed)[0])

    def save(self, _: None) -> None:
        self.saved = self.env.state_dict()

    def load(self, _: None) -> None:
        self.env = self.built(self.saved["autoreset_mode"])
        self.env.load_state_dict(self.saved)

    def mode(self, mode: AutoresetMode) -> None:
        state = self.env.state_dict()
        if mode is SAME_STEP and state["episodes"]["ended"].any():
            return  # in this mode no ended episode waits
        self.env = self.built(mode)
        self.env.load_state_dict({**state, "autoreset_mode": mode.value})

    def check(self) -> None:
        observation = self.env.observation()
        assert observation in self.env.observation_space
        assert (self.env.elapsed >= 0).all()
        assert (self.env.elapsed <= 9).all()
        if self.env.obs == "pixels":
            np.testing.assert_array_equal(observation, repainted(self.env))


@every_variant
@settings(max_examples=12)
@given(seed=st.integers(0, 2**31), operations=st.lists(OPERATIONS, max_size=10))
def test_any_play_keeps_the_promises(
    entry: Entry, obs: str, seed: int, operations: list[tuple[str, Any]]
) -> None:
    session = Session(entry, obs, seed)
    for name, argument in operations:
        getattr(session, name)(argument)
        session.check()


@every_entry
@pytest.mark.parametrize("mode", [SAME_STEP, NEXT_STEP])
def test_painting_what_moved_gives_the_picture_that_painting_all_gives(
    entry: Entry, mode: AutoresetMode
) -> None:
    if "pixels" not in entry.observations:
        pytest.skip("it shows no pixels")
    env = batch_of(entry, 6, obs="pixels", autoreset_mode=mode)
    env.reset(seed=0)
    for number, (observation, *_) in enumerate(steps(env, 150)):
        np.testing.assert_array_equal(observation, repainted(env), err_msg=f"after step {number + 1}")


# Autoreset, beside gymnasium's vector of the single environment


def rows_without_chance(env: BatchedEnv, probes: list[BatchedEnv], action: Any) -> Any:
    """(num_envs,) bool: episodes whose next step comes out alike with the generators of all probes."""
    state = {**env.state_dict(), "autoreset_mode": DISABLED.value}
    state["episodes"]["ended"][...] = False
    outcomes = []
    for probe in probes:
        probe.load_state_dict({**state, "generator": probe.rng.bit_generator.state})
        observation, reward, terminated, _, _ = probe.step(action)
        rows = [observation.reshape(env.num_envs, -1), reward[:, None], terminated[:, None]]
        outcomes.append(np.concatenate(rows, 1))
    return np.all(np.array(outcomes) == outcomes[0], axis=(0, 2))


def inject(env: BatchedEnv, singles: SyncVectorEnv) -> None:
    """Put each of the single environments where its row of the batch is."""
    episodes = env.state_dict()["episodes"]
    for row, single in enumerate(singles.envs):
        own = {name: array[row : row + 1].copy() for name, array in episodes.items()}
        own["ended"][...] = False  # the vector of singles keeps that itself
        inner: Any = single.unwrapped
        inner.load_state_dict({**inner.state_dict(), "episodes": own})
        while isinstance(single, gymnasium.Wrapper):
            if isinstance(single, TimeLimit):
                single._elapsed_steps = int(env.elapsed[row])
            single = single.env


@every_variant
@pytest.mark.parametrize("mode", [SAME_STEP, NEXT_STEP, DISABLED])
def test_a_batch_is_gymnasiums_vector_of_single_ones_wherever_chance_has_no_say(
    entry: Entry, obs: str, mode: AutoresetMode
) -> None:
    arguments: dict[str, Any] = {"obs": obs, "max_episode_steps": 7}
    ours = batch_of(entry, 3, autoreset_mode=mode, **arguments)
    theirs = SyncVectorEnv([lambda: single_of(entry, **arguments)] * 3, autoreset_mode=mode)
    probes = [batch_of(entry, 3, obs=obs, autoreset_mode=DISABLED) for _ in range(6)]
    for seed, probe in enumerate(probes):
        probe.reset(seed=seed)
    waiting, compared, ends = np.zeros(3, np.bool_), 0, 0
    for number, action in zip(range(25), action_stream(ours, 4), strict=False):
        if number in (0, 13):
            _reset_both(ours, theirs, None)
            waiting[...] = False
        elif number == 4:  # so that not all end together
            _reset_both(ours, theirs, waiting | [True, False, False])
            waiting[...] = False
        elif mode is DISABLED and waiting.any():
            _reset_both(ours, theirs, waiting)
            waiting[...] = False
        inject(ours, theirs)
        same = rows_without_chance(ours, probes, action) | waiting  # what waits gets reward 0 and no flag
        one, other = ours.step(action), theirs.step(action)
        ended = one[2] | one[3]
        for mine, their in zip(one[1:4], other[1:4], strict=True):
            np.testing.assert_array_equal(mine[same], their[same])
        shown = same & ~waiting & ~(ended & (mode is SAME_STEP))
        np.testing.assert_array_equal(one[0][shown], other[0][shown])
        for row in np.flatnonzero(same & ended & (mode is SAME_STEP)):
            np.testing.assert_array_equal(one[4]["final_obs"][row], other[4]["final_obs"][row])
        compared, ends = compared + int(shown.sum()), ends + int((same & ended).sum())
        assert np.array_equal(ended, other[2] | other[3]), "chance ended one of them: choose another seed"
        waiting = ended & (mode is not SAME_STEP)
    assert compared >= 10
    assert ends >= 6


def _reset_both(ours: BatchedEnv, theirs: SyncVectorEnv, who: Any) -> None:
    for env in (ours, theirs):
        env.reset(seed=None if who is not None else 3, options=None if who is None else {"reset_mask": who})


# People


@every_entry
def test_the_keyboard_plays_it(entry: Entry) -> None:
    env = batch_of(entry, 1)
    controls = env.controls
    assert controls is not None
    space = env.single_action_space
    for key, action in controls.keys.items():
        assert np.asarray(action, space.dtype) in space, f"{key!r} is {action!r}"
    if isinstance(space, Discrete):
        assert len(controls.actions) == space.n
        assert all(controls.actions)
        assert len(set(controls.actions)) == space.n


@every_entry
def test_a_window_without_a_display_is_one_clear_error(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("here it cannot be taken away")
    pygame = pytest.importorskip("pygame")
    for variable in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    pygame.display.quit()
    env = single_of(entry, render_mode="human")
    with pytest.raises(Error, match=f"{entry.name}.*needs a display"):
        env.reset(seed=0)
    env.close()


# The threshold


@every_entry
def test_random_actions_stay_below_the_threshold(entry: Entry) -> None:
    env = batch_of(entry, 64)
    env.reset(seed=0)
    running, returns = np.ones(64, np.bool_), np.zeros(64)
    env.action_space.seed(0)
    while running.any():
        _, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        returns += reward * running
        running &= ~(terminated | truncated)
    assert returns.mean() < entry.reward_threshold
