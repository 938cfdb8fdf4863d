"""docs/new-agent.md: its ideas are short, do what they say, and train, save, load and resume as ours do."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

import agents
from agents import DQN, PPO
from agents.algorithms import find_algorithm
from agents.q_networks import Dueling
from agents.simulators.from_id import find_spec
from sandbox import load_run
from sandbox.__main__ import main
from sandbox.core.errors import NotFound, UsageError
from sandbox.core.run import Run
from tests.agents.run_folders import (
    assert_same_run,
    at_metric_line,
    error_of,
    press_ctrl_c,
    resume,
    train,
)
from tests.agents.tasks import same_weights, small_dqn, small_ppo, weights_of

PAGE = Path(__file__).parents[2] / "docs" / "new-agent.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
FILES = {block.split("\n")[0].removeprefix("# "): block for block in BLOCKS if block.startswith("# ")}
IDEAS = ["expected_sarsa:ExpectedSarsa", "max_dueling:MaxDuelingDQN", "simple_policy:SPO", "soft:SoftDQN"]
SARSA = ("--algo", "expected_sarsa:ExpectedSarsa")
pytestmark = pytest.mark.usefixtures("short_evaluations")


@pytest.fixture(autouse=True)
def ideas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's files, in a folder from which they can be imported."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        monkeypatch.delitem(sys.modules, Path(name).stem, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)


def idea(name: str) -> Any:
    module, _, cls = name.partition(":")
    return getattr(import_module(module), cls)


def small(cls: Any, **arguments: Any) -> Any:
    """An agent of this class, as small as those of other tests."""
    like = small_ppo if issubclass(cls, PPO) else small_dqn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"tests.agents.tasks.{'PPO' if like is small_ppo else 'DQN'}", cls)
        return like("Sandbox/CartPole-v0", **arguments)


def test_every_idea_takes_less_than_fifty_lines() -> None:
    assert {name.partition(":")[0] + ".py" for name in IDEAS} == FILES.keys()
    assert max(text.count("\n") for text in FILES.values()) < 50


@pytest.mark.parametrize("name", IDEAS)
def test_an_idea_learns_is_saved_and_goes_on(name: str, tmp_path: Path) -> None:
    cls = idea(name)
    model = small(cls).learn(64)
    model.save(tmp_path / "saved")
    loaded = cls.load(tmp_path / "saved", env="Sandbox/CartPole-v0")
    assert same_weights(loaded, model)
    loaded.learn(64)
    assert not same_weights(loaded, model)
    parent = small(DQN if issubclass(cls, DQN) else PPO).learn(64)
    assert any(
        not torch.equal(ours, theirs)
        for ours, theirs in zip(weights_of(model).values(), weights_of(parent).values(), strict=False)
    )


def test_the_script_of_the_page_runs() -> None:
    (script,) = (block for block in BLOCKS if block not in FILES.values())
    found: dict[str, Any] = {}
    exec(compile(script, str(PAGE), "exec"), found)  # our own page
    assert found["model"].num_timesteps == 2_000


# Each does what it says


@pytest.mark.parametrize("n_quantiles", [1, 3])
def test_expected_sarsa_averages_over_what_the_agent_will_do(n_quantiles: int) -> None:
    model = small(idea("expected_sarsa:ExpectedSarsa"))
    model.exploration_rate = 0.3
    generator = torch.Generator().manual_seed(0)
    later, chooser = torch.randn(2, 5, n_quantiles, 4, generator=generator)
    values = model.next_values(later, chooser)
    for row in range(5):
        best = int(chooser[row].mean(0).argmax())
        for quantile in range(n_quantiles):
            expected = sum(
                (0.3 / 4 + (0.7 if action == best else 0)) * later[row, quantile, action].item()
                for action in range(4)
            )
            assert values[row, quantile].item() == pytest.approx(expected, abs=1e-5)
    model.exploration_rate = 0.0
    assert torch.allclose(model.next_values(later, chooser), DQN.next_values(model, later, chooser))


@pytest.mark.parametrize("policy", ["MlpPolicy", "MlpGruPolicy"])
def test_dueling_with_the_maximum_gives_the_best_action_the_value(policy: str) -> None:
    model = small(idea("max_dueling:MaxDuelingDQN"), policy=policy)
    head = model.policy.q_net.q_net
    assert isinstance(head, Dueling)
    assert isinstance(model.policy.q_net_target.q_net, type(head))
    features = torch.randn(6, head.shared[0].in_features if len(head.shared) else head.value[0].in_features)
    values = head(features).unflatten(-1, (1, 2)).amax(-1)
    assert torch.allclose(values, head.value(head.shared(features)), atol=1e-6)


def test_the_quadratic_penalty_has_its_optimum_at_the_clip_range() -> None:
    surrogate = small(idea("simple_policy:SPO")).surrogate
    ratios = torch.linspace(0.5, 1.5, 101)
    for advantage, best in ((2.0, 1.2), (-0.5, 0.8)):
        gained = surrogate(ratios, torch.full_like(ratios, advantage), 0.2)
        assert ratios[gained.argmax()].item() == pytest.approx(best, abs=0.011)
    assert surrogate(torch.ones(3), torch.tensor([1.0, 0.0, -1.0]), 0.2).tolist() == [1.0, 0.0, -1.0]


def test_a_number_of_its_own_is_kept_by_files_and_configs(runs_root: Path) -> None:
    cls = idea("soft:SoftDQN")
    model = small(cls, temperature=0.5)
    later = torch.tensor([[[1.0, 0.0]]])
    share = torch.tensor(2.0).exp() / (torch.tensor(2.0).exp() + 1)
    assert model.next_values(later, later).item() == pytest.approx(share.item())
    model.learn(32, run=True)
    model.save("soft.zip")
    assert cls.load("soft.zip").temperature == 0.5
    assert cls.load("soft.zip", custom_objects={"temperature": 2.0}).temperature == 2.0
    (run,) = runs_root.iterdir()
    assert load_run(run, trust=True).temperature == 0.5
    words = ["--set", "temperature=0.25", "--steps", "64", "--name", "third", "--quiet"]
    assert main(["train-agent", "CartPole", "--algo", "soft:SoftDQN", *words]) == 0
    assert load_run("third", trust=True, checkpoint="last").temperature == 0.25


def test_other_advantages_are_what_is_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hopeless(PPO):
        def advantages(self, rewards: Any, values: Any, last_values: Any, ends: Any) -> Any:
            return 0 * super().advantages(rewards, values, last_values, ends)

    model = small(Hopeless, ent_coef=0.0, vf_coef=0.0)
    before = weights_of(model)
    model.learn(64)
    assert all(torch.equal(before[name], part) for name, part in weights_of(model).items())


# On the command line


def test_a_run_of_an_idea_resumes_bit_for_bit(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    sarsa = ("--algo", "dqn", "CartPole-v1", *SARSA)  # small as DQN's are, and then of the page's class
    assert train(root, "whole", "CartPole-v1", *sarsa) == 0
    with at_metric_line(4, press_ctrl_c):
        assert train(root, "stopped", "CartPole-v1", *sarsa) == 130
    assert resume(root, "stopped", "--trust") == 0
    assert_same_run(root / "whole", root / "stopped")
    assert train(root, "plain", "CartPole-v1", "--algo", "dqn") == 0
    assert load_run(root / "whole", trust=True).__class__.__name__ == "ExpectedSarsa"
    assert not same_weights(load_run(root / "whole", trust=True), load_run(root / "plain"))


def test_a_class_that_a_run_names_is_imported_with_trust_only(
    runs_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["CartPole", *SARSA, "--steps", "64", "--name", "run", "--set", "learning_starts=8", "--quiet"]
    assert main(["train-agent", *words]) == 0
    Run(runs_root / "run").update(status="interrupted")
    del sys.modules["expected_sarsa"]
    refusal = "'expected_sarsa:ExpectedSarsa' in its config would import (and so execute) 'expected_sarsa'"
    for command in (["evaluate", "run"], ["resume", "run"]):
        assert error_of(capsys, command, 2) == refusal
    with pytest.raises(UsageError, match="would import"):
        load_run("run")
    config = str(runs_root / "run" / "config.toml")
    error = error_of(capsys, ["train-agent", "CartPole", "--config", config], 2)
    assert error == f"{config} would import (and so execute) 'expected_sarsa'"
    assert "expected_sarsa" not in sys.modules
    assert main(["train-agent", "--config", config, *SARSA, "--dry-run"]) == 0
    assert main(["evaluate", "run", "--trust", "--episodes", "1"]) == 0


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("nowhere:Agent", 4, "module 'nowhere', which should hold the algorithm"),
        ("soft:SoftPPO", 4, "there is no algorithm 'soft:SoftPPO': AttributeError"),
        ("broken:Agent", 4, "there is no algorithm 'broken:Agent': SyntaxError"),
        ("soft:SoftSettings", 2, "soft:SoftSettings is no subclass of agents.PPO or agents.DQN"),
    ],
)
def test_what_is_no_algorithm_is_told_in_a_line(
    name: str, code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.py").write_text("class Agent(:\n")
    assert error_of(capsys, ["train-agent", "CartPole", "--algo", name], code).startswith(message)


def test_a_class_of_a_script_cannot_have_a_run() -> None:
    class Local(agents.PPO):
        """No other process finds it."""

    with pytest.raises(UsageError, match="no other process would find the class Local: a script defined it"):
        small(Local).learn(16, run=True)


def test_an_installed_program_finds_modules_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_room.py").write_text(
        "from gymnasium import register\n"
        "register('ARoom-v0', 'gymnasium.envs.classic_control:CartPoleEnv', max_episode_steps=20)\n"
    )
    (tmp_path / "a_sarsa.py").write_text("from expected_sarsa import ExpectedSarsa\n")
    elsewhere = [path for path in sys.path if path and Path(path).resolve() != tmp_path.resolve()]
    monkeypatch.setattr(sys, "path", [*elsewhere])
    for name in ("nowhere:Agent", "json.nowhere:Agent"):
        with pytest.raises(NotFound, match="cannot be imported: No module named"):
            find_algorithm(name)
    assert sys.path == elsewhere
    assert find_spec("a_room:ARoom-v0").max_episode_steps == 20
    sys.path[:] = elsewhere
    assert find_algorithm("a_sarsa:ExpectedSarsa").load().__name__ == "ExpectedSarsa"
    assert sys.path == [*elsewhere, str(Path.cwd())]  # last: what is installed comes first
