"""Levels that are made anew for each episode, for whole batches at once."""
