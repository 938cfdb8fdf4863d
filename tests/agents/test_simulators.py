"""Whatever holds an environment gives the same steps, in the same form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecMonitor, VecNormalize

from agents.simulators import Simulator, as_simulator
from agents.simulators.from_vector import FromVectorEnv
from agents.simulators.singles import Singles
from sandbox.core.errors import UsageError

CORRIDOR = "Tiny/Corridor-v0"
KINDS = ["box", "discrete", "multidiscrete", "multibinary", "dict"]
NEXT_STEP, SAME_STEP, DISABLED = AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED


def makers(kind: str, n: int = 2, **arguments: Any) -> list[Callable[[], gym.Env]]:
    return [partial(gym.make, CORRIDOR, kind=kind, **arguments)] * n


class Dense(VectorEnv):
    """SAME_STEP with a dense `final_obs` and no mask, writing into the same arrays at every step."""

    metadata = {"autoreset_mode": SAME_STEP}  # noqa: RUF012

    def __init__(self, kind: str) -> None:
        self.inner = SyncVectorEnv(makers(kind), autoreset_mode=SAME_STEP, copy=False)
        self.num_envs = 2
        self.single_observation_space = self.inner.single_observation_space
        self.single_action_space = self.inner.single_action_space
        self.observation_space, self.action_space = self.inner.observation_space, self.inner.action_space

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        return self.inner.reset(seed=seed, options=options)

    def step(self, actions: Any) -> Any:
        observation, reward, terminated, truncated, infos = self.inner.step(actions)
        final = Singles([maker() for maker in makers(self.inner.envs[0].unwrapped.kind)])._final
        for one, single in enumerate(infos.get("final_obs", [])):
            for part, value in zip(_parts(final), _parts(single), strict=False):
                part[one] = value
        return observation, reward.astype(int), terminated, truncated, {"final_obs": final}


def _parts(observation: Any) -> list[Any]:
    if observation is None:
        return []
    return list(observation.values()) if isinstance(observation, dict) else [observation]


SOURCES: dict[str, Callable[[str], Any]] = {
    "id": lambda kind: as_simulator(CORRIDOR, 2, env_kwargs={"kind": kind}),
    "id, async": lambda kind: as_simulator(CORRIDOR, 2, vec="async", env_kwargs={"kind": kind}),
    "sync, taken apart": lambda kind: as_simulator(SyncVectorEnv(makers(kind))),
    "sync, same step": lambda kind: FromVectorEnv(SyncVectorEnv(makers(kind), autoreset_mode=SAME_STEP)),
    "sync, disabled": lambda kind: FromVectorEnv(
        SyncVectorEnv(makers(kind), autoreset_mode=DISABLED, copy=False)
    ),
    "sync, next step hidden": lambda kind: FromVectorEnv(SyncVectorEnv(makers(kind)), hide_resets=True),
    "async, same step": lambda kind: as_simulator(AsyncVectorEnv(makers(kind), autoreset_mode=SAME_STEP)),
    "async, disabled": lambda kind: as_simulator(AsyncVectorEnv(makers(kind), autoreset_mode=DISABLED)),
    "async, next step hidden": lambda kind: FromVectorEnv(AsyncVectorEnv(makers(kind)), hide_resets=True),
    "dense final_obs": lambda kind: as_simulator(Dense(kind)),
    "DummyVecEnv": lambda kind: as_simulator(DummyVecEnv(makers(kind))),
    "VecMonitor": lambda kind: as_simulator(VecMonitor(DummyVecEnv(makers(kind)))),
    "SubprocVecEnv": lambda kind: as_simulator(SubprocVecEnv(makers(kind), start_method="fork")),
}


@pytest.fixture
def simulator(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    source, kind = request.param
    with closing(SOURCES[source](kind)) as built:
        yield built


def every(sources: list[str], kinds: list[str]) -> Any:
    cases = [(source, kind) for source in sources for kind in kinds]
    return pytest.mark.parametrize("simulator", cases, indirect=True, ids=lambda case: f"{case[0]}-{case[1]}")


def look(kind: str, *pairs: tuple[int, int]) -> Any:
    """What a corridor shows at (place, steps), for a batch."""
    return [show(kind, place, steps) for place, steps in pairs]


def show(kind: str, place: int, steps: int) -> Any:
    env = gym.make(CORRIDOR, kind=kind).unwrapped
    env.place, env.steps = place, steps  # pyright: ignore[reportAttributeAccessIssue]
    return env._look()  # pyright: ignore[reportAttributeAccessIssue]


def assert_shows(observation: Any, kind: str, *pairs: tuple[int, int]) -> None:
    for one, expected in enumerate(look(kind, *pairs)):
        if kind == "dict":
            for name, part in expected.items():
                np.testing.assert_array_equal(observation[name][one], part)
        else:
            np.testing.assert_array_equal(observation[one], expected)


ACTIONS = np.array(
    [1, 0]
)  # the first walks to the goal in two steps, the second waits for the limit of three


@every(list(SOURCES), ["box", "dict"])
def test_every_source_gives_the_same_hand_computed_steps(simulator: Simulator, request: Any) -> None:
    kind = request.node.callspec.params["simulator"][1]
    assert_shows(simulator.reset(seed=0), kind, (0, 0), (0, 0))

    first = simulator.step(ACTIONS)
    assert_shows(first.observation, kind, (1, 1), (0, 1))
    assert first.reward.tolist() == [1, 0]
    assert not first.terminated.any()
    assert not first.truncated.any()

    second = simulator.step(ACTIONS)
    assert_shows(second.observation, kind, (0, 0), (0, 2))
    assert second.reward.tolist() == [2, 0]
    assert second.terminated.tolist() == [True, False]
    assert second.truncated.tolist() == [False, False]
    assert_shows(second.final_observation, kind, (2, 2))

    third = simulator.step(ACTIONS)
    assert_shows(third.observation, kind, (1, 1), (0, 0))
    assert third.terminated.tolist() == [False, False]
    assert third.truncated.tolist() == [False, True]
    final = third.final_observation
    assert final is not None
    assert_shows({k: v[1:] for k, v in final.items()} if isinstance(final, dict) else final[1:], kind, (0, 3))
    assert all(step.ignored is None for step in (first, second, third))
    assert all(step.reward.dtype in (np.float32, np.float64) for step in (first, second, third))


@every(["id", "id, async", "sync, same step", "async, same step", "VecMonitor"], KINDS)
def test_every_kind_of_space_keeps_its_dtype_and_shape(simulator: Simulator, request: Any) -> None:
    kind = request.node.callspec.params["simulator"][1]
    space = simulator.observation_space
    simulator.reset(seed=0)
    step = simulator.step(ACTIONS)
    step = simulator.step(ACTIONS)
    assert_shows(step.final_observation, kind, (2, 2))
    for observation in (step.observation, step.final_observation):
        parts = space.spaces if isinstance(space, gym.spaces.Dict) else {"": space}
        arrays = observation if isinstance(observation, dict) else {"": observation}
        for name, part in parts.items():
            array = arrays[name]
            assert array is not None
            assert array.shape == (2, *part.shape)
            assert array.dtype == part.dtype


@every(list(SOURCES), ["box"])
def test_an_observation_stays_as_it_is_during_the_next_step(simulator: Simulator) -> None:
    observation = simulator.reset(seed=0)
    for _ in range(7):
        before = np.array(observation)
        step = simulator.step(ACTIONS)
        np.testing.assert_array_equal(observation, before)
        observation = step.observation
        assert simulator.observation is observation


@pytest.mark.parametrize("vectorised", [SyncVectorEnv, AsyncVectorEnv])
def test_next_step_marks_the_row_whose_action_was_ignored(vectorised: Any) -> None:
    with closing(FromVectorEnv(vectorised(makers("box")))) as simulator:
        simulator.reset(seed=0)
        steps = [simulator.step(ACTIONS) for _ in range(4)]
    ignored = [step.ignored.tolist() for step in steps if step.ignored is not None]
    assert ignored == [[False, False], [False, False], [True, False], [False, True]]
    assert_shows(steps[1].observation, "box", (2, 2), (0, 2))
    assert steps[1].final_observation is steps[1].observation
    assert_shows(steps[2].observation, "box", (0, 0), (0, 3))
    assert steps[2].reward[0] == 0
    assert_shows(steps[3].observation, "box", (1, 1), (0, 0))


def test_a_reset_forgets_which_rows_were_about_to_be_reset() -> None:
    simulator = FromVectorEnv(SyncVectorEnv(makers("box")))
    simulator.reset(seed=0)
    for _ in range(2):
        simulator.step(ACTIONS)
    simulator.reset(seed=0)
    ignored = simulator.step(ACTIONS).ignored
    assert ignored is not None
    assert not ignored.any()


def test_gymnasiums_own_batched_cartpole_is_understood() -> None:
    simulator = as_simulator(gym.make_vec("CartPole-v1", 4))
    simulator.reset(seed=0)
    ended = np.zeros(4, bool)
    for _ in range(100):
        step = simulator.step(np.ones(4, int))
        assert step.ignored is not None
        assert step.ignored.tolist() == ended.tolist()
        ended = step.terminated | step.truncated


def test_an_id_of_ours_is_built_as_one_batch_and_nothing_is_copied() -> None:
    simulator = as_simulator("Sandbox/CartPole-v0", 8, seed=3)
    assert isinstance(simulator, FromVectorEnv)
    first = simulator.reset()
    second = simulator.step(np.ones(8, int)).observation
    third = simulator.step(np.ones(8, int)).observation
    assert third is first or np.shares_memory(third, first)
    assert not np.shares_memory(second, first)


def test_our_batch_reports_the_last_observation_of_every_ended_episode() -> None:
    simulator = as_simulator("Sandbox/CartPole-v0", 8, seed=3)
    simulator.reset()
    seen = 0
    for _ in range(60):
        step = simulator.step(np.ones(8, int))
        if step.terminated.any():
            assert isinstance(step.final_observation, np.ndarray)
            final = step.final_observation[step.terminated]
            assert ((np.abs(final[:, 2]) > 0.2) | (np.abs(final[:, 0]) > 2.4)).all()  # the pole fell
            seen += len(final)
    assert seen > 8


def test_the_seed_given_first_serves_the_first_reset_only() -> None:
    one, other = as_simulator("CartPole-v1", 2, seed=7), as_simulator("CartPole-v1", 2)
    np.testing.assert_array_equal(one.reset(), other.reset(seed=7))
    again = one.reset()
    assert not np.array_equal(again, other.reset(seed=7))


def test_environment_i_is_seeded_with_seed_plus_i_as_gymnasium_does() -> None:
    ours = as_simulator("CartPole-v1", 3).reset(seed=5)
    theirs, _ = SyncVectorEnv([lambda: gym.make("CartPole-v1")] * 3).reset(seed=5)
    np.testing.assert_array_equal(ours, theirs)


def test_an_environments_action_is_its_own_copy() -> None:
    simulator = as_simulator("Pendulum-v1", 2)
    simulator.reset(seed=0)
    actions = np.array([[1.0], [2.0]], np.float32)
    simulator.step(actions)
    actions[:] = 0
    assert [float(env._actions[0][0]) for env in simulator.envs] == [1, 2]  # pyright: ignore


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda: DummyVecEnv([lambda: Monitor(gym.make(CORRIDOR))] * 2),
        lambda: VecNormalize(DummyVecEnv([lambda: Monitor(gym.make(CORRIDOR))] * 2)),
        lambda: VecNormalize(VecMonitor(DummyVecEnv(makers("box")))),
        lambda: RecordEpisodeStatistics(SyncVectorEnv(makers("box"))),
        lambda: RecordEpisodeStatistics(SyncVectorEnv(makers("box"), autoreset_mode=SAME_STEP)),
    ],
)
def test_a_monitor_inside_reports_the_episodes_as_they_were(wrapped: Callable[[], Any]) -> None:
    simulator = as_simulator(wrapped())
    simulator.reset(seed=0)
    reported = [simulator.step(ACTIONS).episodes for _ in range(3)]
    assert reported[0] == []
    assert [(episode["r"], episode["l"]) for episode in reported[1] or []] == [(3.0, 2)]
    assert [(episode["r"], episode["l"]) for episode in reported[2] or []] == [(0.0, 3)]


def test_without_a_monitor_nothing_is_said_about_episodes() -> None:
    for source in (CORRIDOR, VecNormalize(DummyVecEnv(makers("box", 1))), SyncVectorEnv(makers("box", 1))):
        simulator = as_simulator(source)
        simulator.reset(seed=0)
        assert simulator.step(np.array([1])).episodes is None


def test_the_seed_set_on_a_dummy_vec_env_is_kept() -> None:
    venv = DummyVecEnv([lambda: gym.make("CartPole-v1")] * 2)
    venv.seed(11)
    np.testing.assert_array_equal(as_simulator(venv).reset(), as_simulator("CartPole-v1", 2, seed=11).reset())


def test_the_same_environment_twice_is_refused() -> None:
    env = gym.make(CORRIDOR)
    with pytest.raises(UsageError, match="twice"):
        Singles([env, env])


def test_a_source_that_hides_its_autoreset_mode_is_refused() -> None:
    env = SyncVectorEnv(makers("box"))
    env.metadata = {}
    with pytest.raises(UsageError, match="does not say"):
        FromVectorEnv(env)


def test_a_same_step_source_that_forgets_the_final_observation_is_refused() -> None:
    env = Dense("box")
    env.metadata = {"autoreset_mode": SAME_STEP}
    simulator = as_simulator(env)
    simulator.reset(seed=0)
    whole = env.step
    env.step = lambda actions: (*whole(actions)[:4], {})
    simulator.step(ACTIONS)
    with pytest.raises(UsageError, match="final_obs"):
        simulator.step(ACTIONS)


def test_importing_the_package_loads_neither_torch_nor_sb3() -> None:
    import subprocess
    import sys

    code = (
        "import sys, agents; from agents.simulators import as_simulator; as_simulator('CartPole-v1').reset();"
        "print([name for name in ('torch', 'stable_baselines3') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
