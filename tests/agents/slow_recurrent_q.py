"""DQN with memory, slowly: whole episodes written down, and gradient steps transition by transition."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from agents import DQN
from agents.memory import Memory
from agents.recurrent_q import RecurrentQPolicy
from agents.sequences import Sequences
from agents.simulators import Step
from tests.agents.slow_memory import slow_step


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
            for env in range(agent.n_envs):
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
