"""PPO with memory: what it learns from is what it said when it acted, and nothing leaks into it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from agents import PPO
from agents.recurrent import CRITICS, RECURRENT, RecurrentActorCritic
from agents.rollout import Batch
from sandbox.core.errors import UsageError
from tests.agents.remembering import LENGTHS, NEXT_STEP, SAME_STEP, STEPS, attentive_ppo

ENVS = len(LENGTHS)


def policy_of(agent: PPO) -> RecurrentActorCritic:
    assert isinstance(agent.policy, RecurrentActorCritic)
    return agent.policy


def batches(agent: PPO, updates: int) -> Iterator[Batch]:
    """What the agent learns from in so many updates in a row, each before its first gradient step."""
    found: list[Batch] = []
    finish, train = agent._finish_rollout, agent.train
    agent.train = lambda: found.append(agent._finish_rollout())  # type: ignore[method-assign]
    for number in range(updates):
        agent.learn(1, reset_num_timesteps=number == 0)
        yield found[-1]
        agent._finish_rollout = lambda: found[-1]  # type: ignore[method-assign]
        train()
        agent._finish_rollout = finish  # type: ignore[method-assign]


def differences(agent: PPO, batch: Batch, forgetful: bool = False) -> tuple[float, float]:
    """How far log-probabilities and values are from the rollout's, at most; without the states, if asked."""
    policy, found = policy_of(agent), [[0.0], [0.0]]
    for part in batch.minibatches(agent.batch_size, agent.generator):
        assert part.remembered is not None
        if forgetful:
            part.remembered.states.zero_()
        values, log_probs, _ = policy.evaluate_actions(part.observations, part.actions, part.remembered)
        found[0].append((log_probs - part.log_probs).abs().max().item())
        found[1].append((values.squeeze(-1) - part.values).abs().max().item())
    return max(found[0]), max(found[1])


# What is recomputed


@pytest.mark.parametrize(
    ("length", "mode"), [(None, SAME_STEP), (None, NEXT_STEP), (4, NEXT_STEP), (1, NEXT_STEP)]
)
@pytest.mark.parametrize("critic", CRITICS)
@pytest.mark.parametrize("policy", ["MlpLstmPolicy", "MlpGruPolicy"])
def test_every_update_begins_with_what_the_rollout_said(
    policy: str, critic: str, length: int | None, mode: AutoresetMode
) -> None:
    """Also the second and third one, whose first states are from weights that are no more."""
    agent = attentive_ppo(policy, mode, policy_kwargs={"critic_memory": critic}, sequence_length=length)
    for number, batch in enumerate(batches(agent, 3)):
        log_probs, values = differences(agent, batch)
        assert log_probs < 1e-5
        assert values < 1e-5
        if number or length is not None:  # otherwise nothing was remembered when a sequence began
            assert max(differences(agent, batch, forgetful=True)) > 1e-2


@pytest.mark.parametrize("critic", CRITICS)
@pytest.mark.parametrize("policy", [name for name in RECURRENT if not name.startswith("Mlp")])
def test_so_do_policies_that_see_pictures(policy: str, critic: str) -> None:
    agent = attentive_ppo(policy, NEXT_STEP, policy_kwargs={"critic_memory": critic}, sequence_length=6)
    for batch in batches(agent, 2):
        assert max(differences(agent, batch)) < 1e-4


@pytest.mark.parametrize(
    "options",
    [
        {"use_sde": True, "sde_sample_freq": 3},
        {"normalize_observation": True, "normalize_reward": True},
        {"policy_kwargs": {"memory_layers": 2, "net_arch": {"pi": [5], "vf": [4, 3]}}},
        {"policy_kwargs": {"critic_memory": "separate", "share_features_extractor": False}},
    ],
    ids=str,
)
def test_so_does_every_option(options: dict[str, Any]) -> None:
    agent = attentive_ppo("MlpGruPolicy", NEXT_STEP, spaces.Box(-1, 1, (2,)), sequence_length=4, **options)
    for batch in batches(agent, 3):
        assert max(differences(agent, batch)) < 1e-4


