"""Reference of the commands, from the command lines themselves and from the Makefile."""

import re
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from common.benchmark import __main__ as benchmark
from data_fetcher.cli import app as fetcher
from data_fetcher.emulator import __main__ as emulator
from docs.site.paths import ROOT
from docs.site.tables import table
from movies_service.cli import app as service

_COMMAND_LINES = (
    ("movies_service", service.app),
    ("data_fetcher", fetcher.app),
    ("data_fetcher.emulator", emulator.app),
    ("common.benchmark", benchmark.app),
)


def describe_commands() -> str:
    """Render a section for each command, with its arguments and options."""
    return "\n\n".join(
        section
        for name, app in _COMMAND_LINES
        for section in _sections(name, typer.main.get_command(app), level=2)
    )


def _sections(name: str, command: object, level: int) -> Iterator[str]:
    """Yield the section of a command and those of its subcommands."""
    assert isinstance(command, TyperCommand | TyperGroup)  # noqa: S101 - For the type checker.
    parameters = [
        each
        for each in command.params
        if isinstance(each, TyperArgument | TyperOption) and each.name != "help"
    ]
    words = "".join(f" {_metavar(each)}" for each in parameters if isinstance(each, TyperArgument))
    parts = [f"{'#' * level} `{name}{words}`", _help(command.help or "")]
    if parameters:
        parts.append(table(("option", "default", "meaning"), map(_row, parameters)))
    yield "\n\n".join(parts)
    if isinstance(command, TyperGroup):
        for child_name, child in command.commands.items():
            yield from _sections(f"{name} {child_name}", child, 3)


def _help(text: str) -> str:
    """Return a help text with one line for each paragraph."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(re.sub(r"\s+", " ", paragraph) for paragraph in paragraphs)


def _metavar(argument: TyperArgument) -> str:
    name = argument.metavar or str(argument.name).upper()
    return name if argument.required else f"[{name}]"


def _row(parameter: TyperArgument | TyperOption) -> tuple[str, str, str]:
    """Return spelling, default and meaning of an argument or an option."""
    if isinstance(parameter, TyperArgument):
        spelling = f"`{_metavar(parameter)}`"
    else:
        spelling = ", ".join(f"`{each}`" for each in parameter.opts)
    meaning, default = _split_default(str(parameter.help or ""))
    if choices := _choices(parameter.type_descriptor.annotation):
        meaning += f" One of {', '.join(f'`{choice}`' for choice in choices)}."
    return spelling, _default(parameter) or default, meaning


def _split_default(text: str) -> tuple[str, str]:
    """Return a help text without its last part, `default: …`, and this default."""
    meaning, _, default = text.partition(" default: " if "; default: " in text else " Default: ")
    return f"{meaning.rstrip('.;')}.", default.rstrip(".")


def _default(parameter: TyperArgument | TyperOption) -> str:
    if parameter.required:
        return "required"
    default = parameter.default
    if default is False:
        return "off"
    if default is None or default == "" or callable(default):
        return ""
    if isinstance(default, Enum):
        default = default.value
    if isinstance(default, Path) and default.is_absolute():
        default = default.relative_to(ROOT)
    return f"`{default}`"


def _choices(annotation: object) -> list[str]:
    """Return the values of an option that is an enumeration, or a list of one."""
    return [
        str(member.value)
        for kind in (annotation, *typing.get_args(annotation))
        if isinstance(kind, type) and issubclass(kind, Enum)
        for member in kind
    ]


def describe_targets() -> str:
    """Render a table of the targets of the Makefile."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    rows = re.findall(r"^([a-z-]+):.*## (.*)$", text, re.MULTILINE)
    return table(("command", "effect"), [(f"`make {name}`", effect) for name, effect in rows])
