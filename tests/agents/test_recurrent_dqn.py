"""DQN with memory beside a slow one: sequence by sequence, step by step, by the papers' equations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from agents import DQN
from agents.sequences import Sequences
from tests.agents.remembering import NEXT_STEP, SAME_STEP, attentive_dqn
from tests.agents.slow_memory import slow_step
from tests.agents.slow_recurrent_q import Diary, SlowLearner, memory_of

NUMBERS = 60  # environment steps before anything is learned


# What is stored


@pytest.mark.parametrize("mode", [SAME_STEP, NEXT_STEP])
@pytest.mark.parametrize("policy", ["MlpLstmPolicy", "MlpGruPolicy"])
@pytest.mark.parametrize("random", [True, False])
def test_sequences_begin_with_the_memory_of_their_moment(
    random: bool, policy: str, mode: AutoresetMode
) -> None:
    """Also while all actions are random: memory moves on with what is seen, whatever is done."""
    starts = 10_000 if random else 0
    options = {"learning_starts": starts, "train_freq": 10_000, "burn_in": 1, "exploration_initial_eps": 0.3}
    agent = attentive_dqn(policy, mode, policy_kwargs={"memory_layers": 2}, **options)
    diary = Diary(agent)
    agent.learn(NUMBERS)
    diary.reckon()
    batch = agent.replay.sample(100, torch.Generator().manual_seed(0))
    assert isinstance(batch, Sequences)
    inside = 0
    for number, begin in enumerate(batch.segments.begins):
        episode, first = diary.find(batch.observations[int(begin)])  # type: ignore[index]
        torch.testing.assert_close(batch.states[number], episode.states[first], rtol=1e-4, atol=1e-5)
        assert batch.burned[number] == (1 if first else 0)
        assert batch.states[number].any() == (first > 0)
        inside += first > 0
    assert 0 < inside < 100
    assert agent._policy_state is not None
    for env, episode in diary._running.items():
        last = slow_step(memory_of(agent), episode.seen[-2], episode.states[-2])[1]
        torch.testing.assert_close(agent._policy_state[env], last, rtol=1e-4, atol=1e-5)


def test_greedy_actions_are_those_of_the_best_values_with_all_that_was_seen() -> None:
    kwargs = {"activation_fn": torch.nn.Tanh}
    agent = attentive_dqn(
        "MlpGruPolicy", distributional=True, n_quantiles=4, dueling=True, policy_kwargs=kwargs
    )
    with torch.no_grad():  # no action is liked whatever there is to see
        for part in agent.policy.parameters():
            part *= float(part.ndim > 1)
    source, state, slow, chosen = np.random.default_rng(0), None, torch.zeros(6), []
    for number in range(40):
        seen = source.normal(size=3).astype(np.float32)
        begins = number % 9 == 0
        action, state = agent.predict(seen, state, np.array([begins]), deterministic=True)
        with torch.no_grad():
            slow = torch.zeros_like(slow) if begins else slow
            latent, slow = slow_step(memory_of(agent), torch.from_numpy(seen), slow)
            values = agent.policy.q_net.head(latent[None])[0].mean(0)
        assert int(action) == int(values.argmax())
        chosen.append(int(action))
    assert len(set(chosen)) > 1


# What is learned


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "several steps in a row": {"gradient_steps": 3, "double": True},
    "double, burn-in": {"double": True, "burn_in": 2},
    "three steps": {"n_step": 3, "burn_in": 1},
    "whole episodes": {"sequence_length": 8, "sequence_overlap": 0, "double": True, "n_step": 2},
    "moments": {"sequence_length": 1, "sequence_overlap": 0},
    "dueling quantiles": {"dueling": True, "distributional": True, "n_quantiles": 3, "double": True},
    "squashed": {"rescale_values": True, "n_step": 2, "policy_kwargs": {"memory_layers": 2}},
    "prioritised": {"prioritized": True, "prioritized_max": 0.7, "burn_in": 1},
    "all": {
        "preset": "rainbow",
        "distributional": True,
        "n_quantiles": 3,
        "rescale_values": True,
        "burn_in": 2,
        "gradient_steps": 2,
    },
}


@pytest.mark.parametrize("mode", [SAME_STEP, NEXT_STEP])
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("policy", ["MlpLstmPolicy", "MlpGruPolicy"])
def test_gradient_steps_are_those_of_one_transition_after_another(
    policy: str, options: str, mode: AutoresetMode
) -> None:
    """From stored states of the weights that acted, which are others by then."""
    settings: dict[str, Any] = {"learning_rate": 0.1, "batch_size": 5, "gamma": 0.9, **OPTIONS[options]}
    settings["policy_kwargs"] = {"optimizer_class": torch.optim.SGD, **settings.get("policy_kwargs", {})}
    often = {"train_freq": NUMBERS, "target_update_interval": 10_000, "max_grad_norm": 0.5}
    agent = attentive_dqn(policy, mode, learning_starts=0, exploration_initial_eps=0.5, **often, **settings)
    diary = Diary(agent)
    sample, expected, told = agent.replay.sample, [], []

    def watched(count: int, generator: torch.Generator, beta: float) -> Sequences:
        diary.reckon()
        drift(agent)
        batch = sample(count, generator, beta)
        assert isinstance(batch, Sequences)
        batch.weights = torch.rand(count, generator=generator) + 0.1
        before = {name: part.clone() for name, part in agent.policy.state_dict().items()}
        priorities = SlowLearner(agent, diary).learn_from(batch)
        after = {name: part.clone() for name, part in agent.policy.state_dict().items()}
        agent.policy.load_state_dict(before)
        expected.append((before, after, priorities))
        return batch

    agent.replay.sample = watched  # type: ignore[method-assign,assignment]
    agent.replay._priorities.update = lambda *about: told.append(about)  # type: ignore[method-assign]
    agent.learn(NUMBERS)
    ((before, after, priorities),) = expected
    found = dict(agent.policy.state_dict())
    torch.testing.assert_close(found, after, rtol=1e-4, atol=2e-6)
    moved = {name for name, part in before.items() if (part - found[name]).abs().max() > 2e-5}
    assert {name for name in found if "memory.weight" in name and "target" not in name} <= moved
    assert not any("target" in name for name in moved)
    if agent.prioritized:
        ((_, new),) = told
        np.testing.assert_allclose(new, priorities, rtol=1e-3)
    else:
        assert not told


def drift(agent: DQN) -> None:
    """Weights move away from those that acted, and the target network's elsewhere."""
    source = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for part in agent.policy.parameters():
            part += 0.1 * torch.randn(part.shape, generator=source)
