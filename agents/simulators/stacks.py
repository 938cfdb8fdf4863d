"""Where the frames of stacked observations lie."""

from __future__ import annotations


def stack_axis(shape: tuple[int, ...], depth: int) -> int | None:
    """The axis of one observation along which its `depth` frames lie, the oldest first.

    The last one of pictures (H, W, depth·C), else the first; None where the shape is no multiple of `depth`.
    """
    channels_last = len(shape) == 3 and shape[2] < shape[0] and shape[2] % depth == 0
    axis = 2 if channels_last else 0
    return axis if shape and shape[axis] % depth == 0 else None
