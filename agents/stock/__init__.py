"""Stock algorithms of stable-baselines3 and sb3-contrib in our runs: the honest comparison.

Nothing heavy is loaded here: the table of them is read wherever an algorithm is looked up by its name.
"""
