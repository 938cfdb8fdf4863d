"""Modules that a person names, such as that of an algorithm or environment of one's own."""

from __future__ import annotations

import sys
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType


def import_named(module: str) -> ModuleType:
    """Import, and so execute, a module that is installed, or that lies in the working folder.

    ``python -m`` looks for modules there anyway, and an installed program does not. The folder is looked at
    last, and stays on the path once it was needed: worker processes and later imports need it, too.

    Raises:
        Exception: Whatever importing it raises; ModuleNotFoundError where there is none.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        here = str(Path.cwd())
        if error.name != module.partition(".")[0] or here in sys.path or "" in sys.path:
            raise
    sys.path.append(here)
    invalidate_caches()
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name == module.partition(".")[0]:
            sys.path.remove(here)
        raise
