"""An update of PPO with memory beside a slow one: step by step, by the papers' equations, in plain code."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from torch import Tensor

from agents import PPO
from agents.recurrent import CRITICS, RecurrentActorCritic
from agents.sequence_rollout import SequenceBatch
from agents.simulators import Step
from tests.agents.remembering import LENGTHS, NEXT_STEP, SAME_STEP, STEPS, attentive_ppo
from tests.agents.slow_memory import slow_step

ENVS = len(LENGTHS)
GAMMA, LAMBDA = 0.9, 0.8
CONTINUOUS = spaces.Box(-1, 1, (2,))


@dataclass
class Moment:
    """What one environment showed and what the agent did, at one step of a rollout."""

    seen: Tensor
    state: Tensor
    """memory before it, (numbers,), unless `starts`"""
    starts: bool
    action: Tensor
    ignored: bool
    reward: float
    terminated: bool
    truncated: bool
    final: Tensor | None
    """what it showed last, where it ended"""


class Diary:
    """An agent's last rollout, written down while it acted: `moments[env][step]`."""

    def __init__(self, agent: PPO) -> None:
        self.agent, self.moments = agent, [[] for _ in range(ENVS)]
        act, step = agent.policy.act, agent.simulator.step
        self._said: tuple[Any, ...] = ()  # observations, states, starts and actions of the step to come

        def listening(*arguments: Any, **options: Any) -> Any:
            decision = act(*arguments, **options)
            self._said = (*arguments, decision.actions)
            return decision

        def watching(actions: np.ndarray) -> Step:
            happened = step(actions)
            self._write(happened)
            return happened

        agent.policy.act, agent.simulator.step = listening, watching  # type: ignore[method-assign]

    def _write(self, happened: Step) -> None:
        seen, state, starts, actions = self._said
        for env in range(ENVS):
            over = bool(happened.terminated[env] or happened.truncated[env])
            final: Any = happened.final_observation
            self.moments[env].append(
                Moment(
                    seen[env].clone(),
                    state[env].clone(),
                    bool(starts[env]),
                    actions[env].clone(),
                    happened.ignored is not None and bool(happened.ignored[env]),
                    float(happened.reward[env]),
                    bool(happened.terminated[env]),
                    bool(happened.truncated[env]),
                    torch.tensor(final[env]) if over else None,
                )
            )

    def last(self, env: int) -> list[Moment]:
        """The moments of the last rollout."""
        return self.moments[env][-STEPS:]


