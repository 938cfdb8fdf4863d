"""Lessons about agents; `python -m sandbox list lessons`."""
