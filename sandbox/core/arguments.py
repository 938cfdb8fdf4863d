"""From a command line to a command: tyro parses, and what it rejects becomes one clear line.

tyro is imported when a command line is parsed, so that ``--help`` of the whole program stays instant.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import io
import re
import textwrap
import typing
from collections.abc import Sequence
from typing import Any, TypeVar

from sandbox.core.errors import UsageError
from sandbox.core.spelling import suggest
from sandbox.core.values import Count, parse_count

T = TypeVar("T")

EVERYWHERE = """everywhere:
  --json     one JSON object on stdout, and nothing else
  --quiet    no progress"""

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def parse_command(cls: type[T], arguments: Sequence[str], prog: str) -> T:
    """Return the dataclass ``cls`` filled from the words of a command line.

    Positional fields are shown by their name, flags have no ``--no-`` twin, None cannot be typed, and fields
    of type `Count` take ``50k`` and ``1e6``. ``--no-NAME`` makes a field of type ``bool | None`` False: a
    config file may have said True.

    Args:
        prog: What the user typed before the arguments, for hints.

    Raises:
        UsageError: tyro rejects the words; a likely spelling is in the message.
    """
    complaint = io.StringIO()
    denied = {word: name for word, name in denials(cls).items() if word in arguments}
    for word in denied:
        if f"--{word.removeprefix('--no-')}" in arguments:
            raise UsageError(f"--{word.removeprefix('--no-')} and {word}: give one of them")
        arguments = [other for other in arguments if other != word]
    try:
        with contextlib.redirect_stderr(complaint), contextlib.redirect_stdout(io.StringIO()):
            command = _tyro(cls, arguments, prog)
    except SystemExit:
        raise usage_error(complaint.getvalue(), arguments, prog) from None
    return dataclasses.replace(typing.cast(Any, command), **dict.fromkeys(denied.values(), False))


def denials(cls: type) -> dict[str, str]:
    """Options such as ``--no-augment`` of the fields of type ``bool | None``, and the fields' names.

    A field that is called ``no_…`` already says so itself, and is left to tyro.
    """
    types = typing.get_type_hints(cls)
    optional = [name for name, of in types.items() if set(typing.get_args(of)) == {bool, type(None)}]
    return {f"--no-{name.replace('_', '-')}": name for name in optional if f"no_{name}" not in types}


def command_help(cls: type, prog: str) -> str:
    """Return the ``--help`` of a command: its options, then the examples of its docstring as they stand."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        _tyro(cls, ["--help"], prog)
    _, _, examples = (inspect.getdoc(cls) or "").partition("Examples:\n")
    options = re.sub(r"\s*\(default:\s*(None|\'\'|True|False|)\)", "", text.getvalue())
    parts = ["\n".join(line.rstrip() for line in options.strip("\n").splitlines()).rstrip()]
    if denied := denials(cls):
        parts.append(f"not so, whatever a config file says:\n  {', '.join(denied)}")
    if examples.strip():
        parts.append("examples:\n" + textwrap.indent(textwrap.dedent(examples).strip("\n"), "  "))
    return "\n\n".join([*parts, EVERYWHERE])


def _tyro(cls: type[T], arguments: Sequence[str], prog: str) -> T:
    import tyro

    conf = tyro.conf
    markers: Any = (conf.PositionalMetavarFromFieldName, conf.FlagCreatePairsOff, conf.DisallowNone)
    return tyro.cli(cls, args=list(arguments), prog=prog, config=markers, registry=_registry())


def _registry() -> Any:
    """Teach tyro the type `Count`."""
    from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

    registry = ConstructorRegistry()

    @registry.primitive_rule
    def _count_rule(type_info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[int] | None:
        if type_info.type is not Count:
            return None
        return PrimitiveConstructorSpec(
            nargs=1,
            metavar="COUNT",
            instance_from_str=lambda words: parse_count(words[0]),
            is_instance=lambda value: isinstance(value, int),
            str_from_instance=lambda value: [str(value)],
        )

    return registry


def usage_error(complaint: str, arguments: Sequence[str], prog: str) -> UsageError:
    """Turn tyro's box of red text into one line and a hint."""
    title, message, rest = _read_box(complaint)
    hint = f"{prog} --help"
    flags = re.findall(r"(?<![\w-])--[a-z][\w-]*", rest)
    if title == "Unrecognized options":
        words = [word.strip() for word in message.partition(":")[2].split(",")]
        unknown = next((word for word in words if word.startswith("-")), words[0])
        noun = "option" if unknown.startswith("-") else "argument"
        close = suggest(unknown.partition("=")[0], flags)
        return UsageError(
            f"unknown {noun} {unknown!r}" + (f": did you mean {close!r}?" if close else ""), hint
        )
    if title == "Required options":
        missing = re.sub(r"\s*\(required\)", "", message.partition(": ")[2]).strip(" .")
        name, _, help_text = missing.partition(" ")
        return UsageError(f"{name} is missing" + (f" ({help_text.strip()})" if help_text else ""), hint)
    if title == "Invalid choice":
        return UsageError(_choice_error(message), hint)
    if title == "Value error":
        return UsageError(_value_error(message), hint)
    if message.startswith("Missing value for argument"):
        return UsageError(f"{message.split(chr(39))[1]} needs a value", hint)
    return UsageError(message.rstrip(".") or f"cannot understand {' '.join(arguments)!r}", hint)


def _value_error(message: str) -> str:
    """``--steps: '1.5' is not whole``."""
    field, _, reason = message.removeprefix("Error parsing ").partition(": ")
    # "no type matching {STR STR} could be instantiated from ['3']. Got errors: …"
    several = re.search(r"no type matching \{([A-Z ]+)\} could be instantiated from \[(.*?)\]", reason)
    if several:
        wanted, given = len(several[1].split()), len(re.findall(r"'[^']*'", several[2]))
        return f"{field} takes {wanted} values, not {given}"
    # "no type matching COUNT could be instantiated from … Got errors: - <class …>: the reason"
    reason = re.split(r"- <class '[^']*'>: ", reason)[-1]
    number = re.search(r"invalid literal for int\(\) with base \d+: (.+)", reason)
    if number:
        reason = f"{number[1]} is not a whole number"
    reason = re.sub(r"could not convert string to float: (.+)", r"\1 is not a number", reason)
    return f"{field}: {reason.rstrip('.')}"


def _choice_error(message: str) -> str:
    """From "invalid choice 'lst' for argument 'mode'. Expected one of ('list', 'show')."."""
    words = re.findall(r"'([^']*)'", message)
    if len(words) < 3:
        return message.rstrip(".")
    value, field, *choices = (word for word in words if word != "None")
    close = suggest(value, choices)
    text = f"{field}: {value!r} is not one of {', '.join(choices)}"
    return f"{text}: did you mean {close!r}?" if close else text


def _read_box(complaint: str) -> tuple[str, str, str]:
    """Return the box's title, the text up to its next rule, and all that follows.

    Depending on the terminal the box is drawn with lines or, in ASCII, only with rules of dashes.
    """
    lines = [line.strip(" │╭╮╰╯") for line in _ANSI.sub("", complaint).splitlines()]
    title = lines[0].strip("─ ") if lines else ""
    rules = [index for index, line in enumerate(lines) if index and line and not line.strip("─-")]
    start = 2 if 1 in rules else 1
    end = next((index for index in rules if index > start), len(lines))
    return title, " ".join(line for line in lines[start:end] if line), "\n".join(lines[end:])
