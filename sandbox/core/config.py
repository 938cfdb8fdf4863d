"""Configs: frozen dataclasses that are the same in Python, on the command line and in ``config.toml``."""

from __future__ import annotations

import dataclasses
import tomllib
import typing
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union

from sandbox.core.errors import ConfigError, NotFound, RunBroken
from sandbox.core.spelling import suggest
from sandbox.core.toml_lines import key_lines
from sandbox.core.values import Count, bare_type, convert, from_text, literal, parse_count

__all__ = [
    "Count",
    "from_mapping",
    "load_config_of_run",
    "load_toml",
    "parse_assignments",
    "parse_count",
    "read_toml",
    "to_mapping",
    "to_toml",
]

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Config = TypeVar("Config", bound="DataclassInstance")


def to_toml(config: Any) -> str:
    """Write a dataclass (or a mapping) as TOML; nested ones and dicts become tables, None is left out.

    Raises:
        ConfigError: A value that TOML cannot hold; the message names its key.
    """
    import tomli_w

    return tomli_w.dumps(to_mapping(config))


def to_mapping(config: Any) -> dict[str, Any]:
    """Return a dataclass (or a mapping) as a dict of TOML's own values: what `to_toml` writes."""
    return _plain(config, "")


def _plain(value: Any, key: str) -> Any:
    """Turn ``value``, found under the dotted ``key``, into TOML's own types."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (bool, int, float, str)):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        dotted = f"{key}." if key else ""
        return {
            str(name): _plain(item, f"{dotted}{name}") for name, item in value.items() if item is not None
        }
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{key}[{index}]") for index, item in enumerate(value)]
    as_list = getattr(value, "tolist", None)  # NumPy's scalars and arrays have it.
    if as_list is not None:
        return _plain(as_list(), key)
    raise ConfigError(f"{key}: a {type(value).__name__} cannot be written to TOML", key=key)


def read_toml(path: str | Path) -> tuple[dict[str, Any], dict[str, int]]:
    """Read a TOML file: its values, and the line of every dotted key.

    Raises:
        NotFound: There is no such file.
        ConfigError: It is not TOML; the message names file and line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise NotFound(f"no such file: {path}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not a UTF-8 text") from None
    try:
        return tomllib.loads(text), key_lines(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None


def load_toml(path: str | Path, cls: type[Config]) -> Config:
    """Read a TOML file into the dataclass ``cls``; what the file leaves out keeps its default.

    Raises:
        NotFound: There is no such file.
        ConfigError: An unknown or ill-typed key; the message names file, line and key.
    """
    values, lines = read_toml(path)
    return from_mapping(cls, values, source=path, lines=lines)


def load_config_of_run(path: Path, cls: type[Config]) -> Config:
    """`load_toml` of a run's ``config.toml``. Raises RunBroken where it is missing or damaged."""
    try:
        return load_toml(path, cls)
    except NotFound:
        raise RunBroken(f"{path} is missing: this run cannot be rebuilt") from None
    except ConfigError as error:
        raise RunBroken(error.message, error.hint) from None


def from_mapping(
    cls: type[Config],
    values: Mapping[str, Any],
    *,
    source: str | Path | None = None,
    lines: Mapping[str, int] | None = None,
    prefix: str = "",
) -> Config:
    """Build the dataclass ``cls`` from plain values, checking every key and type.

    Where the type of a table depends on other values, ``cls.types_of_tables(values)`` names it.

    Args:
        source: The file the values come from, named in errors.
        lines: The line of every dotted key in that file.
        prefix: Dotted key of the table that ``values`` is, when it is a nested one.

    Raises:
        ConfigError: An unknown key (with a suggestion), a missing one, or a value that does not fit.
    """
    types = {**field_types(cls), **_types_of_tables(cls, values)}
    arguments: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{prefix}{name}"
        if name not in types:
            raise _at(source, lines, key, *_unknown(name, types))
        arguments[name] = _build(types[name], value, key, source, lines)
    for field in dataclasses.fields(cls):
        if field.init and field.name not in arguments and _is_required(field):
            raise _at(source, lines, prefix.rstrip("."), f"the key '{prefix}{field.name}' is missing")
    try:
        return cls(**arguments)
    except ConfigError as error:
        key = f"{prefix}{error.key}" if error.key else prefix.rstrip(".")
        raise _at(source, lines, key, error.message, error.hint) from None
    except ValueError as error:
        # By habit such a message begins with the field: "n_steps must be positive".
        field_name = next(iter(str(error).split()), "").strip("'\"`:")
        key = f"{prefix}{field_name}" if field_name in types else prefix.rstrip(".")
        raise _at(source, lines, key, str(error)) from None


def _types_of_tables(cls: type[Any], values: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a dataclass says about those of its tables whose type depends on its other values."""
    types_of_tables = getattr(cls, "types_of_tables", None)
    return {} if types_of_tables is None else types_of_tables(values)


def _build(target: Any, value: Any, key: str, source: Any, lines: Mapping[str, int] | None) -> Any:
    """Convert one value to its field's type; tables become nested dataclasses."""
    members = typing.get_args(target) if typing.get_origin(target) in (Union, UnionType) else (target,)
    nested: Any = next((member for member in members if _is_dataclass(member)), None)
    if nested is not None and isinstance(value, Mapping):
        return from_mapping(nested, value, source=source, lines=lines, prefix=f"{key}.")
    try:
        return convert(value, target)
    except ValueError as error:
        raise _at(source, lines, key, f"{key}: {error}") from None


def parse_assignments(
    texts: Iterable[str], cls: type[DataclassInstance] | None = None, options: Collection[str] = ()
) -> dict[str, Any]:
    """Read ``KEY=VALUE`` texts from the command line into a dict; later ones win.

    With a dataclass ``cls`` the keys must be its fields, and each value is read as its field's type. Without
    one a value is a TOML literal (``64``, ``1e-3``, ``true``, ``[64, 64]``), and a text where it is none.
    ``options`` are names that have an option of their own, which an unknown key may have been meant for.

    Raises:
        ConfigError: No ``=``, an unknown key (with a suggestion), or a value that does not fit.
    """
    types = field_types(cls) if cls is not None else None
    result: dict[str, Any] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not key:
            raise ConfigError(f"{text!r} is not of the form KEY=VALUE", hint="for example: n_steps=64")
        if types is None:
            result[key] = literal(value)
            continue
        key = key.replace("-", "_")
        if key not in types and key in options:
            option = f"--{key.replace('_', '-')}"
            raise ConfigError(f"unknown key '{key}': it has the option {option}", key=key)
        if key not in types:
            message, hint = _unknown(key, types)
            raise ConfigError(message, hint, key=key)
        try:
            result[key] = from_text(value, types[key])
        except ValueError as error:
            raise ConfigError(f"{key}: {error}", key=key) from None
    return result


@lru_cache(maxsize=256)
def field_types(cls: type[DataclassInstance]) -> Mapping[str, Any]:
    """Return the type of every field of a dataclass that its constructor takes."""
    hints = typing.get_type_hints(cls)
    return {field.name: bare_type(hints[field.name]) for field in dataclasses.fields(cls) if field.init}


def _unknown(name: str, known: Iterable[str]) -> tuple[str, str | None]:
    """Message and hint for a key that is no field."""
    close = suggest(name, known)
    if close:
        return f"unknown key '{name}': did you mean '{close}'?", None
    return f"unknown key '{name}'", f"known: {', '.join(sorted(known))}"


def _is_dataclass(target: Any) -> bool:
    return isinstance(target, type) and dataclasses.is_dataclass(target)


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _at(
    source: str | Path | None,
    lines: Mapping[str, int] | None,
    key: str,
    message: str,
    hint: str | None = None,
) -> ConfigError:
    """A ConfigError that starts with the file and the line of ``key``, as far as they are known."""
    line = (lines or {}).get(key)
    where = "" if source is None else f"{source}: " if line is None else f"{source}, line {line}: "
    return ConfigError(f"{where}{message}", hint, key=key)
