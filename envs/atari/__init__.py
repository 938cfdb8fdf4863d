"""Atari games through ale-py's batched emulators, with the usual preprocessing.

Nothing here loads ale-py before a game is made.
"""

from envs.atari.batch import AtariBatch, EpisodesLost
from envs.atari.settings import AtariSettings, as_played, is_game, prepared
from envs.atari.single import AtariGame

__all__ = ["AtariBatch", "AtariGame", "AtariSettings", "EpisodesLost", "as_played", "is_game", "prepared"]
