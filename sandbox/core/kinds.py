"""What the kernel asks of a kind of run, and what `evaluate` and `explain` may ask of a run of it.

Which kinds there are says `KINDS` in `sandbox.core.plugins`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sandbox.core.errors import UsageError

if TYPE_CHECKING:
    from sandbox.core.run import Run


@dataclass(frozen=True)
class Question:
    """What `evaluate` and `explain` ask of a run; None where the kind of run decides.

    A kind raises UsageError for what it cannot answer.

    Raises:
        UsageError: a number is outside its range.
    """

    checkpoint: str = "best"
    """best, last, first, or a step"""
    device: str = "auto"
    trust: bool = False
    """allow the run to import the module that its environment's id names"""
    seed: int | None = None
    """of the episodes of an agent"""
    episodes: int | None = None
    """of an agent"""
    frames: int | None = None
    """pictures to look at, at most; only `explain` asks for it"""
    split: str | None = None
    """of a data set: train, validation or test"""
    data_dir: str | None = None
    """where the data lie"""
    file: str | None = None
    """a picture to explain in place of those of a split; like the next two, only `explain` asks for it"""
    classes: tuple[str, ...] = ()
    """of a classifier: those whose favourite pictures are wanted, by their names"""
    channel: str | None = None
    """of a classifier: STAGE:NUMBER, likewise"""
    tta: int | None = None
    """of a classifier: altered copies of each picture to look at, too; only `evaluate` asks for it"""
    samples: int | None = None
    """of a VAE: latents drawn for each picture for the importance-weighted bound; of a ddpm: pictures that
    it draws; like all below, only `evaluate` asks for it"""
    images: int | None = None
    """of a VAE: pictures on which that bound is measured"""
    steps: int | None = None
    """of a ddpm: in how many steps it draws; like all below"""
    sampler: str | None = None
    """which way"""
    guidance: float | None = None
    """how much the class is pronounced"""
    judge: str | None = None
    """folder of the run that says what is to be seen in its pictures"""

    def __post_init__(self) -> None:
        for name in ("episodes", "frames", "samples", "images", "steps"):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise UsageError(f"--{name} must be at least 1")
        if self.seed is not None and not 0 <= self.seed < 2**31:
            raise UsageError(f"--seed must be between 0 and 2147483647, not {self.seed}")

    def refuse_sampling(self) -> None:
        """For all but those that draw by sampling: raises UsageError where it asks how, or who judges."""
        for name in ("steps", "sampler", "guidance", "judge"):
            if getattr(self, name) is not None:
                raise UsageError(f"--{name} is for runs of train-generator ddpm: no others are sampled")


class Kind(Protocol):
    """What the kernel asks of a kind of run. ``resume`` takes the run's lock itself.

    A kind whose networks see pictures may have ``explain(run, console, question)``, too, which returns a
    `sandbox.nn.explain.Subject`. One whose ``score`` is the better the lower it is, such as an error, has
    ``lower_is_better = True``. One whose evaluations may be held to other scores has them in ``gates``: for
    each whether it is the better the lower it is; a gate is about the first that the evaluation has. Where
    not every run of the kind has all of them, ``gates_of(run)`` gives back those of a run.

    For `report` it may have three more. ``exhibits(run, note, make, trust)`` returns a list of
    `sandbox.ui.report.exhibit.Exhibit`: what is worth looking at in the run's folder; with ``make`` it may
    first add to the folder what takes a minute at most, and ``note(text)`` tells readers what is not there,
    and why. ``preset_of(run, trust)`` returns the config as a mapping, as it would be had nothing but the
    task been asked for; where that cannot be told it raises a SandboxError. Only with ``trust`` may either
    import what the config names. ``words_of(run)`` returns the words, such as ``["train-agent"]``, that need
    only ``--config`` and the run's config.toml to train the same again.
    """

    score: str
    """Which number of an evaluation a gate is about."""

    def load(self, run: Run, *, checkpoint: str = "best", device: str = "auto", trust: bool = False) -> Any:
        """Return what the run has learned, ready for use."""
        ...

    def evaluate(self, run: Run, console: Any, question: Question) -> dict[str, Any]:
        """Tell people, and return at least schema, run and evaluation, which holds ``score``."""
        ...

    def resume(self, run: Run, console: Any, *, trust: bool, device: str | None) -> dict[str, Any]:
        """Continue the run to its end; return what its command would have returned."""
        ...
