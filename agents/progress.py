"""A progress bar for `learn(progress_bar=True)`, on the console that the commands use."""

from __future__ import annotations

from contextlib import ExitStack

from stable_baselines3.common.callbacks import BaseCallback

from sandbox.ui.console import Console


class ProgressBar(BaseCallback):
    """One live line on a terminal, a plain line now and then elsewhere, from the first step to the last."""

    def _on_training_start(self) -> None:
        self._open = ExitStack()
        total = self.locals["total_timesteps"]
        self._progress = self._open.enter_context(Console().progress(total, "training"))

    def _on_step(self) -> bool:
        self._progress.update(self.num_timesteps)
        return True

    def _on_training_end(self) -> None:
        self._open.close()
