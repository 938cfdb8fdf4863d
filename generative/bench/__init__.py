"""`bench generative`: the generative models' results on real data, and how fast they learn beside others."""

from .command import GenerativeBench

__all__ = ["GenerativeBench"]
