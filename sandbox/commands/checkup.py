"""What `doctor` looks at: each check gives facts for `--json`, lines for people, and warnings."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.core.errors import SandboxError
from sandbox.core.manifest import describe, versions
from sandbox.core.runs import default_root

VERSIONS = (
    *("torch", "gymnasium", "stable-baselines3", "numpy", "pygame-ce", "imageio-ffmpeg", "matplotlib"),
    *("safetensors", "tyro", "rich"),
)
EXTRAS: dict[str, tuple[str, ...]] = {
    "atari": ("ale-py",),
    "bench": ("minatar", "minigrid", "sb3-contrib"),
    "box2d": ("box2d",),
    "doom": ("vizdoom",),
    "hf": ("transformers",),
    "search": ("optuna",),
    "tensorboard": ("tensorboard",),
    "dev": ("hypothesis", "import-linter", "pyright", "pytest", "pytest-xdist", "ruff"),
}
"""each extra of ours, and what it installs"""
OURS = ("sandbox", "agents", "envs", "generative")
INVISIBLE = ("offscreen", "dummy")
"""SDL's drivers that draw to nowhere: without a display it takes the first by itself, and says nothing"""
LITTLE_GB = 2.0
"""less free space than that is worth a warning"""

_ASK_SDL = """
import os
os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"
import pygame
pygame.display.init()
print(pygame.display.get_driver(), ".".join(map(str, pygame.get_sdl_version())))
"""


@dataclass
class Finding:
    """The result of one check."""

    facts: dict[str, Any]
    """for `--json`"""
    lines: list[str]
    """for people"""
    warnings: list[tuple[str, str]] = field(default_factory=list)
    """what is wrong, and what to do about it"""


def check_versions() -> Finding:
    """Python, the operating system, and the libraries that results and speed depend on."""
    import sandbox

    found = versions(VERSIONS)
    about = describe([])
    revision = about["git"] or {}
    git = f" at {revision['revision'][:10]}{' (changed)' if revision['dirty'] else ''}" if revision else ""
    lines = [
        f"rl-sandbox {sandbox.__version__}{git}",
        f"Python {about['python']}, {about['platform']}",
        *_in_rows([f"{name} {number}" for name, number in found.items()]),
    ]
    missing = [name for name in VERSIONS if name not in found]
    warnings = [(f"{name} is not installed", f"python -m pip install {name}") for name in missing]
    facts = {"rl-sandbox": sandbox.__version__, "python": about["python"], "platform": about["platform"]}
    return Finding({**facts, "git": about["git"], "libraries": found}, lines, warnings)


