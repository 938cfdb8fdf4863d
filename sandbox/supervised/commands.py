"""`train-classifier`: the command line of the supervised pipelines. Loads torch only when there is work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.nn.train_options import TrainOptions, shown
from sandbox.supervised.config import ClassifierConfig
from sandbox.supervised.options import FitOptions
from sandbox.ui.console import Console


@dataclass(frozen=True)
class TrainClassifier(TrainOptions, FitOptions):
    """Train a classifier of pictures, and leave a run folder that explains itself.

    DATA is the name of a data set (python -m sandbox list data), folder:PATH for pictures of your own in a
    folder for each class, or frames:ENV@expert for what a player sees and does. The validation pictures
    choose the weights to keep; the test pictures are looked at once, in the end.

    Examples:
        python -m sandbox train-classifier mnist
        python -m sandbox train-classifier sign_mnist --model cnn --augment
        python -m sandbox train-classifier digits --epochs 20 --set learning_rate=3e-3 --json
        python -m sandbox train-classifier folder:~/pets --size 96 --augment --balanced
        python -m sandbox train-classifier sign_mnist --init-from latest --fine-tune
        python -m sandbox train-classifier folder:~/pets --init-from hf:microsoft/resnet-18 --freeze
    """

    def run(self, console: Console) -> dict[str, Any]:
        """Train; returns what `--json` prints."""
        self.check_seeds()
        config = self.resolve(console)
        if self.dry_run:
            return shown(config, console)
        from sandbox.supervised.training import train

        results = self.of_each_seed(config, train, report, console)
        if self.seeds == 1:
            return results[0]
        mean = sum(result["evaluation"]["accuracy"] for result in results) / len(results)
        console.print(f"{self.seeds} seeds: mean test accuracy {mean:.2%}")
        return {"schema": "sandbox.classifiers/1", "runs": results}

    def resolve(self, console: Console) -> ClassifierConfig:
        """Preset, then config file, then options: each changes what came before.

        Raises:
            SandboxError: one line that names the option or key and what is wrong with it.
        """
        config = self.resolved(self.budget, self.more_settings, quick=self.quick, root=self.out)
        return config if self.minutes is None else _fitted_to(self.minutes, config, console)


def _fitted_to(minutes: float, config: ClassifierConfig, console: Console) -> ClassifierConfig:
    """The config with as many steps as `minutes` have room for."""
    from sandbox.nn.fit_run import steps_in
    from sandbox.supervised.pictures import load_pictures
    from sandbox.supervised.resolve import with_steps
    from sandbox.supervised.training import build_training

    steps = steps_in(minutes, build_training(config, load_pictures(config), Console(quiet=True)))
    console.note(f"{minutes:g} minutes have room for {steps:,} steps")
    return with_steps(config, steps)


def report(result: dict[str, Any], console: Console) -> None:
    """Say in a few lines how training went and what to do next."""
    from sandbox.core.run import Run
    from sandbox.data.catalog import label
    from sandbox.supervised.drawings import draw_curve

    run, score = Run(result["run"]), result["evaluation"]
    what = f"{result['model']} on {label(result['data'])}, seed {result['seed']}"
    console.print(f"done: {what}: {told(score)}")
    steps = f"{result['steps']:,} step{'s' if result['steps'] != 1 else ''}"
    console.print(f"trained {result['epochs']:g} epochs ({steps}) in {result['train_seconds']:.1f} s")
    console.print(f"run    {run.relative()}")
    curve = draw_curve(run)
    if curve is not None:
        console.print(f"curve  {run.relative() / curve.relative_to(run.path)}")
    console.print(f"next   python -m sandbox evaluate {run.relative()}")


def told(score: dict[str, Any]) -> str:
    """An accuracy in words."""
    low, high = score["interval"]
    share = f"{score['accuracy']:.2%} of {score['n']:,} {score['split']} pictures right"
    return f"{share} (95 %: {low:.2%} to {high:.2%})"
