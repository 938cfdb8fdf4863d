"""What the scripted players behind the reward thresholds need beyond a few lines."""
