"""`train-agent`: the command line of the agents' wing. Loads torch only when there is something to train."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, UseAppendAction, arg

from sandbox.core.config import Count, parse_assignments
from sandbox.core.errors import UsageError
from sandbox.core.run import Run
from sandbox.nn.presets import PresetName
from sandbox.ui.console import Console

from .config import AgentConfig, Compile, Vec


@dataclass(frozen=True)
class TrainAgent:
    """Train an agent, stop once the task is solved, and leave a run folder that explains itself.

    ENV is a short name (CartPole), a full id (CartPole-v1, ALE/Pong-v5) or module:id. A short name is learnt
    on our batched twin of the environment where there is one, and in the end evaluated on gymnasium's own.

    Examples:
        python -m sandbox train-agent CartPole
        python -m sandbox train-agent CartPole --seeds 3 --json
        python -m sandbox train-agent Acrobot --steps 200k --set n_epochs=8 --set learning_rate=lin_1e-3
        python -m sandbox train-agent CartPole --wrap mask_velocity --wrap frame_stack:4
        python -m sandbox train-agent CartPole-v1 --config runs/first/config.toml --seed 7
    """

    env: Annotated[Positional[str], arg(metavar="ENV")] = ""
    """The environment; may be left out with --config."""
    algo: str | None = None
    """Algorithm (python -m sandbox list algos); ppo, unless given."""
    policy: str | None = None
    """Network; MlpPolicy, CnnPolicy or MultiInputPolicy, as observations are, unless given; lstm or gru for
    one that remembers."""
    backbone: PresetName | None = None
    """Size of the backbone of policies that see pictures; tiny, unless given (stock ones: SB3's own CNN)."""
    init_from: str | None = None
    """Start from the backbone of this run, or of this file."""
    freeze: bool = False
    """Do not train the backbone."""
    autocast: bool = False
    """Compute the backbone in bfloat16: faster on a GPU, slower on most CPUs."""
    compile: Compile | None = None
    """Let torch.compile make the backbone faster (reduce-overhead: CUDA graphs); takes a minute at first."""
    steps: Count | None = None
    """Environment steps at most, all environments together, such as 100k."""
    envs: Count | None = None
    """Environments side by side."""
    seed: int | None = None
    """Decides everything that is random; 0, unless given."""
    seeds: Count = 1
    """Train this many seeds, one after the other, each into a run of its own."""
    device: str | None = None
    """auto, cpu, cuda, cuda:1 or mps."""
    threads: Count | None = None
    """torch's threads on the CPU; one is fastest for small networks."""
    vec: Vec | None = None
    """async steps them in worker processes, one for each core, for slow simulators."""
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="KEY=VALUE")] = ()
    """Change a hyperparameter, such as n_steps=64; may be repeated."""
    env_arg: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="KEY=VALUE")] = ()
    """Argument for the environment, such as length=100; may be repeated."""
    wrap: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME[:VALUE]")] = ()
    """Wrapper around it (python -m sandbox list wrappers); may be repeated, the first one is innermost."""
    config: Path | None = None
    """Start from a config file, such as a run's config.toml; options change it."""
    name: str | None = None
    """Name of the run's folder."""
    out: Path | None = None
    """Folder for the runs; SANDBOX_RUNS or ./runs, unless given."""
    eval_every: Count | None = None
    """Steps between greedy evaluations; 0 for none but the last."""
    checkpoint_every: Count | None = None
    """Steps between checkpoints."""
    keep_checkpoints: Count | None = None
    """How many of the newest checkpoints to keep, besides the best."""
    checkpoint_replay: bool = True
    """Leave the replay buffer out of checkpoints: they are smaller, and a resumed run collects anew."""
    video_every: Count | None = None
    """Steps between videos of the agent, into the run's folder; also of its beginning and its end."""
    early_stop: bool = True
    """Use all steps, also after the task is solved."""
    quick: bool = False
    """A tenth of the steps."""
    dry_run: bool = False
    """Show the resolved config, check that everything can be made, and write nothing."""
    track: Literal["tensorboard"] | None = None
    """Also write TensorBoard's files into the run."""

    def run(self, console: Console) -> dict[str, Any]:
        """Train; returns what `--json` prints."""
        if self.seeds < 1:
            raise UsageError("--seeds must be at least 1")
        if self.seeds > 1 and self.name:
            raise UsageError("--name is for one run, and --seeds makes several", hint="leave one of them out")
        config = self.resolve()
        if self.dry_run:
            return _dry_run(config, console)
        seeds = range(config.seed, config.seed + self.seeds)
        results = [self._train(dataclasses.replace(config, seed=seed), console) for seed in seeds]
        if self.seeds == 1:
            return results[0]
        solved = sum(bool(result["solved"]) for result in results)
        mean = sum(result["evaluation"]["mean"] for result in results) / len(results)
        console.print(f"{solved} of {self.seeds} seeds solved; mean return {mean:.1f}")
        return {"schema": "sandbox.agents/1", "runs": results}

    def resolve(self) -> AgentConfig:
        """Preset, then config file, then options: each changes what came before.

        Raises:
            SandboxError: one line that names the option or key and what is wrong with it.
        """
        from .resolve import resolve_config

        changes = {name: getattr(self, name) for name in _PASSED_ON if getattr(self, name) is not None}
        changes |= {name: True for name in ("freeze", "autocast") if getattr(self, name)}
        if self.wrap:
            changes["wrap"] = list(self.wrap)
        changes |= {name: False for name in ("early_stop", "checkpoint_replay") if not getattr(self, name)}
        return resolve_config(
            self.env,
            changes,
            settings=self.set,
            env_args=parse_assignments(self.env_arg),
            config=self.config,
            quick=self.quick,
            root=self.out,
        )

    def _train(self, config: AgentConfig, console: Console) -> dict[str, Any]:
        from .build import build_agent
        from .training import begin_run, train

        agent = build_agent(config)
        try:
            if config.init_from is not None:
                console.note(f"backbone from {config.init_from}: {agent.moved}")
            run = begin_run(config, agent, self.out, self.name, ["python", "-m", "sandbox", *sys.argv[1:]])
            console.run = run
            result = train(config, agent, run, console)
        finally:
            agent.simulator.close()
        report(result, config, run, console)
        return result


