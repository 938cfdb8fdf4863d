"""A run while an agent learns: metrics, evaluations, videos, checkpoints.

`PPO.learn` calls `after_update` between two updates; everything that a run keeps is written there.
"""

from __future__ import annotations

from typing import Any, Self

from stable_baselines3.common.logger import KVWriter, Logger, TensorBoardOutputFormat

from sandbox.core.errors import CheckpointBroken
from sandbox.core.metrics import MetricsWriter
from sandbox.core.run import Run
from sandbox.core.seeding import derive_seed
from sandbox.nn.session import Reporter, Session, due
from sandbox.nn.transfer import FILE, save_backbone
from sandbox.ui.console import Console

from .config import AgentConfig
from .evaluate import Evaluation, evaluate
from .log import plain_logger
from .names import longest_episode, with_end
from .protocols import AnyAgent
from .simulators import Simulator, as_simulator
from .simulators.from_id import find_spec, most_at_once
from .videos import TrainingVideos

CONFIRM_EPISODES = 100
"""fresh episodes that have to confirm a passed evaluation before training stops"""


class NoSession:
    """`learn` without a run: nothing is written, nothing is evaluated. Subclasses may look on."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def after_update(self, agent: AnyAgent) -> bool:
        """True: training goes on."""
        del agent
        return True


class AgentSession(Session):
    """An agent's training in a run folder: evaluations, videos, and the end once the task is solved."""

    def __init__(self, run: Run, config: AgentConfig, console: Console) -> None:
        super().__init__(run, console, config.steps, config.env, config.keep_checkpoints)
        self.config = config
        self.solved = False
        self.final: Evaluation | None = None
        """of the agent that solved the task, on the task itself"""
        self.videos = TrainingVideos(config, run.videos_dir, console.note)
        self._evaluators: dict[int, Simulator] = {}
        self._previous_steps = 0

    # Life

    def begin(self, agent: AnyAgent) -> None:
        """Take the agent's log and count from where it stands."""
        outputs: list[KVWriter] = [_JsonLines(MetricsWriter(self.run.metrics_path), self)]
        if self.config.track == "tensorboard":
            outputs.append(TensorBoardOutputFormat(str(self.run.path / "tensorboard")))
        if agent.verbose:
            outputs += plain_logger(agent.verbose).output_formats
        agent.set_logger(Logger(folder=None, output_formats=outputs))
        self._logger = agent.logger
        self._previous_steps = agent.num_timesteps
        if self.config.video_every and agent.num_timesteps == 0:
            self.videos.record(agent)

    def __enter__(self) -> Self:
        super().__enter__()
        self.on_exit(self._logger.close)
        return self

    def closing(self, error: BaseException | None) -> None:
        for simulator in self._evaluators.values():
            simulator.close()
        if error is not None:
            self.videos.stop()
        elif self.videos.pending:
            self.console.note(f"waiting for {self.videos.pending} more of the videos")
        self.videos.finish()

    # Between two updates

    def after_update(self, agent: AnyAgent) -> bool:
        """Evaluate, save and look for a signal, each where it is due. False ends training."""
        self.pause()
        before, now = self._previous_steps, agent.num_timesteps
        self._previous_steps = now
        improved = self._evaluate(agent) if due(before, now, self.config.eval_every) else False
        interrupted = self.stop.requested  # asked once: a signal after this is for the next update
        if improved or interrupted or due(before, now, self.config.checkpoint_every):
            self.save(agent)
        if improved:
            self.checkpoints.mark_best(now)
            self.keep_eyes(agent)
        self._show(agent)
        self._film(agent, before)
        self.go_on()
        if interrupted:
            self.reason = "interrupted"
        elif self.solved:
            self.reason = "solved"
        return self.reason == "steps"

    def keep_eyes(self, agent: AnyAgent) -> None:
        """Write the backbone, the best so far, for `--init-from`."""
        if agent.backbone is not None:
            save_backbone(self.run.path / FILE, agent.backbone)

    def _film(self, agent: AnyAgent, before: int) -> None:
        """Record a video where one is due, and of the end."""
        every, now = self.config.video_every, agent.num_timesteps
        if every and (due(before, now, every) or self.solved or now >= self.config.steps):
            self.videos.record(agent)

    def save(self, agent: AnyAgent) -> None:
        """Write a checkpoint; raises as `write` does."""
        state = agent.training_state()
        replay = state.pop("replay", None)
        bulk = replay if self.config.checkpoint_replay else None
        self.write(agent.num_timesteps, agent.policy.state_dict(), state, bulk)

    def load(self, agent: AnyAgent, state: dict[str, Any]) -> list[str]:
        """Take a checkpoint's state into `agent`, with the replay buffer where one was kept beside it; says
        what could not be restored."""
        try:
            replay = self.checkpoints.load_bulk(state["counters"]["num_timesteps"])
        except CheckpointBroken as error:
            self.console.note(f"warning: {error.message}")
            return agent.load_training_state({**state, "replay": None})
        return agent.load_training_state(state if replay is None else {**state, "replay": replay})

    def own_state(self) -> dict[str, Any]:
        return {**super().own_state(), "solved": self.solved}

    def _evaluate(self, agent: AnyAgent) -> bool:
        """Play greedily on fresh episodes; True where this is the best so far."""
        result = self._play(agent, self.config.eval_episodes, "evaluation")
        values = {"eval/mean_reward": result.mean, "eval/std_reward": result.std}
        threshold = self.config.threshold
        if self.config.early_stop and threshold is not None and result.mean >= threshold:
            confirmed = self._play(agent, CONFIRM_EPISODES, "confirmation").mean
            values["eval/confirmed_mean_reward"] = confirmed
            if confirmed >= threshold:
                self.final = final_evaluation(agent, self.config, CONFIRM_EPISODES)
                self.solved = self.final.mean >= threshold
        for name, value in values.items():
            agent.logger.record(name, value)
        agent.logger.dump(agent.num_timesteps)
        better = self.is_best(result.mean, agent.num_timesteps)
        if self.solved:
            self.best_step = agent.num_timesteps
        return better or self.solved

    def _play(self, agent: AnyAgent, episodes: int, purpose: str) -> Evaluation:
        if episodes not in self._evaluators:
            self._evaluators[episodes] = evaluator(self.config, self.config.train_env, episodes)
        seed = derive_seed(self.config.seed, purpose, agent.num_timesteps)
        return evaluate(agent.policy, self._evaluators[episodes], episodes, seed)  # type: ignore[arg-type]

    def _show(self, agent: AnyAgent) -> None:
        recent = [episode["r"] for episode in agent.ep_info_buffer or ()]
        fields: dict[str, float | str] = {"return": sum(recent) / len(recent)} if recent else {}
        if self.best is not None:
            fields["best"] = self.best
        self.shown.update(agent.num_timesteps, **fields)


