"""`bench supervised`: the classifiers' results on real data, and how long they take."""

from .command import SupervisedBench

__all__ = ["SupervisedBench"]
