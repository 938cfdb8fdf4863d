"""One update of PPO: the same loss, gradients and weights as SB3's, and what each option does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import stable_baselines3 as sb3
import torch
from gymnasium import spaces
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.type_aliases import RolloutBufferSamples

from agents import PPO
from agents.rollout import Batch
from sandbox.core.errors import Diverged
from tests.agents.tasks import Sampled, filled_batch, small_ppo, weights_of

ACTIONS: dict[str, spaces.Space] = {
    "discrete": spaces.Discrete(3),
    "multidiscrete": spaces.MultiDiscrete([2, 3]),
    "multibinary": spaces.MultiBinary(3),
    "box": spaces.Box(-2, 3, (2,)),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "clipped values": {"clip_range_vf": 0.05},
    "entropy bonus": {"ent_coef": 0.1, "vf_coef": 0.9},
    "raw advantages": {"normalize_advantage": False, "max_grad_norm": 0.05},
    "narrow": {"clip_range": 0.02},
}
HYPERPARAMETERS = {"n_steps": 16, "batch_size": 16, "n_epochs": 1, "learning_rate": 1e-3, "gamma": 0.9}


class OneBatch:
    """Stands in for SB3's rollout buffer: gives one given batch each epoch."""

    def __init__(self, batch: Batch) -> None:
        self.samples = RolloutBufferSamples(
            batch.observations,  # type: ignore[arg-type]
            batch.actions,
            batch.values,
            batch.log_probs,
            batch.advantages,
            batch.returns,
        )
        self.values, self.returns = batch.values.numpy(), batch.returns.numpy()

    def get(self, _: int) -> list[RolloutBufferSamples]:
        return [self.samples]


def both(space: spaces.Space, **options: Any) -> tuple[PPO, sb3.PPO, Batch]:
    """Our agent, SB3's with the same weights and settings, and a batch that an older policy collected."""
    settings = {**HYPERPARAMETERS, **options}
    ours = small_ppo(Sampled(action_space=space), **settings)
    theirs = sb3.PPO(
        "MlpPolicy", Sampled(action_space=space), policy_kwargs={"net_arch": [8]}, device="cpu", **settings
    )
    batch = filled_batch(ours)
    with torch.no_grad():  # away from a ratio of 1, where nothing is clipped
        for weight in ours.policy.parameters():
            weight += 0.2 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel()))
    theirs.set_parameters(ours.get_parameters())
    theirs.set_logger(Logger(None, []))
    theirs.rollout_buffer = OneBatch(batch)  # type: ignore[assignment]
    ours._finish_rollout = lambda: batch  # type: ignore[method-assign]
    return ours, theirs, batch