def evaluator(config: AgentConfig, env: str, episodes: int) -> Simulator:
    """Environments to evaluate on, at most one for each episode: many of a batch, fewer that cost more.

    One without a time limit gets one: an agent that always takes its favourite action may walk in a circle.
    """
    arguments = with_end(env, config.env_args)
    return as_simulator(
        env, min(episodes, most_at_once(find_spec(env))), env_kwargs=arguments, wrap=config.wrap
    )


def final_evaluation(
    agent: AnyAgent, config: AgentConfig, episodes: int, seed: int | None = None
) -> Evaluation:
    """Greedy episodes on the task itself (gymnasium's own environment, where we trained on a twin of it).

    Raises:
        UnsupportedSpace: the task shows something else than what the agent was trained on.
    """
    seed = derive_seed(config.seed, "final") if seed is None else seed
    with evaluator(config, config.env, episodes) as simulator:
        return evaluate(agent.policy, simulator, episodes, seed)  # type: ignore[arg-type]


def note_unfinished(result: Evaluation, config: AgentConfig, console: Reporter) -> None:
    """Say that the numbers stand on episodes of the task which did not end by themselves."""
    longest = longest_episode(config.env, config.env_args)
    if longest is not None and (result.lengths >= longest).any():
        count = f"{int((result.lengths >= longest).sum())} of {len(result.lengths)}"
        console.note(f"note: {count} episodes did not end, and count as they stood after {longest:,} steps")


class _JsonLines(KVWriter):
    """SB3's log into `metrics.jsonl`, with the seconds of training beside it."""

    def __init__(self, writer: MetricsWriter, session: AgentSession) -> None:
        self.writer, self.session = writer, session

    def write(
        self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0
    ) -> None:
        shown = {key: value for key, value in key_values.items() if "json" not in key_excluded.get(key, ())}
        self.writer.write(step, {**shown, "time/seconds": self.session.train_seconds})

    def close(self) -> None:
        self.writer.close()
