"""Lessons about networks that learn from examples; `python -m sandbox list lessons`."""