_PASSED_ON = (
    *("algo", "policy", "backbone", "init_from", "compile", "steps", "envs", "seed", "device", "threads"),
    "vec",
    *("eval_every", "checkpoint_every", "keep_checkpoints", "video_every", "track"),
)


def report(result: dict[str, Any], config: AgentConfig, run: Run, console: Console) -> None:
    """Say in a few lines how training went and what to do next, and draw the curve."""
    from .training import draw_curve, trust_option

    score = result["evaluation"]
    verdict = {True: "solved", False: "not solved", None: "done"}[result["solved"]]
    goal = "" if config.threshold is None else f" (threshold {config.threshold:g})"
    digits = 1 if abs(score["mean"]) >= 10 else 2
    spread = f"{score['mean']:.{digits}f} ± {score['std']:.{digits}f} over {score['episodes']} episodes"
    console.print(f"{verdict}: {config.env}, seed {config.seed}: mean return {spread}{goal}")
    speed = f"{result['steps_per_second'] or 0:,.0f} steps/s"
    console.print(f"trained {result['steps']:,} steps in {result['train_seconds']:.2f} s ({speed})")
    console.print(f"run    {run.relative()}")
    curve = draw_curve(run, config)  # after the verdict: matplotlib takes a moment to load
    if curve is not None:
        console.print(f"curve  {run.relative() / curve.relative_to(run.path)}")
    if config.video_every and run.videos_dir.exists():
        console.print(f"videos {run.relative() / run.videos_dir.name}")
    console.print(f"next   python -m sandbox evaluate {run.relative()}{trust_option(config)}")


def _dry_run(config: AgentConfig, console: Console) -> dict[str, Any]:
    from sandbox.core.config import to_mapping, to_toml

    from .build import build_agent

    build_agent(config).simulator.close()
    console.print(to_toml(config).rstrip())
    return {"schema": "sandbox.config/1", "config": to_mapping(config)}