def check_device() -> Finding:
    """What computes: the GPUs that torch finds, the processor, their memory, the number of threads."""
    import torch

    about = describe([])
    total, free = _memory_gb()
    gpus = [_gpu(torch, index) for index in range(torch.cuda.device_count())]
    facts = {
        "auto": "cuda" if gpus else "cpu",
        "gpus": gpus,
        "processor": about["processor"],
        "cpus": about["usable_cpus"],
        "memory_gb": total,
        "memory_free_gb": free,
        "torch_threads": torch.get_num_threads(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
    }
    lines = [f"--device auto is {facts['auto']}"]
    for index, gpu in enumerate(gpus):
        lines.append(f"cuda:{index} {gpu['name']}, {gpu['free_gb']:.1f} of {gpu['memory_gb']:.1f} GB free")
    memory = "" if total is None or free is None else f", {free:.1f} of {total:.1f} GB memory free"
    lines.append(f"{about['processor'] or 'processor'}, {about['usable_cpus']} cores to use{memory}")
    lines.append(f"torch threads: {torch.get_num_threads()}; train-agent sets its own")
    if torch.backends.mps.is_available():
        lines.append("Apple's GPU is there; small networks are slower on it: ask for --device mps")
    return Finding(facts, lines)


def check_display() -> Finding:
    """Whether a window would be seen. A process of its own asks SDL, and opens none."""
    environment = {name: os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")}
    driver, sdl = "", ""
    try:
        asked = subprocess.run(
            [sys.executable, "-c", _ASK_SDL], capture_output=True, text=True, timeout=20, check=False
        )
        driver, _, sdl = asked.stdout.strip().partition(" ")
        said = (asked.stderr.strip().splitlines() or ["SDL said nothing"])[-1]
    except (OSError, subprocess.SubprocessError) as error:
        said = str(error)
    visible = bool(driver) and driver not in INVISIBLE
    facts = {"visible": visible, "driver": driver or None, "sdl": sdl or None, **environment}
    known = ", ".join(f"{name}={value}" for name, value in environment.items() if value)
    where = f" ({known})" if known else ""
    if visible:
        return Finding(facts, [f"windows open: video driver {driver}, SDL {sdl}{where}"])
    if driver:
        text = f"none: SDL {sdl} would draw to its {driver} driver, unseen{where}"
    else:
        text = f"none: {said}{where}"
    return Finding(facts, [text, "watch records a video instead; play needs a display"])


def check_ffmpeg() -> Finding:
    """Whether videos can be written."""
    from imageio_ffmpeg import get_ffmpeg_exe

    repair = "python -m pip install --force-reinstall imageio-ffmpeg, or name one by IMAGEIO_FFMPEG_EXE"
    try:
        path = get_ffmpeg_exe()
        answer = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=20, check=True)
        encoders = subprocess.run(
            [path, "-hide_banner", "-encoders"], capture_output=True, text=True, timeout=20
        )
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        facts = {"path": None, "version": None, "h264": False}
        return Finding(facts, [f"none: {error}"], [("there is no ffmpeg, which writes videos", repair)])
    words = answer.stdout.split()
    version = words[2] if len(words) > 2 else "?"
    h264 = "libx264" in encoders.stdout
    warnings = [] if h264 else [(f"{path} cannot write H.264, and so no .mp4", repair)]
    facts = {"path": path, "version": version, "h264": h264}
    return Finding(facts, [f"{version}{'' if h264 else ', without H.264'}", path], warnings)


def check_extras() -> Finding:
    """Which optional parts are installed, and how to get the others."""
    found = {extra: versions(packages) for extra, packages in EXTRAS.items()}
    present = {extra: len(found[extra]) == len(packages) for extra, packages in EXTRAS.items()}
    there = [_with_version(extra, found[extra]) for extra in EXTRAS if present[extra]]
    missing = [extra for extra in EXTRAS if not present[extra]]
    lines = _in_rows(there) if there else ["none"]
    if missing:
        lines.append(f"not installed: {', '.join(missing)}")
        lines.append(f"to get them: {install_command(missing)}")
    facts = {extra: {"installed": present[extra], "versions": found[extra]} for extra in EXTRAS}
    return Finding(facts, lines)


def install_command(extras: list[str]) -> str:
    """A command that installs `extras`, in a clone or from the package index."""
    clone = (home() / "pyproject.toml").exists()
    package = "-e '." if clone else "'rl-sandbox"
    return f"python -m pip install {package}[{','.join(extras)}]'"


def check_packages() -> Finding:
    """Whether Python takes our packages, and not others of the same, common names."""
    facts: dict[str, Any] = {}
    warnings: list[tuple[str, str]] = []
    for name in OURS:
        used, others = _used(name), _elsewhere(name)
        ours = used is not None and used.parent == home()
        facts[name] = {"path": str(used) if used else None, "ours": ours, "others": [str(o) for o in others]}
        if used is None:
            warnings.append((f"our package {name} cannot be found", f"it should be in {home()}"))
        elif not ours:
            warnings.append((f"{name} is another package: {used}", f"put {home()} before it on the path"))
        for other in others:
            if ours and other.parent != home():
                hint = "rename it, or run from another folder, if that is the one you want"
                warnings.append((f"{other} is called as our {name}, which hides it", hint))
    strangers = [f"{name}: {about['path']}" for name, about in facts.items() if not about["ours"]]
    lines = [f"{', '.join(OURS)} are ours: {home()}"] if not strangers else ["not all are ours:", *strangers]
    return Finding({"home": str(home()), **facts}, lines, warnings)


def home() -> Path:
    """The folder in which our packages lie."""
    return Path(__file__).resolve().parents[2]


def check_disk() -> Finding:
    """How much can still be written where runs are kept."""
    root = default_root().resolve()
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    usage = shutil.disk_usage(there)
    free, total = usage.free / 1e9, usage.total / 1e9
    writable = os.access(there, os.W_OK)
    warnings = []
    if free < LITTLE_GB:
        warnings.append((f"only {free:.1f} GB are free for runs in {root}", "remove old runs, or use --out"))
    if not writable:
        warnings.append((f"{there} cannot be written", "make it writable, or name another by SANDBOX_RUNS"))
    facts = {"runs": str(root), "free_gb": round(free, 2), "total_gb": round(total, 2), "writable": writable}
    return Finding(facts, [f"{free:.1f} of {total:.1f} GB free", f"{root}"], warnings)


CHECKS: dict[str, Callable[[], Finding]] = {
    "versions": check_versions,
    "device": check_device,
    "display": check_display,
    "ffmpeg": check_ffmpeg,
    "extras": check_extras,
    "packages": check_packages,
    "disk": check_disk,
}


def examine(name: str) -> Finding:
    """Run one check; one that fails is itself a finding, for a doctor is called when something is broken."""
    try:
        return CHECKS[name]()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a damaged installation raises
        reason = error.message if isinstance(error, SandboxError) else f"{type(error).__name__}: {error}"
        hint = "make install, or a fresh virtual environment, may repair it"
        return Finding({"error": reason}, [f"cannot be checked: {reason}"], [(f"{name}: {reason}", hint)])


def _used(name: str) -> Path | None:
    """Folder or file that ``import name`` takes, without importing it."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.origin:
        file = Path(spec.origin).resolve()
        return file.parent if file.name == "__init__.py" else file
    folders = list(spec.submodule_search_locations or ())
    return Path(folders[0]).resolve() if folders else None


def _elsewhere(name: str) -> list[Path]:
    """Other packages and modules of that name on the path."""
    used = _used(name)
    found: list[Path] = []
    for entry in dict.fromkeys(Path(entry or ".").resolve() for entry in sys.path):
        for candidate in (entry / name, entry / f"{name}.py"):
            real = (candidate / "__init__.py").is_file() if candidate.suffix == "" else candidate.is_file()
            if real and candidate != used:
                found.append(candidate)
    return found


def _gpu(torch: Any, index: int) -> dict[str, Any]:
    free, total = torch.cuda.mem_get_info(index)
    name = torch.cuda.get_device_name(index)
    return {"name": name, "memory_gb": round(total / 1e9, 2), "free_gb": round(free / 1e9, 2)}


def _memory_gb() -> tuple[float | None, float | None]:
    """Total and free main memory, where the system tells."""
    try:
        rows = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        kilobytes = {row.partition(":")[0]: int(row.split()[1]) for row in rows}
        return round(kilobytes["MemTotal"] / 1e6, 2), round(kilobytes["MemAvailable"] / 1e6, 2)
    except (OSError, ValueError, IndexError, KeyError):
        pages = getattr(os, "sysconf", lambda _: 0)
        if platform.system() == "Darwin":
            return round(pages("SC_PHYS_PAGES") * pages("SC_PAGE_SIZE") / 1e9, 2), None
        return None, None


def _with_version(extra: str, found: dict[str, str]) -> str:
    only = next(iter(found.items())) if len(found) == 1 else None
    return f"{extra} ({only[0]} {only[1]})" if only else extra


def _in_rows(words: list[str], width: int = 92) -> list[str]:
    """`words` with a dot between them, in lines of at most `width` characters where they fit."""
    rows: list[str] = []
    for word in words:
        if rows and len(rows[-1]) + len(word) + 3 <= width:
            rows[-1] += f" · {word}"
        else:
            rows.append(word)
    return rows
