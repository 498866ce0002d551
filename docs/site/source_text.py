"""Declarations as the source writes them: parameters, defaults, types and values."""

import ast
import functools
import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any

from docs.site.paths import PACKAGES

LINE_MAX_CHARACTERS = 100
"""Longer parameters stand on lines of their own; longer values are folded."""

_HEADER = re.compile(r"(?:async )?def \w+(\(.*?\))(?: -> (.*?))?:\s*(?:\n|\.\.\.)", re.DOTALL)


def signature_of(called: Any) -> str:  # noqa: ANN401 - Any function or class.
    """Return the parameters of a function or class, and the result of a function."""
    if inspect.isclass(called):
        return _fold(_class_parameters(called))
    called = inspect.unwrap(called)
    found = _HEADER.match(_declarations(called.__module__).get(called.__qualname__, ""))
    return _fold(found[1]) + (f" → {found[2]}" if found[2] else "") if found else ""


def declaration_of(variable: Any) -> tuple[str, str]:  # noqa: ANN401 - pdoc has no types.
    """Return type and value of a variable, and its whole source if the value is too long."""
    text = _declarations(variable.module.name).get(variable.qualname, "")
    if found := _HEADER.match(text):
        return f": {found[2]}", ""
    if not text:
        return f": {variable.type_annotation()}".removesuffix(": "), ""
    if len(text) <= LINE_MAX_CHARACTERS and "\n" not in text:
        return text.removeprefix(variable.name), ""
    return _fold(text.partition(" = ")[0].removeprefix(variable.name)), text


def _class_parameters(kind: type) -> str:
    """Return the parameters of the nearest `__init__`, or the fields of a dataclass or tuple."""
    owners = [each for each in kind.__mro__ if each.__module__.split(".")[0] in PACKAGES]
    for owner in owners:
        written = _declarations(owner.__module__)
        if found := _HEADER.match(written.get(f"{owner.__qualname__}.__init__", "")):
            return re.sub(r"\A\(\s*self(, |,\n)?", "(\n" if "\n" in found[1] else "(", found[1])
    names = getattr(kind, "__dataclass_fields__", getattr(kind, "_fields", ()))
    fields = {
        name: text
        for owner in reversed(owners)
        for name in names
        if (text := _declarations(owner.__module__).get(f"{owner.__qualname__}.{name}"))
    }
    return "(\n" + "".join(f"{text},\n" for text in fields.values()) + ")" if fields else ""


def _fold(parameters: str) -> str:
    """Return parameters on one line if they are short, else one on each line."""
    lines = [re.sub(r"  # .*", "", line).strip() for line in parameters.splitlines()]
    joined = re.sub(r"(?<=[(\[{]) |,? (?=[)\]}])", "", " ".join(lines))
    if len(joined) <= LINE_MAX_CHARACTERS or len(lines) == 1:
        return joined
    return "\n    ".join(lines[:-1]) + f"\n{lines[-1]}"


@functools.cache
def _declarations(module: str) -> dict[str, str]:
    """Return the source of functions and assignments of a module by qualified name."""
    source = inspect.getsource(sys.modules[module])
    return {
        name: ast.get_source_segment(source, node) or ""
        for name, node in _declared(ast.parse(source).body, "")
    }


def _declared(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.stmt]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _declared(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{node.name}", node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((f"{prefix}{ast.unparse(target)}", node) for target in targets)
