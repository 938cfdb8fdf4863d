"""The kind of run that `train-agent` makes: load it, evaluate it, resume it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.core.errors import UsageError
from sandbox.core.kinds import Question
from sandbox.core.run import Run
from sandbox.ui.console import Console

from .config import AgentConfig, read_config

if TYPE_CHECKING:
    from sandbox.nn.explain import Subject
    from sandbox.ui.report.exhibit import Exhibit

    from .protocols import AnyAgent


EPISODES = 100
"""of an evaluation, unless another number is asked for"""


class AgentRuns:
    """See `sandbox.core.kinds.Kind`."""

    score = "mean"

    def load(
        self, run: Run, *, checkpoint: str = "best", device: str = "auto", trust: bool = False
    ) -> AnyAgent:
        """The trained agent, with an environment of its own.

        Raises:
            RunBroken, CheckpointBroken: a file is missing or damaged; the message names it.
            UsageError: the environment's id names a module to import, and `trust` is not given.
        """
        _, agent = self._open(run, checkpoint, device, trust, warnings.warn)
        return agent

    def evaluate(self, run: Run, console: Console, question: Question) -> dict[str, Any]:
        """Greedy episodes on the task itself; the same seed gives the same ones.

        Raises:
            UsageError: the question is one for pictures.
        """
        if question.split is not None or question.data_dir is not None:
            raise UsageError("--split and --data-dir are for classifiers: an agent plays episodes")
        if question.tta is not None:
            raise UsageError("--tta is for classifiers: an agent plays episodes")
        if question.samples is not None or question.images is not None:
            raise UsageError("--samples and --images are for VAEs: an agent plays episodes")
        question.refuse_sampling()
        from .session import final_evaluation, note_unfinished
        from .training import outcome

        warn = console.note
        config, agent = self._open(
            run, question.checkpoint, question.device, question.trust, lambda text: warn(f"warning: {text}")
        )
        with agent.simulator:
            result = final_evaluation(agent, config, question.episodes or EPISODES, question.seed)
        note_unfinished(result, config, console)
        score = result.summary()
        spread = f"{score['mean']:.2f} ± {score['std']:.2f} (from {score['min']:.4g} to {score['max']:.4g})"
        console.print(f"{run.name}: {spread} over {score['episodes']} episodes")
        return outcome(run, config, agent.num_timesteps, result)

    def explain(self, run: Run, console: Console, question: Question) -> Subject:
        """The agent's backbone, and what it sees in episodes of its own.

        Raises:
            UsageError: it has no backbone.
        """
        from .explained import subject

        config, agent = self._open(
            run,
            question.checkpoint,
            question.device,
            question.trust,
            lambda text: console.note(f"warning: {text}"),
            compile=None,  # batches of all sizes would be compiled one by one
        )
        with agent.simulator:
            return subject(run, config, agent, question)

    def resume(self, run: Run, console: Console, *, trust: bool, device: str | None) -> dict[str, Any]:
        """Continue from the newest good checkpoint to the end of the config's steps."""
        from .build import build_agent
        from .commands import report
        from .training import resume

        config = read_config(run, trust, device)
        agent = build_agent(config)
        with agent.simulator:
            result = resume(config, agent, run, console)
        report(result, config, run, console)
        return result

    def exhibits(
        self, run: Run, note: Callable[[str], None], make: bool, trust: bool = False
    ) -> list[Exhibit]:
        """A video of the agent at play; with `make` one is recorded where there is none."""
        from .reported import exhibits

        return exhibits(run, note, make, trust)

    def preset_of(self, run: Run, trust: bool = False) -> dict[str, Any]:
        """The config that its task and algorithm have unless something else is asked for."""
        from .reported import preset_of

        return preset_of(read_config(run, trust, None))

    def words_of(self, run: Run) -> list[str]:
        """The command that trains with a config file; modules to import are named by people, not by files."""
        from .reported import words_of

        return words_of(run)

    def _open(
        self,
        run: Run,
        checkpoint: str,
        device: str,
        trust: bool,
        on_broken: Callable[[str], None],
        **changes: Any,
    ) -> tuple[AgentConfig, AnyAgent]:
        import dataclasses

        from sandbox.nn.checkpoint import Checkpoints

        from .build import build_agent

        config = read_config(run, trust, device)
        config = dataclasses.replace(config, envs=1, vec="sync", init_from=None, **changes)
        step, state = Checkpoints(run.checkpoints_dir).load(checkpoint, on_broken)
        agent = build_agent(config)
        agent.load_policy(state, step)
        return config, agent
