"""Supervised pipelines: pictures and their classes."""
