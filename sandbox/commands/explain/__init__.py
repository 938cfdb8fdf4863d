"""`explain`: pictures of what the network of a run sees."""

from .command import Explain

__all__ = ["Explain"]
