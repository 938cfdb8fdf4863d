"""The commands that belong to no wing."""