def gradients(agent: Any) -> dict[str, torch.Tensor]:
    return {name: part.grad.clone() for name, part in agent.policy.named_parameters()}


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kind", ACTIONS)
def test_loss_and_gradients_are_sb3s(kind: str, options: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs, batch = both(ACTIONS[kind], **OPTIONS[options])
    raw: dict[str, torch.Tensor] = {}

    def keep_instead_of_clipping(parameters: Any, _: float) -> None:
        raw.update(gradients(theirs))

    with monkeypatch.context() as patched:
        patched.setattr(torch.nn.utils, "clip_grad_norm_", keep_instead_of_clipping)
        theirs.train()
    logged = theirs.logger.name_to_value
    clip_range_vf = OPTIONS[options].get("clip_range_vf")
    loss, row = ours.loss(batch, OPTIONS[options].get("clip_range", 0.2), clip_range_vf)
    loss.backward()

    names = ("policy_gradient_loss", "value_loss", "entropy_loss", "approx_kl", "clip_fraction", "loss")
    expected = [logged[f"train/{name}"] for name in names]
    np.testing.assert_allclose(row.detach(), expected, rtol=1e-4, atol=1e-6)
    assert logged["train/clip_fraction"] > 0
    found = gradients(ours)
    assert found.keys() == raw.keys()
    torch.testing.assert_close(found, raw, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kind", ACTIONS)
def test_weights_after_an_update_are_sb3s(kind: str, options: str) -> None:
    ours, theirs, _ = both(ACTIONS[kind], n_epochs=3, **OPTIONS[options])
    before = weights_of(ours)
    theirs.train()
    ours.train()
    after = weights_of(ours)
    torch.testing.assert_close(after, weights_of(theirs), rtol=1e-4, atol=1e-5)
    assert any(not torch.equal(before[name], after[name]) for name in before)
    moments = [agent.policy.optimizer.state_dict()["state"] for agent in (ours, theirs)]
    for number, expected in moments[1].items():
        torch.testing.assert_close(moments[0][number]["exp_avg"], expected["exp_avg"], rtol=1e-3, atol=1e-6)


def test_the_log_says_what_sb3s_says() -> None:
    ours, theirs, _ = both(spaces.Box(-1, 1, (2,)), clip_range_vf=0.1)
    ours.set_logger(Logger(None, []))
    theirs.train()
    ours.train()
    assert ours.logger.name_to_value.keys() == theirs.logger.name_to_value.keys()
    skipped = {"train/n_updates"}
    for key in ours.logger.name_to_value.keys() - skipped:
        assert ours.logger.name_to_value[key] == pytest.approx(
            theirs.logger.name_to_value[key], rel=1e-3, abs=1e-6
        ), key


@pytest.mark.parametrize("observation_dtype", [np.float32, np.float64])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("kind", [*ACTIONS, "matrix"])
def test_an_update_begins_at_a_ratio_of_exactly_1(kind: str, normalize: bool, observation_dtype: Any) -> None:
    space = ACTIONS.get(kind, spaces.Box(-1, 1, (2, 3)))
    env = Sampled(spaces.Box(-500, 700, (3,), observation_dtype), space)
    agent = small_ppo(env, normalize_observation=normalize, normalize_reward=normalize)
    for _ in range(3):  # statistics have moved after each
        agent.learn(16, reset_num_timesteps=False)
        batch = filled_batch(agent)
        values, log_probs, _ = agent.policy.evaluate_actions(batch.observations, batch.actions)
        assert (log_probs - batch.log_probs).exp().sub(1).abs().max() < 1e-6
        torch.testing.assert_close(values.squeeze(-1), batch.values, rtol=1e-5, atol=1e-5)
        agent.train()


def test_a_policy_learns_from_what_it_did_and_the_environment_gets_it_in_bounds() -> None:
    seen: list[np.ndarray] = []

    class Watched(Sampled):
        def step(self, action: Any) -> Any:
            seen.append(np.array(action))
            return super().step(action)

    env = Watched(action_space=spaces.Box(-0.1, 0.1, (2,)))
    batch = filled_batch(small_ppo(env))
    assert batch.actions.abs().max() > 0.1
    np.testing.assert_allclose(np.stack(seen), np.clip(batch.actions.numpy(), -0.1, 0.1), rtol=1e-6)


def test_an_update_ends_where_the_policy_has_moved_too_far() -> None:
    runs = {}
    for target in (None, 1e-9, 1e9):
        agent = small_ppo(n_epochs=5, learning_rate=0.1, target_kl=target)
        agent.set_logger(Logger(None, []))
        batch = filled_batch(agent)
        agent.train()
        runs[target] = (agent._n_updates, weights_of(agent), len(batch.actions))
    assert runs[None][0] == runs[1e9][0] == 5
    assert runs[1e-9][0] == 1
    assert all(torch.equal(runs[None][1][name], part) for name, part in runs[1e9][1].items())
    assert any(not torch.equal(runs[None][1][name], part) for name, part in runs[1e-9][1].items())


def test_values_move_no_further_than_clip_range_vf_in_one_rollout() -> None:
    agent = small_ppo(clip_range_vf=0.01)
    batch = filled_batch(agent)
    batch.returns = batch.values + 100
    with torch.no_grad():
        for part in agent.policy.value_net.parameters():
            part += 0.5  # every value is beyond the range by now, towards its target
    loss, row = agent.loss(batch, 0.2, 0.01)
    assert row[1].item() == pytest.approx((100 - 0.01) ** 2, rel=1e-4)
    loss.backward()
    assert all(part.grad.abs().max() == 0 for part in agent.policy.value_net.parameters())


def test_the_entropy_bonus_keeps_a_policy_undecided() -> None:
    entropies = []
    for ent_coef in (0.0, 1.0):
        agent = small_ppo(ent_coef=ent_coef, learning_rate=0.05, n_epochs=30)
        batch = filled_batch(agent)
        agent.train()
        entropies.append(agent.policy.evaluate_actions(batch.observations, batch.actions)[2].mean().item())
    assert entropies[1] > entropies[0]
    assert entropies[1] == pytest.approx(math.log(2), abs=0.03)


def test_a_lone_transition_at_the_end_is_not_normalised_away() -> None:
    agent = small_ppo(Sampled(), n_steps=5, batch_size=4)
    agent.learn(10)
    assert all(torch.isfinite(part).all() for part in agent.policy.parameters())


@pytest.mark.parametrize("kind", ACTIONS)
def test_a_tiny_batch_is_learned_by_heart(kind: str) -> None:
    """Actions with positive advantage become likely, the others unlikely, and values reach their targets."""
    agent = small_ppo(
        Sampled(action_space=ACTIONS[kind]), policy_kwargs={"net_arch": [32]}, learning_rate=0.02
    )
    batch = filled_batch(agent)
    batch.advantages = torch.where(torch.arange(len(batch.actions)) % 2 == 0, 1.0, -1.0)
    batch.returns = torch.linspace(-1, 1, len(batch.actions))
    for _ in range(300):
        agent.policy.optimizer.zero_grad()
        loss, _ = agent.loss(batch, 0.2)
        loss.backward()
        agent.policy.optimizer.step()
    values, log_probs, _ = agent.policy.evaluate_actions(batch.observations, batch.actions)
    ratio = (log_probs - batch.log_probs).exp()
    assert (ratio[batch.advantages > 0] > 1.1).all()
    assert (ratio[batch.advantages < 0] < 0.9).all()
    torch.testing.assert_close(values.squeeze(-1), batch.returns, atol=0.1, rtol=0)


def test_learning_rate_and_clip_range_follow_their_schedules() -> None:
    rates: list[float] = []
    agent = small_ppo(learning_rate=lambda progress: progress / 100, clip_range="lin_0.4")

    def look(*_: Any) -> bool:
        rates.append(agent.policy.optimizer.param_groups[0]["lr"])
        return True

    agent.learn(64, callback=look)
    updates = rates[::8]  # a rollout has 8 steps; the first one is collected before any update
    np.testing.assert_allclose(updates, [0.01, 0.0075, 0.005, 0.0025])
    assert agent.policy.optimizer.param_groups[0]["lr"] == 0
    assert agent.clip_range(0.5) == 0.2


@pytest.mark.parametrize("broken", ["observation", "gradient"])
def test_nan_ends_training_before_anything_acts_on_it(broken: str) -> None:
    agent = small_ppo(Sampled(), batch_size=8, n_epochs=1)
    agent.learn(16)
    if broken == "observation":
        agent._last_obs = np.full((1, 3), np.nan, np.float32)
    else:
        agent.policy.value_net.weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(Diverged, match="loss" if broken == "observation" else "gradient"):
        agent.learn(8, reset_num_timesteps=False)
