"""`play`: an environment for people, with the keyboard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, UseAppendAction, arg

from sandbox.core.config import Count, parse_assignments
from sandbox.core.errors import Refused, UsageError
from sandbox.core.seeding import fresh_seed
from sandbox.ui.console import Console

from .watch import check_options, report


@dataclass(frozen=True)
class Play:
    """Play an environment with the keyboard; the keys are shown beside the picture.

    Examples:
        python -m sandbox play CartPole --speed 0.5
        python -m sandbox play FrozenLake --env-arg is_slippery=false
        python -m sandbox play LunarLander --record landing.mp4
    """

    env: Annotated[Positional[str], arg(metavar="ENV")]
    """The environment: a short name or an id."""
    env_arg: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="KEY=VALUE")] = ()
    """Argument for the environment; may be repeated."""
    wrap: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME[:VALUE]")] = ()
    """Wrapper around it, such as sticky_actions:0.25; may be repeated."""
    episodes: Count | None = None
    """How many; until the window is closed, unless given."""
    speed: float = 1.0
    """How many times faster than the environment's own pace."""
    seed: int | None = None
    """Of the first episode; another one each time, unless given."""
    record: Path | None = None
    """Write a video (.mp4 or .gif) of everything."""

    def run(self, console: Console) -> dict[str, Any]:
        """Play until the window is closed; returns what `--json` prints.

        Raises:
            UsageError: nobody has said which keys play the environment.
            Refused: there is no display.
        """
        check_options(self.speed, self.episodes, self.record)
        from envs.controls import controls_of

        from .watched import make_env

        env = make_env(self.env, parse_assignments(self.env_arg), self.wrap)
        try:
            controls = controls_of(env)
            env_id = env.spec.id if env.spec is not None else self.env
            if controls is None:
                raise UsageError(
                    f"{env_id} has no key map: nobody has said which keys play it",
                    hint=f"python -m sandbox watch --random --env {self.env}",
                )
            from sandbox.ui.screen import has_display

            if not has_display():
                raise Refused("there is no display to play on", hint="set DISPLAY, or play on a desktop")
            from sandbox.ui.show import Show
            from sandbox.ui.stage import Stage
            from sandbox.ui.viewer import Viewer

            show = Show(env_id, controls, None, self.episodes, self.speed, self.record)
            seed = fresh_seed() if self.seed is None else self.seed
            outcome = Viewer(Stage(env, None, seed), show).run()
        finally:
            env.close()
        result = report(env_id, "you", outcome, console)
        scores = [episode["return"] for episode in outcome.episodes if episode["finished"]]
        if scores:
            best, mean = max(scores), sum(scores) / len(scores)
            console.print(f"return: best {best:g}, mean {mean:g} over {len(scores)} episodes")
        return {**result, "best": max(scores, default=None)}
