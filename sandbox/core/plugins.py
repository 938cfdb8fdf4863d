"""The table through which the kernel reaches the wings, without importing them.

A target is ``module:name``, imported when it is used. Other people's packages add theirs by entry points in
the groups ``sandbox.commands``, ``sandbox.kinds``, ``sandbox.benches``, ``sandbox.lists``, ``sandbox.data``
and ``sandbox.lessons``; a name of ours cannot be taken over.

    command   frozen dataclass, parsed by tyro, with run(self, console) -> dict | None (what --json prints)
    kind      class with load, evaluate and resume (`sandbox.core.kinds.Kind`): what a run.json names
    bench     a command that ``bench NAME`` runs
    list      function () -> {"title": str, "columns": [str], "rows": [[…]]}; with "details":
              {column: width} too, terminals narrower than that leave the column out
    data      a `sandbox.data.catalog.Entry`: a data set by its name
    lesson    function (desk) -> `sandbox.core.lesson.Taught`; ours are in `sandbox.core.lesson_table`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sandbox.core.errors import Broken, UnknownName
from sandbox.core.kinds import Kind
from sandbox.core.lesson_table import LESSONS

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Group = Literal["commands", "kinds", "benches", "lists", "data", "lessons"]


@dataclass(frozen=True)
class Command:
    """One line of the table of commands."""

    target: str
    """``module:name`` of the command's dataclass."""
    help: str
    """What it does, in one line."""
    group: Literal["make", "look", "manage", "more"]
    """Where ``--help`` shows it."""
    usage: str = ""
    """Its positional arguments, as ``--help`` shows them."""


COMMANDS: dict[str, Command] = {
    "train-agent": Command("agents.commands:TrainAgent", "train an agent in an environment", "make", "ENV"),
    "train-classifier": Command(
        "sandbox.supervised.commands:TrainClassifier", "train a classifier of pictures", "make", "DATA"
    ),
    "train-generator": Command(
        "generative.commands:TrainGenerator",
        "train an autoencoder, VAE or DDPM of pictures",
        "make",
        "KIND DATA",
    ),
    "resume": Command("sandbox.commands.resume:Resume", "continue a run that was stopped", "make", "[RUN]"),
    "lr-find": Command("sandbox.supervised.lr_find:LrFind", "find a learning rate", "make", "DATA"),
    "search": Command(
        "sandbox.supervised.search.command:Search", "find settings by short fits", "make", "DATA"
    ),
    "watch": Command("agents.watch:Watch", "watch an agent play, in a window or a video", "look", "[RUN]"),
    "play": Command("agents.play:Play", "play an environment yourself", "look", "ENV"),
    "evaluate": Command("sandbox.commands.evaluate:Evaluate", "measure how good a run is", "look", "RUN"),
    "generate": Command("generative.generate.command:Generate", "draw new pictures", "look", "RUN"),
    "reconstruct": Command(
        "generative.measure.reconstruct:Reconstruct",
        "pictures over what an autoencoder or VAE makes of them",
        "look",
        "RUN [FILE…]",
    ),
    "anomalies": Command(
        "generative.anomalies.command:Anomalies",
        "how usual pictures are to a model",
        "look",
        "RUN [DATA|FILE…]",
    ),
    "compress": Command(
        "generative.compression.command:Compress",
        "pictures as a few numbers each, in a file",
        "look",
        "RUN FILE…",
    ),
    "decompress": Command(
        "generative.compression.undo:Decompress", "pictures out of such a file", "look", "NPZ"
    ),
    "predict": Command(
        "sandbox.supervised.prediction.command:Predict",
        "what a classifier says of your pictures",
        "look",
        "RUN FILE…",
    ),
    "explain": Command(
        "sandbox.commands.explain:Explain", "pictures of what a run's network sees", "look", "RUN [FILE]"
    ),
    "lesson": Command(
        "sandbox.commands.lesson:Lesson", "one idea as a picture and three lines", "look", "NAME"
    ),
    "kernels": Command(
        "sandbox.commands.kernels:Kernels",
        "what blurring, sharpening, edges make of a picture",
        "look",
        "FILE",
    ),
    "runs": Command(
        "sandbox.commands.runs:Runs", "list, show or remove runs", "manage", "[list|show|remove] [RUN…]"
    ),
    "compare": Command(
        "sandbox.commands.compare:Compare", "learning curves and a table of several runs", "manage", "RUN…"
    ),
    "report": Command(
        "sandbox.commands.report:Report", "a run, or several, as one page of HTML", "manage", "RUN…"
    ),
    "list": Command("sandbox.commands.listing:List", "what there is to choose from", "manage", "WHAT"),
    "data": Command(
        "sandbox.commands.data:Data", "download or look at a data set", "manage", "get|show DATA"
    ),
    "bench": Command(
        "sandbox.commands.bench:Bench", "measure speed, side by side with others", "manage", "NAME"
    ),
    "doctor": Command("sandbox.commands.doctor:Doctor", "what this machine has, and lacks", "manage"),
}

