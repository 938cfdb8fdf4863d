"""What `report` tells of a classifier: where it goes wrong, and what its preset would have been."""

from __future__ import annotations

from typing import Any

from sandbox.core.config import to_mapping
from sandbox.core.errors import UsageError
from sandbox.core.run import Run
from sandbox.data.catalog import FOLDER, FRAMES
from sandbox.nn.budget import Budget
from sandbox.supervised.config import ClassifierConfig
from sandbox.supervised.resolve import resolve_config
from sandbox.ui.chart import is_number
from sandbox.ui.report.exhibit import Exhibit, others

PICTURES = ("plots/confusion-test.png", "plots/top-losses-test.png", "plots/reliability-test.png")
"""what `evaluate` draws"""
KNOWN = (*PICTURES, "plots/accuracy.png")


def exhibits(run: Run) -> list[Exhibit]:
    """What was drawn of its answers, as far as it is there."""
    info = run.info
    names, score = info.get("classes"), info.get("evaluation")
    classes = len(names) if isinstance(names, list) else "its"
    accuracy = score.get("accuracy") if isinstance(score, dict) else None
    right = f"; {accuracy:.2%} are right" if is_number(accuracy) else ""
    flawless = accuracy == 1
    confusion, losses, reliability = (run.path / name for name in PICTURES)
    shown = [
        Exhibit(
            confusion,
            "Confusion matrix",
            f"Matrix of {classes} true classes against {classes} answers, on the test pictures{right}",
            "each row is what was to be seen, each column what it was taken for",
        ),
        Exhibit(
            losses,
            "Its least sure answers" if flawless else "Its worst answers",
            "Test pictures with the highest loss, each with its class, the answer and how sure it was",
            f"{'none was wrong: ' * flawless}the test pictures that surprised it most",
        ),
        Exhibit(
            reliability,
            "How far it can be believed",
            "Chart of how often answers are right against how sure they were",
            "on the diagonal answers are as often right as they are sure",
        ),
    ]
    return [one for one in shown if one.path.is_file()] + others(run, KNOWN)


def preset_of(config: ClassifierConfig) -> dict[str, Any]:
    """The config of such a model on such data, had nothing else been asked for.

    Raises:
        UsageError: it is a model from elsewhere.
    """
    if config.model == "hf":
        raise UsageError("it is a model of Hugging Face's, which has settings of its own")
    asked = {"model": config.model, "pictures": config.pictures}
    given = {key: value for key, value in asked.items() if value is not None}
    steps = int(config.fit.steps)
    # What follows from the budget, such as how often it is looked at, is no difference of its own.
    alike = to_mapping(resolve_config(config.data, given, budget=Budget(steps=steps)))
    alike.pop("pictures", None)
    if not config.data.startswith((FOLDER, FRAMES)):  # their pictures would have to be counted
        usual = resolve_config(config.data, given, budget=Budget())
        alike["fit"] = {**alike["fit"], "steps": int(usual.fit.steps)}
    return alike
