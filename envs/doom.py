"""ViZDoom's scenarios as we make them: no files in people's folders, keys to play with, the right pace."""

from __future__ import annotations

from contextlib import chdir
from inspect import signature
from tempfile import TemporaryDirectory
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec, WrapperSpec
from gymnasium.utils import RecordConstructorArgs

from envs.controls import Controls

KEYS = {
    "MOVE_LEFT": "a",
    "MOVE_RIGHT": "d",
    "MOVE_FORWARD": "up",
    "MOVE_BACKWARD": "down",
    "TURN_LEFT": "left",
    "TURN_RIGHT": "right",
    "ATTACK": "space",
    "SPEED": "left shift",
    "USE": "e",
}
"""The keys of ViZDoom's buttons, by pygame's names; other buttons have none."""
ASIDE = {"MOVE_LEFT": "left", "MOVE_RIGHT": "right"}
"""Keys of who cannot turn."""


def is_scenario(spec: EnvSpec) -> bool:
    """Whether `spec` is one of ViZDoom's."""
    return spec.id.startswith("Vizdoom")


def at_home(spec: EnvSpec) -> EnvSpec:
    """`spec`, of ViZDoom, with `Doom` around what it makes."""
    inner = WrapperSpec("Doom", "envs.doom:Doom", {})
    made = EnvSpec(spec.id, spec.entry_point, spec.reward_threshold, kwargs=dict(spec.kwargs))
    made.additional_wrappers = (*spec.additional_wrappers, inner)
    return made


class Doom(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """A scenario of ViZDoom whose engine keeps its files in a temporary folder.

    The engine leaves a settings file and a folder wherever it is started, which is at the first reset.

    Raises:
        ValueError: the scenario was made with an argument that does not exist; ViZDoom would only warn.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        check_arguments(env)
        self._folder: TemporaryDirectory[str] | None = None
        tics = float(env.metadata.get("render_fps", 35))
        self.metadata = {**env.metadata, "render_fps": tics / getattr(env.unwrapped, "frame_skip", 1)}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start a new episode, and the engine with the first."""
        if self._folder is not None:
            return self.env.reset(seed=seed, options=options)
        self._folder = TemporaryDirectory(prefix="vizdoom-", ignore_cleanup_errors=True)
        with chdir(self._folder.name):
            return self.env.reset(seed=seed, options=options)

    def close(self) -> None:
        """End the engine; may be called twice."""
        if self._folder is None:
            return
        self.env.close()
        self._folder.cleanup()
        self._folder = None

    @property
    def controls(self) -> Controls | None:
        """The keys with which people play; None: there are no single actions to name."""
        presses = getattr(self.env.unwrapped, "button_map", None)
        if presses is None or not isinstance(self.action_space, gymnasium.spaces.Discrete):
            return None
        game: Any = self.env.unwrapped
        buttons = [button.name for button in game.game.get_available_buttons()]
        known = KEYS if "TURN_LEFT" in buttons else KEYS | ASIDE
        keys, names = {}, []
        for action, pressed in enumerate(presses):
            held = [buttons[one] for one in np.flatnonzero(pressed)]
            names.append(" + ".join(held).replace("_", " ").lower() or "nothing")
            if all(name in known for name in held):
                keys["+".join(known[name] for name in held)] = action
        return Controls(keys, tuple(names))


def check_arguments(env: gymnasium.Env[Any, Any]) -> None:
    """Raise ValueError for an argument of `env` that neither its class nor the game's settings know."""
    from vizdoom import DoomGame

    own = {name for kind in type(env.unwrapped).__mro__ for name in signature(kind.__init__).parameters}
    for name in {} if env.spec is None else env.spec.kwargs:
        if name not in own and not hasattr(DoomGame, f"set_{name}"):
            raise ValueError(
                f"there is no argument {name!r}: neither of scenarios nor of DoomGame.set_config"
            )