KINDS: dict[str, str] = {
    "ppo": "agents.runs:AgentRuns",
    "dqn": "agents.runs:AgentRuns",
    **dict.fromkeys(
        (
            *("sb3-ppo", "sb3-a2c", "sb3-dqn", "sb3-sac", "sb3-td3", "sb3-ddpg"),
            *("sb3-qrdqn", "sb3-trpo", "sb3-tqc", "sb3-crossq", "sb3-ppo-lstm"),
        ),
        "agents.runs:AgentRuns",
    ),
    "classifier": "sandbox.supervised.runs:ClassifierRuns",
    "search": "sandbox.supervised.search.runs:SearchRuns",
    "autoencoder": "generative.runs:AutoencoderRuns",
    "vae": "generative.runs:VAERuns",
    "ddpm": "generative.runs:DDPMRuns",
}

BENCHES: dict[str, str] = {
    "agents": "agents.bench:AgentsBench",
    "classics": "agents.bench.classics:ClassicsBench",
    "ablations": "agents.bench.ablations:AblationsBench",
    "pixels": "agents.bench.pixels:PixelsBench",
    "eyes": "agents.bench.eyes:EyesBench",
    "memory": "agents.bench.remembering:MemoryBench",
    "supervised": "sandbox.supervised.bench:SupervisedBench",
    "generative": "generative.bench:GenerativeBench",
    "envs": "sandbox.commands.bench_envs:EnvsBench",
    "transfer": "benchmarks.transfer:TransferBench",  # crosses the wings, so it is in none of them
}

LISTS: dict[str, str] = {
    "envs": "agents.listing:environments",
    "algos": "agents.listing:algorithms",
    "wrappers": "agents.listing:wrappers",
    "backbones": "sandbox.nn.listing:backbones",
    "data": "sandbox.data.listing:data_sets",
    "lessons": "sandbox.commands.lesson:lessons",
}

DATA: dict[str, str] = {
    "digits": "sandbox.data.digits:DIGITS",
    "mnist": "sandbox.data.mnist:MNIST",
    "sign_mnist": "sandbox.data.sign_mnist:SIGN_MNIST",
}

TRAIN = "sandbox.commands.calling:train"
"""what `sandbox.train` does"""

_NOUNS: dict[Group, str] = {
    "commands": "command",
    "kinds": "kind of run",
    "benches": "bench",
    "lists": "list",
    "data": "data set",
    "lessons": "lesson",
}


def names(group: Group) -> list[str]:
    """Return all names of a group: ours in the table's order, then those of other packages."""
    ours = list(_table(group))
    return ours + sorted(set(_foreign(group)) - set(ours))


def resolve(group: Group, name: str) -> Any:
    """Import and return what ``name`` stands for.

    Raises:
        UnknownName: No entry has this name; with a suggestion.
        Broken: The entry is another package's, and importing it failed; or it is not installed, but only in
            a checkout.
    """
    table = _table(group)
    if name in table:
        return _import(table[name])
    foreign = _foreign(group)
    if name not in foreign:
        raise UnknownName(_NOUNS[group], name, [*table, *foreign])
    entry = foreign[name]
    try:
        return entry.load()
    except Exception as error:  # Foreign code may fail in any way, and must not take us along.
        owner = entry.dist.name if entry.dist else "another package"
        raise Broken(
            f"the {_NOUNS[group]} {name!r} of {owner} cannot be loaded: {type(error).__name__}: {error}",
            hint=f"update or remove {owner}",
        ) from error


def train_of_commands() -> Callable[..., Any]:
    """What `sandbox.train` does: every floor imports the package, and none of them the commands."""
    return _import(TRAIN)


def kind_of(name: str) -> Kind:
    """Return the object that handles runs of the kind ``name``; raises as `resolve` does."""
    kind = resolve("kinds", name)
    return kind() if isinstance(kind, type) else kind


def _table(group: Group) -> Mapping[str, str]:
    if group == "commands":
        return {name: command.target for name, command in COMMANDS.items()}
    if group == "lessons":
        return {name: lesson.target for name, lesson in LESSONS.items()}
    return {"kinds": KINDS, "benches": BENCHES, "lists": LISTS, "data": DATA}[group]


def _foreign(group: Group) -> dict[str, EntryPoint]:
    """Entry points of other packages; an unreadable package is passed over."""
    from importlib.metadata import entry_points

    try:
        return {entry.name: entry for entry in entry_points(group=f"sandbox.{group}")}
    except (OSError, ValueError, KeyError):
        return {}


def _import(target: str) -> Any:
    """Return the object that ``module:name`` names. Raises Broken for what only a checkout has."""
    from importlib import import_module

    module, _, attribute = target.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if module.startswith("benchmarks.") and str(error.name).startswith("benchmarks"):
            raise Broken(
                f"{module} is not installed with the package",
                hint="run it in a checkout of the project, which has the folder benchmarks/",
            ) from None
        raise
