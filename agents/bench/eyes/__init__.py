"""`bench eyes`: how fast agents learn from pixels, ours and stock SB3's, on the same network."""

from .command import EyesBench

__all__ = ["EyesBench"]
