"""How the documented commands are made short, which runs they are about, and what is not done for real."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from tests.docs.documented import Shown, commands

SHORTER: dict[str, dict[str, str]] = {
    "train-agent": {"--steps": "1", "--seeds": "2"},
    "train-classifier": {"--steps": "2", "--epochs": "0.05", "--max-minutes": "0.01"},
    "train-generator": {"--steps": "2", "--epochs": "0.05", "--max-minutes": "0.01"},
    "search": {"--trials": "2", "--steps": "2", "--epochs": "0.05"},
    "lr-find": {"--steps": "60"},
    "evaluate": {"--episodes": "2", "--samples": "12", "--images": "12", "--tta": "1", "--steps": "2"},
    "explain": {"--episodes": "1", "--frames": "30"},
    "generate": {"-n": "12", "--steps": "2", "--frames": "3"},
    "watch": {"--episodes": "1"},
}
"""by command: options of which the documented value is replaced by this one"""

ADDED: list[tuple[str, tuple[str, ...]]] = [
    (r"train-agent (?!.*--algo sb3)", ("--steps", "1")),
    (r"train-agent .*--algo sb3", ("--steps", "1")),
    (r"train-agent (?!.*--algo)(?!TMaze)", ("--set", "n_steps=8", "--set", "batch_size=64")),
    (r"train-agent (Catch|Snake|Pong|Breakout|Rooms|Maze3D)\b", ("--env-arg", "max_episode_steps=20")),
    (r"train-(classifier|generator) (?!.*(--epochs|--max-minutes))", ("--steps", "2")),
    (r"train-classifier (?!.*(--backbone|--init-from|--model|--config))", ("--backbone", "tiny")),
    (r"train-generator (?!.*(--backbone|--init-from))", ("--backbone", "tiny")),
    (r"train-(classifier|generator) ", ("--set", "batch_size=16")),
    (r"(train-classifier|search|lr-find) digits", ("--pictures", "60")),
    (r"search (?!.*--epochs)", ("--steps", "2")),
    (r"search (?!.*--backbone)", ("--backbone", "tiny")),
    (r"search ", ("--trials", "2")),
    (r"lr-find ", ("--steps", "60")),
    (r"lr-find (?!.*--model)", ("--backbone", "tiny")),
    (r"evaluate (noise|runs/ddpm|runs/noise)", ("--samples", "12", "--steps", "2")),
    (r"evaluate (digits|runs/vae)", ("--samples", "10", "--images", "10")),
    (r"generate (?!.*(downloads|--walk|--interpolate|--arithmetic|--inpaint))", ("-n", "10")),
    (r"generate .*(--walk|--interpolate)", ("--frames", "3")),
    (r"generate .*(noise|--animate|--inpaint|--guidance|--sampler|downloads)", ("--steps", "2")),
    (r"generate .*--inpaint", ("-n", "3")),
    (r"watch ?", ("--episodes", "1")),
    (r"watch --random --env", ("--env-arg", "max_episode_steps=20")),
]
"""by what a command begins with: options that make it shorter, unless it has them"""

REPEATABLE = ("--set", "--env-arg", "--wrap")

How = Literal["dry run", "first measurement", "window", "parsed"]


@dataclass(frozen=True)
class Spared:
    """Commands that are not run as they stand."""

    pattern: str
    """of what is typed, from its beginning"""
    how: How
    reason: str


SPARED = [
    Spared("train-agent (ALE/|Vizdoom)", "dry run", "one rollout of a simulator takes seconds"),
    Spared(
        "watch latest .*--env-arg episode_timeout",
        "parsed",
        "an agent of Doom would have to be trained first",
    ),
    Spared("train-classifier frames:Catch@latest", "dry run", "an untrained agent does one thing only"),
    Spared("bench ", "first measurement", "takes minutes to hours: stopped when the names are resolved"),
    Spared("lesson ", "first measurement", "takes up to a minute; each lesson has a test of its own"),
    Spared("play ", "window", "needs hands: the window is closed after some pictures"),
]
"""each has to occur: a line that spares nothing any more must go"""

RUNS = {
    "pole": "train-agent CartPole --steps 2048",
    "catch": "train-agent Catch --steps 1 --set n_steps=8 --set batch_size=64 --set n_epochs=1 "
    "--env-arg max_episode_steps=20",
    "pong": "train-agent Pong --steps 1 --env-arg obs=features --env-arg max_episode_steps=20",
    "corridor": "train-agent TMaze --steps 1 --env-arg obs=features --env-arg length=5",
    "theirs": "train-agent CartPole --algo sb3-ppo --steps 1",
    "numbers": "train-classifier mnist --model cnn --set batch_size=16 --steps 4",
    "tiny": "train-classifier mnist --backbone tiny --set batch_size=16 --steps 4",
    "letters": "train-classifier sign_mnist --backbone tiny --set batch_size=16 --steps 4",
    "vae": "train-generator vae mnist --backbone tiny --set batch_size=16 --steps 2",
    "told": "train-generator vae mnist --backbone tiny --set batch_size=16 --steps 2 --class-conditional",
    "plane": "train-generator vae mnist --backbone tiny --set batch_size=16 --steps 2 --latent 2",
    "codes": "train-generator autoencoder mnist --backbone tiny --set batch_size=16 --steps 2",
    "eights": "train-generator autoencoder mnist --only 8 --backbone tiny --set batch_size=16 --steps 2",
    "ddpm": "train-generator ddpm mnist --backbone tiny --set batch_size=16 --steps 2",
    "search": "search digits --trials 2 --steps 2 --backbone tiny",
    "stopped": "train-agent CartPole --steps 50k",
}
"""the runs that commands are about, and how they are made; "stopped" is interrupted"""

NAMED = {
    "first": "pole",
    "second": "pole",
    "pong": "pong",
    "catch": "catch",
    "mnist": "numbers",
    "signs": "letters",
    "pets": "tiny",
    "shapes": "tiny",
    "digits": "vae",
    "vae": "vae",
    "told": "told",
    "plane": "plane",
    "codes": "codes",
    "faces": "codes",
    "eights": "eights",
    "threes": "eights",
    "noise": "ddpm",
    "ddpm": "ddpm",
    "ours-0": "pole",
    "theirs-0": "theirs",
    "20260131-101500-train-agent-CartPole-v1-s0-3f9a": "stopped",
}
"""the names of runs in the documentation"""

_OF_A_RUN = frozenset(
    "resume watch evaluate generate reconstruct anomalies compress predict explain compare report".split()  # noqa: SIM905
)

LATEST = [
    (r"train-agent .*--init-from latest", "tiny"),
    (r"train-\S+ .*--init-from latest", "letters"),
    (r"train-classifier frames:Catch@latest", "catch"),
    (r"train-", ""),
    (r"watch latest --saliency|explain latest", "catch"),
    (r"watch latest --memory", "corridor"),
    (r"evaluate latest .*(--gate 475|--episodes)", "pole"),
    (r"resume( latest|$)", "stopped"),
    (r"watch|runs|report|compare", "pole"),
    (r"predict latest", "numbers"),
    (r"generate latest .*(--animate|--inpaint|--sampler|--guidance)", "ddpm"),
    (r"generate latest --interpolate|generate latest --(walk|arithmetic)", "vae"),
]
"""which run is the latest one, by what a command begins with; the first line counts"""

TRAINED = [
    (r"train-agent Catch", "catch"),
    (r"train-agent (TMaze|.*(mask_velocity|lstm|gru))", "corridor"),
    (r"train-agent", "pole"),
    (r"train-classifier sign_mnist", "letters"),
    (r"train-classifier", "numbers"),
    (r"train-generator vae .*--class-conditional", "told"),
    (r"train-generator vae .*--latent 2\b", "plane"),
    (r"train-generator vae", "vae"),
    (r"train-generator autoencoder .*--only", "eights"),
    (r"train-generator autoencoder", "codes"),
    (r"train-generator ddpm", "ddpm"),
    (r"search", "search"),
]
"""the recipe of what a documented training leaves: by its --name on the same page, or as the latest one
in the same block"""

USUAL = {"evaluate": "pole", "generate": "told", "reconstruct": "codes", "compress": "codes"}
"""what it is else, by command"""
USUAL |= {"anomalies": "codes"}


def spared(shown: Shown) -> Spared | None:
    """The line of `SPARED` that is about this command."""
    if {"-h", "--help"} & set(shown.words):
        return None
    return next((line for line in SPARED if re.match(line.pattern, shown.typed)), None)


def shortened(shown: Shown) -> list[str]:
    """The words of the command with the smallest budget, other values of its options unchanged."""
    words, typed = list(shown.words), shown.typed
    if not words or {"-h", "--help"} & set(words):
        return words
    for option, value in SHORTER.get(words[0], {}).items():
        if option in words:
            words[words.index(option) + 1] = value
    for pattern, options in ADDED:
        if re.match(pattern, typed):
            for option, value in zip(options[::2], options[1::2], strict=True):
                key = value.partition("=")[0] + "=" if option in REPEATABLE else option
                if not any(word.startswith(key) for word in words):
                    words += [option, value]
    line = spared(shown)
    return [*words, "--dry-run"] if line is not None and line.how == "dry run" else words


def runs_of(shown: Shown) -> dict[str, str]:
    """The runs that have to be there: names of their folders, and of their recipes in `RUNS`."""
    words = shown.words
    needed = {}
    for number, word in enumerate(words):
        name = re.sub(r"^(.*@)?runs/", "", word).partition("/")[0]
        is_path = name != word and not word.startswith(("folder:", "downloads/"))
        if is_path or (
            number and words[0] in _OF_A_RUN and (number == 1 or words[0] in ("compare", "report"))
        ):
            needed |= _meant(name, shown)
    if "best.toml" in shown.typed:
        return {"found": "search"}
    if shown.typed.startswith("runs ") and len(words) > 2:
        needed |= _meant(words[2], shown)
    if "decompress" in words[:1] and "runs/faces" not in words:
        needed["codes"] = "codes"
    if latest := _latest(shown):
        needed["20260201-093000-latest-CartPole"] = latest
    return needed


def _meant(text: str, shown: Shown) -> dict[str, str]:
    """The runs that a name, the beginning of one, or a pattern means."""
    if text in (here := _named_on(shown.page)):
        return {text: here[text]}
    if text in NAMED:
        return {text: NAMED[text]}
    if "*" in text and not text.startswith(("ours", "theirs")):
        begins = text.strip("*") or "pole"
        return {f"20260101-{begins}-s0": "pole", f"20260101-{begins}-s1": "pole", f"{begins}-s2": "pole"}
    if "train-agent" in text:
        return {text: "pole"}
    begins = text.rstrip("*")
    return {name: run for name, run in NAMED.items() if len(begins) > 3 and name.startswith(begins)}


@cache
def _named_on(page: str) -> dict[str, str]:
    """The runs to which a page gives names, and their recipes."""
    trainings = [shown for shown in commands() if shown.page == page and "--name" in shown.words]
    return {shown.words[shown.words.index("--name") + 1]: _trained(shown.typed) for shown in trainings}


def _trained(typed: str) -> str:
    """The recipe of what a command leaves behind, "" where it trains nothing."""
    return next((recipe for pattern, recipe in TRAINED if re.match(pattern, typed)), "")


def _latest(shown: Shown) -> str:
    """The recipe of the latest run, "" where none is needed."""
    typed = shown.typed
    without_name = len(shown.words) == 1 or typed == "runs list"
    if "latest" not in re.split(r"[ @]", typed) and not (
        without_name and shown.words[:1] and shown.words[0] in ("watch", "resume", "runs")
    ):
        return ""
    for pattern, recipe in LATEST:
        if re.match(pattern, typed):
            return recipe
    for above in reversed(shown.earlier):
        if recipe := _trained(above):
            return recipe
    return USUAL.get(shown.words[0], "pole")
