"""Turning what a person wrote, in TOML or on the command line, into a value of a declared type."""

from __future__ import annotations

import datetime
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union

if TYPE_CHECKING:
    Count = int
else:

    class Count(int):
        """Type of a field for a whole number >= 0, which may be written ``50k``, ``1e6`` or ``2_000_000``.

        Declare ``steps: Count = 100_000``. The value itself is a plain int; type checkers see ``int``.
        """


_MULTIPLES = {"k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9}


def parse_count(value: str | int | float) -> int:
    """Return the whole number >= 0 that ``value`` stands for: 50_000 for ``"50k"``, 10**6 for ``"1e6"``.

    Raises:
        ValueError: It is negative, not whole, or no number; the message is one clear line.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{value!r} is not a whole number such as 50000, 50k or 1e6")
    if isinstance(value, int):
        number = int(value)
    else:
        number = _whole_number(value)
    if number < 0:
        raise ValueError(f"{value!r} is negative; it must be 0 or more")
    return number


def _whole_number(value: str | float) -> int:
    """Return the whole number that a text or a float stands for, exactly."""
    from decimal import Decimal, InvalidOperation

    text = str(value).strip().replace("_", "")
    factor = _MULTIPLES.get(text[-1:].lower(), 1)
    try:
        number = Decimal(text[:-1] if factor > 1 else text) * factor
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) >= Decimal(10) ** 18:
        raise ValueError(f"{value!r} is not a whole number such as 50000, 50k or 1e6")
    if number != number.to_integral_value():
        raise ValueError(f"{value!r} is not whole")
    return int(number)


def convert(value: Any, target: Any) -> Any:
    """Return ``value`` (as TOML or Python has it) as an instance of the type ``target``.

    Integers are accepted for floats, texts for paths and counts, lists for tuples. Types other than numbers,
    bool, str, Path, Count, Literal, unions, lists, tuples and dicts of these are checked by isinstance.
    Nested dataclasses are left to `sandbox.core.config.from_mapping`.

    Raises:
        ValueError: ``value`` does not fit; the message says what was expected.
    """
    target = bare_type(target)
    origin = typing.get_origin(target)
    if target is Any or isinstance(target, typing.TypeVar):
        return value
    if target is Count:
        return parse_count(value)
    if origin in (Union, types.UnionType):
        return _convert_union(value, target)
    if origin is Literal:
        if any(value == choice and type(value) is type(choice) for choice in typing.get_args(target)):
            return value
        raise _unfit(value, target)
    if origin in (list, tuple, Sequence):
        return _convert_sequence(value, target)
    if origin in (dict, Mapping):
        return _convert_dict(value, target)
    return _convert_plain(value, origin or target)


def _convert_plain(value: Any, target: Any) -> Any:
    """Convert to a class without parameters."""
    if target is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if target is int and isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if target is Path and isinstance(value, str):
        return Path(value)
    if target is tuple and isinstance(value, list):
        return tuple(value)
    if target is type(None) and value is None:
        return None
    if isinstance(target, type) and target not in (int, float) and isinstance(value, target):
        return value
    if not isinstance(target, type):
        return value  # e.g. Callable[...]: a Python-only value, checked where it is used.
    raise _unfit(value, target)


def _convert_union(value: Any, target: Any) -> Any:
    members = typing.get_args(target)
    # An exact match comes first: 3 stays an int in `float | int`, "3" a text in `Count | str`.
    for member in members:
        if isinstance(member, type) and type(value) is member:
            return value
    for member in members:
        try:
            return convert(value, member)
        except ValueError:
            continue
    real = [member for member in members if member is not type(None)]
    if len(real) == 1:
        return convert(value, real[0])  # Raises, with the clearer reason of the only real member.
    raise _unfit(value, target)


def _convert_sequence(value: Any, target: Any) -> Any:
    if isinstance(value, str) or not isinstance(value, (list, tuple)):
        raise _unfit(value, target)
    members = typing.get_args(target)
    if typing.get_origin(target) is tuple and members[-1:] != (...,):
        if len(value) != len(members):
            raise ValueError(f"{value!r} has {len(value)} entries; {len(members)} are expected")
        return tuple(convert(item, member) for item, member in zip(value, members, strict=True))
    items = [convert(item, members[0]) for item in value]
    return tuple(items) if typing.get_origin(target) is tuple else items


def _convert_dict(value: Any, target: Any) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise _unfit(value, target)
    key_type, item_type = typing.get_args(target)
    return {convert(key, key_type): convert(item, item_type) for key, item in value.items()}


def from_text(text: str, target: Any) -> Any:
    """Return what ``text``, from the command line, means for a field of type ``target``.

    ``none`` is None where None is allowed, ``true`` and ``false`` are bools, ``1e-3`` is a float, ``64,64``
    or ``[64, 64]`` a list, and what is not a literal is a text where the type takes one.

    Raises:
        ValueError: ``text`` does not fit.
    """
    target = bare_type(target)
    if target is str:
        return text
    members = typing.get_args(target) if typing.get_origin(target) in (Union, types.UnionType) else (target,)
    if text.lower() == "none" and type(None) in members:
        return None
    if target is Count:
        return parse_count(text)
    readings: list[Any] = [literal(text), text]
    if int in members:
        readings = [_whole(text), *readings]
    if not text.lstrip().startswith(("[", "{")):
        readings.append([literal(part.strip()) for part in text.split(",") if part.strip()])
    reasons: list[ValueError] = []
    for reading in readings:
        try:
            return convert(reading, target)
        except ValueError as error:
            reasons.append(error)
    raise reasons[0]


def literal(text: str) -> Any:
    """Read ``text`` as a TOML value (also ``True``, ``False``), and as a plain text where it is none."""
    if text in ("True", "False"):
        return text == "True"
    try:
        value = tomllib.loads(f"value = {text}")["value"] if "\n" not in text else text
        return text if isinstance(value, (datetime.date, datetime.time)) else value
    except (tomllib.TOMLDecodeError, RecursionError):
        pass
    try:
        # TOML rejects 1.e-3, .5 and 05, which people write.
        return float(text)
    except ValueError:
        return text


def _whole(text: str) -> int | str:
    """Return the int that ``1e6`` or ``50k`` is; other texts as they are."""
    try:
        return int(text) if text.lstrip("+-").isdigit() else _whole_number(text)
    except ValueError:
        return text


def bare_type(target: Any) -> Any:
    """Strip ``Annotated[…]`` and ``ClassVar``-like wrappers that carry notes for the command line."""
    while hasattr(target, "__metadata__"):
        target = target.__origin__
    return target


def _unfit(value: Any, target: Any) -> ValueError:
    """One line that says what was expected and what came."""
    return ValueError(f"{value!r} is not {_describe(target)}")


def _describe(target: Any) -> str:
    """Name a type as a person would."""
    target = bare_type(target)
    origin, members = typing.get_origin(target), typing.get_args(target)
    if origin is Literal:
        return "one of " + ", ".join(repr(choice) for choice in members)
    if origin in (Union, types.UnionType):
        return " or ".join(_describe(member) for member in members if member is not type(None))
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", Path: "a path"}
    names |= {list: "a list", tuple: "a list", Sequence: "a list", dict: "a table", Mapping: "a table"}
    return names.get(origin or target, getattr(target, "__name__", str(target)))