@pytest.mark.parametrize("mode", [SAME_STEP, NEXT_STEP])
@pytest.mark.parametrize(("length", "size"), [(4, 12), (4, 5), (6, 3), (None, 1), (1, 7), (1, 2)])
def test_minibatches_are_whole_sequences_and_hold_every_transition_once(
    length: int | None, size: int, mode: AutoresetMode
) -> None:
    agent = attentive_ppo(mode=mode, sequence_length=length)
    every = length or STEPS
    (batch,) = batches(agent, 1)
    kept = (~agent.rollout.ignored).sum()
    taken: list[float] = []
    for part in batch.minibatches(size, agent.generator):
        assert part.remembered is not None
        assert part.remembered.segments.lengths.sum() == len(part.actions) > 0
        assert len(part.actions) <= max(size // every, 1) * every
        taken += part.log_probs.tolist()
    assert len(taken) == kept
    assert sorted(taken) == sorted(agent.rollout.log_probs[torch.from_numpy(~agent.rollout.ignored)].tolist())
    orders = [
        [row for part in batch.minibatches(size, agent.generator) for row in part.log_probs.tolist()]
        for _ in range(3)
    ]
    assert orders[0] != orders[1] or orders[1] != orders[2]


def test_a_sequence_in_which_nothing_took_place_is_passed_over() -> None:
    """Sequences of one step, where resets take steps of their own: some hold nothing to learn from."""
    agent = attentive_ppo(mode=NEXT_STEP, sequence_length=1, batch_size=1, normalize_advantage=False)
    agent.learn(60)
    assert agent.rollout.ignored.any()
    assert all(torch.isfinite(part).all() for part in agent.policy.parameters())


# What is forgotten, and what not


@pytest.mark.parametrize("critic", CRITICS)
def test_an_output_depends_on_its_own_episode_alone_up_to_then(critic: str) -> None:
    """By its gradient: neither on other environments, nor on later steps, nor on the episode before."""
    agent = attentive_ppo(policy_kwargs={"critic_memory": critic}, sequence_length=6)
    (batch,) = batches(agent, 1)
    part = batch.sequences(np.array([4, 0, 3, 1]))  # type: ignore[attr-defined]
    assert part.remembered is not None
    seen = part.observations.clone().requires_grad_()
    values, log_probs, _ = policy_of(agent).evaluate_actions(seen, part.actions, part.remembered)
    ends = part.remembered.segments.ends
    for row in range(len(seen)):
        begin = int(ends[ends <= row].max(initial=0))
        for output, remembers in ((log_probs, True), (values, critic != "none")):
            (gradient,) = torch.autograd.grad(output[row].sum(), seen, retain_graph=True)
            reached = gradient.abs().sum(1).nonzero().ravel().tolist()
            assert reached == list(range(begin if remembers else row, row + 1))


@pytest.mark.parametrize("policy", ["MlpLstmPolicy", "MlpGruPolicy"])
def test_acting_forgets_where_an_episode_begins_and_keeps_environments_apart(policy: str) -> None:
    made = policy_of(attentive_ppo(policy, policy_kwargs={"critic_memory": "separate"}))
    source = torch.Generator().manual_seed(0)
    seen = torch.randn(9, ENVS, 3, generator=source)
    starts = torch.zeros(9, ENVS, dtype=torch.bool)
    starts[0] = starts[6, 1] = starts[4, 2] = True

    def said(observations: torch.Tensor) -> torch.Tensor:
        """(steps, envs, numbers): values and the state after each step."""
        state, found = torch.randn(ENVS, made.numbers, generator=torch.Generator().manual_seed(1)), []
        for observation, start in zip(observations, starts, strict=True):
            decision = made.act(observation, state, start, deterministic=True)
            assert decision.state is not None
            state = decision.state
            found.append(torch.cat([decision.values[:, None], state], 1).detach())
        return torch.stack(found)

    changed = seen.clone()
    changed[2, 1] += 1
    differs = (said(changed) - said(seen)).abs().amax(2) > 1e-6
    assert differs.nonzero().tolist() == [[2, 1], [3, 1], [4, 1], [5, 1]]


@pytest.mark.parametrize("mode", [SAME_STEP, NEXT_STEP])
def test_a_rollout_begins_each_episode_with_nothing_and_each_next_step_with_what_was(
    mode: AutoresetMode,
) -> None:
    agent = attentive_ppo(mode=mode)
    policy = policy_of(agent)
    told: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    act = policy.act

    def listening(observation: Any, state: Any, starts: Any, **options: Any) -> Any:
        decision = act(observation, state, starts, **options)
        assert decision.state is not None
        told.append((state.clone(), starts.clone(), decision.state.clone()))
        return decision

    policy.act = listening  # type: ignore[method-assign]
    agent.learn(3 * STEPS * ENVS)
    befores, starts, afters = (torch.stack(parts) for parts in zip(*told, strict=True))
    assert torch.equal(befores[1:], afters[:-1])
    # An episode's first step comes after its predecessor's last one, or, in mode NEXT_STEP, one later.
    for env, length in enumerate(LENGTHS):
        every = length + (mode is NEXT_STEP)
        assert starts[:, env].nonzero().ravel().tolist() == list(range(0, len(told), every))


# What is refused, and what contrib's users write


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"critic_memory": "both"}, "critic_memory is shared, separate, none, not 'both'"),
        ({"memory_size": 0}, "needs units and layers, not 0 and 1"),
        ({"memory_layers": -1}, "needs units and layers, not 6 and -1"),
        ({"share_features_extractor": False}, "a shared memory sees through shared eyes"),
    ],
)
def test_a_memory_that_cannot_be(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        attentive_ppo(policy_kwargs=kwargs)


@pytest.mark.parametrize(
    ("kwargs", "critic"),
    [
        ({"shared_lstm": True, "enable_critic_lstm": False}, "shared"),
        ({"enable_critic_lstm": True}, "separate"),
        ({"shared_lstm": False, "enable_critic_lstm": False}, "none"),
    ],
)
def test_contribs_names_for_sizes_and_critics(kwargs: dict[str, Any], critic: str) -> None:
    sizes = {"lstm_hidden_size": 5, "n_lstm_layers": 2}
    policy = policy_of(attentive_ppo(policy_kwargs={**sizes, **kwargs}))
    assert policy.critic_memory == critic
    assert (policy.memory.hidden_size, policy.memory.num_layers) == (5, 2)
    assert policy.numbers == 20 * (2 if critic == "separate" else 1)
