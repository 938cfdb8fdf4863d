"""DQN with memory beside a slow one: sequence by sequence, step by step, by the papers' equations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor
from torch.nn import functional

from agents import DQN
from agents.memory import Memory
from agents.recurrent_q import RecurrentQPolicy
from agents.sequences import Sequences
from agents.simulators import Step
from tests.agents.remembering import LENGTHS, NEXT_STEP, SAME_STEP, attentive_dqn
from tests.agents.slow_memory import slow_step

ENVS, ACTIONS = len(LENGTHS), 3
NUMBERS = 60  # environment steps before anything is learned


def memory_of(agent: DQN) -> Memory:
    assert isinstance(agent.policy, RecurrentQPolicy)
    return agent.policy.memory


@dataclass
class Episode:
    """What happened in one environment from one beginning on."""

    seen: list[Tensor]
    """one more than there are steps"""
    actions: list[int] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    terminated: bool = False
    states: list[Tensor] = field(default_factory=list)
    """memory before each observation, as the weights of `Diary.reckon` have it"""


class Diary:
    """All episodes of an agent, written down while it acts in `tasks`."""

    def __init__(self, agent: DQN) -> None:
        self.agent, self.episodes, self._running = agent, [], {}
        step = agent.simulator.step

        def watching(actions: np.ndarray) -> Step:
            before: Any = agent._last_obs
            happened = step(actions)
            for env in range(ENVS):
                self._write(env, before[env], int(actions[env]), happened)
            return happened

        agent.simulator.step = watching  # type: ignore[method-assign]

    def _write(self, env: int, before: np.ndarray, action: int, happened: Step) -> None:
        if happened.ignored is not None and happened.ignored[env]:
            return
        over = bool(happened.terminated[env] or happened.truncated[env])
        after: Any = happened.final_observation if over else happened.observation
        if env not in self._running:
            self._running[env] = Episode([torch.tensor(before)])
            self.episodes.append(self._running[env])
        episode = self._running[env]
        episode.seen.append(torch.tensor(after[env]))
        episode.actions.append(action)
        episode.rewards.append(float(happened.reward[env]))
        if over:
            episode.terminated = bool(happened.terminated[env])
            del self._running[env]

    @torch.no_grad()
    def reckon(self) -> None:
        """Step through all episodes with the network as it is."""
        memory = memory_of(self.agent)
        for episode in self.episodes:
            state = torch.zeros(memory.numbers)
            episode.states = []
            for seen in episode.seen:
                episode.states.append(state)
                state = slow_step(memory, seen, state)[1]

    def find(self, seen: Tensor) -> tuple[Episode, int]:
        """The episode in which this was seen, and after how many steps."""
        ((episode, number),) = (
            (episode, number)
            for episode in self.episodes
            for number, other in enumerate(episode.seen[:-1])
            if torch.equal(other, seen)
        )
        return episode, number


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


def slow_squashed(value: Tensor) -> Tensor:
    """Pohlen et al. 2018, section 3.1."""
    return value.sign() * ((value.abs() + 1).sqrt() - 1) + 1e-3 * value


def slow_unsquashed(value: Tensor) -> Tensor:
    """By bisection."""
    low, high = torch.full_like(value.double(), -1e4), torch.full_like(value.double(), 1e4)
    for _ in range(60):
        middle = (low + high) / 2
        above = slow_squashed(middle) > value
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return low.float()


class SlowLearner:
    """Takes the gradient steps of an agent on copies of its networks."""

    def __init__(self, agent: DQN, diary: Diary) -> None:
        self.agent, self.diary = agent, diary
        self.net, self.target = agent.policy.q_net, agent.policy.q_net_target

    def said(self, network: Any, episode: Episode, first: int, burned: int, end: int) -> list[Tensor | None]:
        """Quantiles (quantiles, actions) for each observation from `first` up to and with number `end`."""
        state, found = episode.states[first], []
        for number in range(first, end + 1):
            with torch.set_grad_enabled(number >= first + burned):
                latent, state = slow_step(network.memory, episode.seen[number], state)
            found.append(network.head(latent[None])[0] if number >= first + burned else None)
        return found

    def transition_losses(self, episode: Episode, first: int) -> tuple[list[Tensor], list[float]]:
        """Loss and error of every transition to learn from in the sequence that begins there."""
        agent, whole = self.agent, len(episode.actions)
        end = min(first + agent.sequence_length, whole)
        burned = agent.burn_in if first else 0
        ours = self.said(self.net, episode, first, burned, end)
        with torch.no_grad():
            theirs = self.said(self.target, episode, first, burned, end)
        losses, errors = [], []
        for number in range(first + burned, end):
            behind = min(number + agent.n_step, end)
            total = sum(agent.gamma ** (k - number) * episode.rewards[k] for k in range(number, behind))
            judged = theirs[behind - first]
            chooser = (ours if agent.double else theirs)[behind - first]
            said = ours[number - first]
            assert judged is not None
            assert chooser is not None
            assert said is not None
            after = judged[:, int(chooser.mean(0).argmax())]
            after = slow_unsquashed(after) if agent.rescale_values else after
            over = episode.terminated and behind == whole
            goal = total + (0.0 if over else agent.gamma ** (behind - number)) * after
            goal = slow_squashed(goal) if agent.rescale_values else goal
            loss, error = self.loss(said[:, episode.actions[number]], goal)
            losses.append(loss)
            errors.append(error)
        return losses, errors

    def loss(self, said: Tensor, goal: Tensor) -> tuple[Tensor, float]:
        if not self.agent.distributional:
            return functional.smooth_l1_loss(said[0], goal[0]), abs(said[0] - goal[0]).item()
        loss = torch.zeros(())
        for number, quantile in enumerate(said):
            for sample in goal:
                fraction = (number + 0.5) / len(said)
                weight = 1 - fraction if sample < quantile else fraction
                loss = loss + functional.smooth_l1_loss(quantile, sample) * weight / len(goal)
        return loss, loss.item()

    def learn_from(self, batch: Sequences) -> list[float]:
        """A step of plain gradient descent for each minibatch; returns each sequence's new priority."""
        agent, priorities = self.agent, []
        for begin in range(0, len(batch), agent.batch_size):
            chosen = range(begin, begin + agent.batch_size)
            losses, heaviest = [], max(float(batch.weights[number]) for number in chosen)
            for number in chosen:
                row = int(batch.segments.begins[number])
                parts, errors = self.transition_losses(*self.diary.find(batch.observations[row]))  # type: ignore[index]
                weight = float(batch.weights[number]) / heaviest if agent.prioritized else 1.0
                losses += [weight * part for part in parts]
                eta = agent.prioritized_max
                priorities.append(eta * max(errors) + (1 - eta) * sum(errors) / len(errors))
            self.net.zero_grad()
            torch.stack(losses).mean().backward()
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), agent.max_grad_norm)
            with torch.no_grad():
                for part in self.net.parameters():
                    part -= agent.lr_schedule(1.0) * part.grad  # type: ignore[operator]
        return priorities


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
