"""`bench pixels`: agents that learn games from pixels until they are solved, and SB3 beside them at Pong."""

from .command import PixelsBench

__all__ = ["PixelsBench"]
