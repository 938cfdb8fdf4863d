"""A display of our own with real windows in it: start them, press keys, read what they show."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NEEDED = ("Xvfb", "xdotool")
PATIENCE_S = 30.0
"""the longest wait for anything; nothing is measured by it"""

CHILD = """
import json, sys
from pathlib import Path
import gymnasium, numpy as np
import envs
from envs.controls import controls_of
from sandbox.ui.actor import View
from sandbox.ui.hud import hud_of
from sandbox.ui.show import Show
from sandbox.ui.stage import Stage
from sandbox.ui.viewer import Viewer

settings = json.loads(sys.argv[1])
log = open(settings["log"], "w")

class Thinker:
    name = "a test's actor"
    blind = "" if settings.get("looks") else "it is a test's"
    def saliency(self):
        return np.eye(4, dtype=np.float32)
    forgetful = "" if settings.get("remembers") else "it is a test's"
    def begin(self, seed): pass
    def act(self, observation):
        import time
        time.sleep(settings.get("thinks_s", 0))
        p = float(1 / (1 + np.exp(-10 * np.ravel(observation)[-1])))
        memory = np.full(16, p) if settings.get("remembers") else None
        return View(int(p > 0.5), 100 * p, (np.array([1 - p, p]),), memory=memory)

class Logged(Viewer):
    def draw(self):
        super().draw()
        scene, hud = self.play.scene, hud_of(self.play.scene, self.surroundings())
        view = scene.view
        print(json.dumps({
            "episode": scene.episode, "step": scene.step, "total": scene.total, "over": scene.over,
            "by_hand": scene.by_hand, "paused": self.play.paused, "helping": self.helping,
            "speed": self.play.pace.speed, "size": self.screen.surface.get_size(),
            "rows": dict(hud.rows), "bars": [bar.text for bar in hud.bars],
            "value": view and view.value, "p": view and view.probabilities[0].tolist(),
            "strip_px": self.screen.strip_px,
            "looking": self.saliency, "dimmed": bool(scene.shown.mean() < scene.picture.mean()),
            "recording": self.recording, "frames": self.play.outcome.frames, "taking": self.play.by_hand,
        }), file=log, flush=True)

env = gymnasium.make(settings["env"], render_mode="rgb_array")
actor = None if settings.get("play") else Thinker()
folder, episodes = Path(settings["folder"]), settings.get("episodes")
show = Show(settings["env"], controls_of(env), episodes=episodes, folder=folder)
outcome = Logged(Stage(env, actor, 0), show).run()
print(json.dumps({"frames": outcome.frames, "steps": outcome.steps, "episodes": outcome.episodes}))
"""


class Display:
    """An X server without a screen."""

    def __init__(self) -> None:
        for program in NEEDED:
            if shutil.which(program) is None:
                pytest.skip(f"{program} is not installed: no real window to press keys in")
        read, write = os.pipe()
        self._server = subprocess.Popen(
            [
                "Xvfb",
                "-displayfd",
                str(write),
                "-screen",
                "0",
                "1280x1000x24",
                "-nolisten",
                "tcp",
                "-noreset",
            ],
            pass_fds=(write,),
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as answer:
            number = answer.readline().strip()
        if not number:
            pytest.skip("Xvfb does not start here")
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("SDL_VIDEODRIVER", "WAYLAND_DISPLAY")
        } | {"DISPLAY": f":{number}", "PYTHONPATH": os.pathsep.join(sys.path)}

    def xdotool(self, *words: object) -> str:
        """Run xdotool; what it says."""
        done = subprocess.run(
            ["xdotool", *map(str, words)], env=self.environment, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    def close(self) -> None:
        """Stop the server."""
        self._server.terminate()
        self._server.wait()


class Window:
    """A window in a process of its own."""

    def __init__(self, display: Display, folder: Path, env: str = "CartPole-v1", **settings: Any) -> None:
        folder.mkdir(exist_ok=True)
        self.display, self.folder, self._log = display, folder, folder / "log"
        self._log.touch()
        words = json.dumps({"env": env, "folder": str(folder), "log": str(self._log), **settings})
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, words],
            env=display.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.wait(lambda: bool(self.log()), "the window to open")
        self.number = display.xdotool("search", "--pid", self.process.pid).split()[-1]
        self.focus()

    def focus(self) -> None:
        """Give it the keyboard."""
        self.display.xdotool("windowfocus", "--sync", self.number)

    def keys(self, *names: str) -> None:
        """Press and release keys."""
        self.display.xdotool("key", "--delay", 60, *names)

    def log(self) -> list[dict[str, Any]]:
        """What was drawn so far, one entry a picture."""
        text = self._log.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    @property
    def now(self) -> dict[str, Any]:
        """The last picture drawn."""
        return self.log()[-1]

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something holds."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.process.poll() is None, self.process.stderr and self.process.stderr.read()
            assert time.monotonic() < deadline_s, f"waited in vain for {what}"
            time.sleep(0.02)

    def ended(self) -> dict[str, Any]:
        """Wait for the end; what happened in the window."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, err
        return json.loads(out.splitlines()[-1])
