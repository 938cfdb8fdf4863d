"""The table of our lessons; `sandbox.core.plugins` finds them, and those of other packages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lesson:
    """One line of the table of lessons."""

    target: str
    """``module:name`` of the function that teaches it."""
    title: str
    """What it is about, in one line."""


LESSONS: dict[str, Lesson] = {
    "line": Lesson("sandbox.supervised.lessons.line:teach", "a line, and the way to it: gradient descent"),
    "activations": Lesson(
        "sandbox.supervised.lessons.activations:teach", "why a net needs bends: the pieces of a curve"
    ),
    "optimizers": Lesson(
        "sandbox.supervised.lessons.optimizers:teach", "optimisers race: SGD, Momentum, … Adam"
    ),
    "learning-rate": Lesson(
        "sandbox.supervised.lessons.learning_rate:teach", "too low, right, too high, and how to find it"
    ),
    "initialization": Lesson("sandbox.supervised.lessons.initialization:teach", "how a deep network begins"),
    "skip-connections": Lesson(
        "sandbox.supervised.lessons.skip_connections:teach", "deep nets, with and without skip connections"
    ),
    "convolution": Lesson(
        "sandbox.supervised.lessons.convolution:teach",
        "convolution is a matrix product; padding, stride, pooling",
    ),
    "shifted-digits": Lesson(
        "sandbox.supervised.lessons.shifted_digits:teach",
        "a dense net and two CNNs on digits that stand elsewhere",
    ),
    "regularization": Lesson(
        "sandbox.supervised.lessons.regularization:teach", "dropout, batch norm, augmentation: less by heart"
    ),
    "early-stopping": Lesson(
        "sandbox.supervised.lessons.early_stopping:teach", "overfitting, and when to stop"
    ),
    "amount-of-data": Lesson(
        "sandbox.supervised.lessons.amount_of_data:teach",
        "nearest neighbour, SVM and CNN: how many pictures it takes",
    ),
    "transfer": Lesson(
        "sandbox.supervised.lessons.transfer:teach",
        "few pictures: from scratch, or from what another net learned",
    ),
    "search": Lesson(
        "sandbox.supervised.lessons.search:teach", "random search against a grid of as many trials"
    ),
    "gpu": Lesson("sandbox.supervised.lessons.gpu:teach", "how long a step takes: CPU, threads, GPU"),
    "q-learning": Lesson(
        "agents.lessons.q_learning:teach", "a table learns what cells are worth, beside DQN"
    ),
}
"""In the order in which a course would take them."""
