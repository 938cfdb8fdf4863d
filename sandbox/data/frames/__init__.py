"""Pictures of environments that are played: ``frames:ENV[@PLAYER]``."""
