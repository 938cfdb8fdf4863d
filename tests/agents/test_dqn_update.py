"""One gradient step of DQN: the same weights as after SB3's, and each ingredient as a slow version has it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import stable_baselines3 as sb3
import torch
from gymnasium import spaces
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from torch.nn import functional

from agents import DQN
from agents.replay import Transitions
from sandbox.core.errors import Diverged
from tests.agents.tasks import Sampled, small_dqn, weights_of

ROWS, ACTIONS, GAMMA = 16, 3, 0.9
SETTINGS: dict[str, Any] = {
    "learning_rate": 1e-2,
    "batch_size": ROWS,
    "gamma": GAMMA,
    "buffer_size": 1_000,
    "learning_starts": 0,
    "target_update_interval": 10_000,
}


def minibatch(seed: int = 0, size: float = 3.0) -> Transitions:
    """Random transitions; every fourth one ends its episode. Errors lie on both sides of Huber's 1."""
    source = torch.Generator().manual_seed(seed)
    return Transitions(
        torch.randn(ROWS, 3, generator=source),
        torch.randint(ACTIONS, (ROWS,), generator=source),
        size * torch.randn(ROWS, generator=source),
        torch.where(torch.arange(ROWS) % 4 == 0, 0.0, GAMMA),
        torch.randn(ROWS, 3, generator=source),
        torch.rand(ROWS, generator=source) + 0.1,
        torch.arange(ROWS),
    )


def task() -> Sampled:
    return Sampled(action_space=spaces.Discrete(ACTIONS))


def agent_with(batch: Transitions, **options: Any) -> DQN:
    """One that draws the rows of `batch` in turn, and whose target is another network."""
    agent = small_dqn(task(), **{**SETTINGS, **options})

    def sample(count: int, *_: Any, **__: Any) -> Transitions:
        return batch.select(torch.arange(count) % ROWS)

    agent.replay.sample = sample  # type: ignore[method-assign]
    with torch.no_grad():
        for part in agent.policy.q_net_target.parameters():
            part += 0.3 * torch.randn(part.shape, generator=torch.Generator().manual_seed(part.numel()))
    return agent


class OneBatch:
    """Stands in for SB3's replay buffer."""

    def __init__(self, batch: Transitions) -> None:
        self.samples = ReplayBufferSamples(
            batch.observations,  # type: ignore[arg-type]
            batch.actions.unsqueeze(1),
            batch.next_observations,  # type: ignore[arg-type]
            (batch.discounts == 0).float().unsqueeze(1),
            batch.returns.unsqueeze(1),
        )

    def sample(self, *_: Any, **__: Any) -> ReplayBufferSamples:
        return self.samples


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize(
    "options", [{}, {"max_grad_norm": 0.05}, {"learning_rate": 0.1}, {"normalised": True}], ids=str
)
def test_weights_after_gradient_steps_are_sb3s(options: dict[str, Any], steps: int) -> None:
    batch, options = minibatch(), dict(options)
    if options.pop("normalised", False):  # the reward's size alone: far from Huber's quadratic part
        batch = minibatch(size=100)
    settings = {**SETTINGS, **options}
    theirs = sb3.DQN("MlpPolicy", task(), policy_kwargs={"net_arch": [8]}, device="cpu", **settings)
    ours = agent_with(batch, gradient_steps=steps, **options)
    theirs.set_parameters(ours.get_parameters())
    theirs.set_logger(Logger(None, []))
    theirs.replay_buffer = OneBatch(batch)  # type: ignore[assignment]
    before = weights_of(ours)

    theirs.train(gradient_steps=steps, batch_size=ROWS)
    ours.learn(4)

    after = weights_of(ours)
    torch.testing.assert_close(after, weights_of(theirs), rtol=1e-4, atol=1e-6)
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved == {name for name in after if not name.startswith("q_net_target")}
    moments = [agent.policy.optimizer.state_dict()["state"] for agent in (ours, theirs)]
    for number, expected in moments[1].items():
        torch.testing.assert_close(moments[0][number]["exp_avg"], expected["exp_avg"], rtol=1e-3, atol=1e-6)
    assert ours._n_updates == theirs._n_updates == steps


def test_weights_after_gradient_steps_on_quantiles_are_contribs() -> None:
    contrib = pytest.importorskip("sb3_contrib", reason="sb3-contrib is not installed")
    batch, quantiles = minibatch(), 7
    kwargs = {"net_arch": [8], "optimizer_kwargs": {"eps": 0.01 / ROWS}}  # contrib's, whatever one says
    theirs = contrib.QRDQN(
        "MlpPolicy",
        task(),
        policy_kwargs={**kwargs, "n_quantiles": quantiles},
        max_grad_norm=10.0,
        device="cpu",
        **SETTINGS,
    )
    ours = agent_with(
        batch, gradient_steps=3, distributional=True, n_quantiles=quantiles, policy_kwargs=kwargs
    )
    renamed = {
        name.replace("q_net.q_net", "quantile_net.quantile_net").replace(
            "q_net_target.q_net", "quantile_net_target.quantile_net"
        ): part
        for name, part in weights_of(ours).items()
    }
    theirs.policy.load_state_dict(renamed)
    theirs.set_logger(Logger(None, []))
    theirs.replay_buffer = OneBatch(batch)
    theirs.train(gradient_steps=3, batch_size=ROWS)
    ours.learn(4)
    found, expected = list(weights_of(ours).values()), list(weights_of(theirs).values())
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