class SlowPolicy:
    """A policy asked about one observation at a time."""

    def __init__(self, policy: RecurrentActorCritic) -> None:
        self.policy = policy

    def step(self, seen: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the action network and the value function say, (outputs,) and (), and the next state."""
        policy, own = self.policy, self.policy.memory.numbers
        latent, after = slow_step(policy.memory, seen, state[:own])
        if policy.critic_memory == "separate":
            for_critic, critics = slow_step(policy._memory_of_critic, seen, state[own:])
            after = torch.cat([after, critics])
        else:
            for_critic = latent if policy.critic_memory == "shared" else policy.critic(seen)
        output = policy.action_net(policy.mlp_extractor.policy_net(latent))
        value = policy.value_net(policy.mlp_extractor.value_net(for_critic))
        return output, value.squeeze(), after

    def log_prob_and_entropy(self, output: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        if isinstance(self.policy.action_space, spaces.Discrete):
            probabilities = output.exp() / output.exp().sum()
            return probabilities[action].log(), -(probabilities * probabilities.log()).sum()
        spread = self.policy.log_std.exp()
        log_prob = -((action - output) ** 2) / (2 * spread**2) - spread.log() - math.log(2 * math.pi) / 2
        return log_prob.sum(), (0.5 + math.log(2 * math.pi) / 2 + spread.log()).sum()


def slow_estimates(agent: PPO, diary: Diary) -> tuple[Tensor, Tensor, Tensor]:
    """Advantages, values and log-probabilities of the last rollout, (envs, steps) each; NaN where ignored.

    The memory runs on from the rollout's first state, and over final observations as over any others.
    """
    slow, found = SlowPolicy(agent.policy), torch.full((3, ENVS, STEPS), math.nan)  # type: ignore[arg-type]
    for env in range(ENVS):
        moments = diary.last(env)
        state, behind = moments[0].state, torch.zeros(STEPS)  # behind: V of what came next
        for number, now in enumerate(moments):
            state = torch.zeros_like(state) if now.starts else state
            output, value, state = slow.step(now.seen, state)
            found[1, env, number] = value
            found[2, env, number] = slow.log_prob_and_entropy(output, now.action)[0]
            if now.terminated:
                continue
            if now.truncated:
                assert now.final is not None
                behind[number] = slow.step(now.final, state)[1]
            elif number + 1 < STEPS:
                following = moments[number + 1]
                behind[number] = slow.step(following.seen, state)[1]
            else:
                behind[number] = slow.step(torch.tensor(agent._last_obs[env]), state)[1]  # type: ignore[index]
        advantage = torch.zeros(())
        for number in reversed(range(STEPS)):
            now = moments[number]
            if now.ignored:
                found[:, env, number] = math.nan
                continue
            error = now.reward + GAMMA * behind[number] - found[1, env, number]
            going_on = 0.0 if now.terminated or now.truncated else GAMMA * LAMBDA
            advantage = error + going_on * advantage
            found[0, env, number] = advantage
    return found[0], found[1], found[2]


def slow_loss(agent: PPO, diary: Diary, told: tuple[Tensor, ...], pieces: list[tuple[int, int]]) -> Tensor:
    """PPO's loss on sequences, each (env, first step); `told` is from `slow_estimates`, of older weights."""
    slow, length = SlowPolicy(agent.policy), agent.sequence_length or STEPS  # type: ignore[arg-type]
    rows: list[tuple[Tensor, ...]] = []
    for env, first in pieces:
        moments = diary.last(env)
        state = moments[first].state  # as it was when acting, whatever the weights are now
        for number in range(first, first + length):
            now = moments[number]
            state = torch.zeros_like(state) if now.starts else state
            output, value, state = slow.step(now.seen, state)
            if not now.ignored:
                log_prob, entropy = slow.log_prob_and_entropy(output, now.action)
                rows.append((log_prob, entropy, value, *(part[env, number] for part in told)))
    log_prob, entropy, value, advantage, before, old = (
        torch.stack(column) for column in zip(*rows, strict=True)
    )
    returns = advantage + before
    if agent.normalize_advantage:
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    ratio, allowed = (log_prob - old).exp(), agent.clip_range(1.0)
    gained = torch.minimum(ratio * advantage, ratio.clamp(1 - allowed, 1 + allowed) * advantage)
    if agent.clip_range_vf is not None:
        value = before + (value - before).clamp(-agent.clip_range_vf(1.0), agent.clip_range_vf(1.0))
    squares = (returns - value) ** 2
    return -gained.mean() + agent.vf_coef * squares.mean() - agent.ent_coef * entropy.mean()


def acted(
    policy: str = "MlpLstmPolicy", mode: AutoresetMode = NEXT_STEP, rollouts: int = 2, **options: Any
) -> tuple[PPO, Diary, SequenceBatch]:
    """An agent before its second update, with what happened in its rollout."""
    settings = {"gamma": GAMMA, "gae_lambda": LAMBDA, "ent_coef": 0.1, "clip_range": 0.03, **options}
    agent = attentive_ppo(policy, mode, **settings)
    diary = Diary(agent)
    batches: list[SequenceBatch] = []
    train = agent.train
    for number in range(rollouts):
        agent.train = lambda: batches.append(agent._finish_rollout())  # type: ignore[method-assign,arg-type]
        agent.learn(1, reset_num_timesteps=number == 0)
        if number + 1 < rollouts:
            agent._finish_rollout = lambda: batches[-1]  # type: ignore[method-assign]
            train()
            del agent._finish_rollout
    agent.train = train  # type: ignore[method-assign]
    return agent, diary, batches[-1]


def gradients(agent: PPO, loss: Tensor) -> dict[str, Tensor]:
    agent.policy.optimizer.zero_grad()
    loss.backward()
    return {
        name: part.grad.clone() for name, part in agent.policy.named_parameters() if part.grad is not None
    }


def drift(agent: PPO) -> None:
    """Weights move away from those that acted, so that ratios are none of 1."""
    source = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for part in agent.policy.parameters():
            part += 0.1 * torch.randn(part.shape, generator=source)


@pytest.mark.parametrize("mode", [SAME_STEP, NEXT_STEP])
@pytest.mark.parametrize("critic", CRITICS)
@pytest.mark.parametrize("policy", ["MlpLstmPolicy", "MlpGruPolicy"])
def test_advantages_are_those_of_one_step_after_another(
    policy: str, critic: str, mode: AutoresetMode
) -> None:
    """What follows on truncated episodes, and on a rollout, is judged with the memory of what came before."""
    agent, diary, batch = acted(policy, mode, policy_kwargs={"critic_memory": critic})
    with torch.no_grad():
        found = slow_estimates(agent, diary)
    ours = (batch.advantages, batch.values, batch.log_probs)
    kept = torch.from_numpy(batch.kept)
    assert any(now.truncated for env in range(ENVS) for now in diary.last(env))
    for expected, part in zip(found, ours, strict=True):
        assert torch.equal(~expected.isnan(), kept)
        torch.testing.assert_close(part.view(ENVS, STEPS)[kept], expected[kept], rtol=1e-4, atol=1e-5)


OPTIONS: dict[str, dict[str, Any]] = {
    "whole rollout": {},
    "short": {"sequence_length": 4},
    "moments": {"sequence_length": 1, "normalize_advantage": False},
    "clipped values": {"sequence_length": 6, "clip_range_vf": 0.1},
    "two layers": {"sequence_length": 4, "policy_kwargs": {"memory_layers": 2}},
}


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("critic", CRITICS)
@pytest.mark.parametrize("policy", ["MlpLstmPolicy", "MlpGruPolicy"])
def test_loss_and_gradients_are_those_of_one_step_after_another(
    policy: str, critic: str, options: str
) -> None:
    settings = {**OPTIONS[options]}
    settings["policy_kwargs"] = {"critic_memory": critic, **settings.get("policy_kwargs", {})}
    check_update(*acted(policy, **settings))


def test_so_are_those_of_continuous_actions_and_of_resets_within_a_step() -> None:
    check_update(*acted("MlpGruPolicy", SAME_STEP, acts=CONTINUOUS, sequence_length=3))


def check_update(agent: PPO, diary: Diary, batch: SequenceBatch) -> None:
    """On five of the sequences, or as many as there are, with weights that have moved on."""
    with torch.no_grad():
        told = slow_estimates(agent, diary)
    drift(agent)
    length = agent.sequence_length or STEPS
    pieces = [(env, first) for first in range(0, STEPS, length) for env in range(ENVS)]
    order = np.random.default_rng(0).permutation(len(pieces))[:5]
    chosen = [pieces[number] for number in order]
    expected = slow_loss(agent, diary, told, chosen)
    wanted = gradients(agent, expected)
    allowed = None if agent.clip_range_vf is None else agent.clip_range_vf(1.0)
    loss, row = agent.loss(batch.sequences(order), agent.clip_range(1.0), allowed)
    found = gradients(agent, loss)
    assert row[4] > 0  # some are clipped
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)
    assert found.keys() == wanted.keys()
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-5)
    recurrent = [part.abs().max() for name, part in wanted.items() if "weight_hh" in name]
    assert max(recurrent) > 1e-4