# Each ingredient, row by row


def slow_step(agent: DQN, batch: Transitions) -> tuple[dict[str, torch.Tensor], list[float]]:
    """The network's weights after one step of plain gradient descent, and the rows' errors."""
    net, target = copy.deepcopy(agent.policy.q_net), agent.policy.q_net_target
    losses, errors = [], []
    for row in range(ROWS):
        seen, later = batch.observations[row : row + 1], batch.next_observations[row : row + 1]  # type: ignore[index]
        chooser = (net if agent.double else target)(later)[0]  # Q-values (actions,)
        judged = target.quantiles(later)[0, :, int(chooser.argmax())].detach()
        goal = batch.returns[row] + batch.discounts[row] * judged  # (quantiles,)
        said = net.quantiles(seen)[0, :, int(batch.actions[row])]
        if agent.distributional:
            loss = torch.zeros(())
            for number in range(len(said)):
                for sample in goal:
                    part = functional.smooth_l1_loss(said[number], sample)
                    fraction = (number + 0.5) / len(said)
                    loss = loss + part * (1 - fraction if sample < said[number] else fraction) / len(goal)
            errors.append(loss.item())
        else:
            loss = functional.smooth_l1_loss(said[0], goal[0])
            errors.append(abs(said[0] - goal[0]).item())
        weight = batch.weights[row] / batch.weights.max() if agent.prioritized else 1.0
        losses.append(weight * loss)
    (sum(losses) / ROWS).backward()  # type: ignore[union-attr]
    norm = torch.nn.utils.clip_grad_norm_(net.parameters(), agent.max_grad_norm)
    assert norm > 0
    rate = agent.lr_schedule(1.0)
    return {name: part.detach() - rate * part.grad for name, part in net.named_parameters()}, errors


@pytest.mark.parametrize("prioritized", [False, True])
@pytest.mark.parametrize("distributional", [False, True])
@pytest.mark.parametrize("dueling", [False, True])
@pytest.mark.parametrize("double", [False, True])
def test_every_combination_is_what_its_papers_say(
    double: bool, dueling: bool, distributional: bool, prioritized: bool
) -> None:
    batch = minibatch()
    agent = agent_with(
        batch,
        double=double,
        dueling=dueling,
        distributional=distributional,
        prioritized=prioritized,
        n_quantiles=5,
        max_grad_norm=1.0,
        policy_kwargs={"optimizer_class": torch.optim.SGD},
    )
    told: list[tuple[Any, Any]] = []
    agent.replay.update_priorities = lambda *about: told.append(about)  # type: ignore[method-assign]
    expected, errors = slow_step(agent, batch)
    agent.learn(4)
    torch.testing.assert_close(dict(agent.policy.q_net.named_parameters()), expected, rtol=1e-4, atol=1e-6)
    if prioritized:
        (about, found), *more = told
        assert not more
        assert about.index.tolist() == list(range(ROWS))
        assert found.tolist() == pytest.approx(errors, rel=1e-4)
    else:
        assert not told


def test_double_learning_lets_the_network_choose() -> None:
    """The two differ on this minibatch: otherwise the test before would prove nothing."""
    results = [slow_step(agent_with(minibatch(), double=double), minibatch())[1] for double in (False, True)]
    assert results[0] != results[1]


def test_the_correction_of_the_bias_grows_to_1() -> None:
    betas: list[tuple[float, float]] = []
    agent = small_dqn(n_envs=1, prioritized=True, prioritized_beta=0.4)
    original = agent.replay.sample

    def sample(count: int, generator: torch.Generator, beta: float) -> Transitions:
        betas.append((agent.num_timesteps / 100, beta))
        return original(count, generator, beta)

    agent.replay.sample = sample  # type: ignore[method-assign]
    agent.learn(100)
    assert len(betas) > 10
    assert [beta for _, beta in betas] == pytest.approx([0.4 + 0.6 * part for part, _ in betas])
    assert betas[-1][1] == pytest.approx(1)


@pytest.mark.parametrize("distributional", [False, True])
def test_a_tiny_buffer_is_learned_by_heart(distributional: bool) -> None:
    """Of transitions that end their episodes the values are the rewards."""
    batch = minibatch()
    batch.discounts.zero_()
    agent = agent_with(
        batch,
        distributional=distributional,
        n_quantiles=4,
        gradient_steps=600,
        policy_kwargs={"net_arch": [64]},
    )
    agent.learn(4)
    said = agent.policy.q_net(batch.observations).gather(1, batch.actions.unsqueeze(1)).squeeze(1)
    torch.testing.assert_close(said, batch.returns, atol=0.1, rtol=0)


def test_the_learning_rate_follows_its_schedule() -> None:
    rates: list[float] = []
    agent = small_dqn(n_envs=1, learning_rate="lin_0.01", learning_starts=0)

    def look(*_: Any) -> bool:
        rates.append(agent.policy.optimizer.param_groups[0]["lr"])
        return True

    agent.learn(40, callback=look)
    assert rates[::4][1:] == pytest.approx([0.01 * (1 - part / 10) for part in range(1, 10)])


def test_nan_ends_training() -> None:
    batch = minibatch()
    batch.returns[3] = float("nan")
    with pytest.raises(Diverged, match="loss became nan"):
        agent_with(batch).learn(10_000)
