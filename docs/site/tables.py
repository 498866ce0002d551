"""Markdown tables, and the docstrings that stand below assignments."""

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Render a Markdown table; line feeds and pipes in its cells are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace("|", r"\|")


def code(values: Iterable[object]) -> str:
    """Render values as code, separated by commas."""
    return ", ".join(f"`{value}`" for value in values)


def first_sentence(docstring: str | None) -> str:
    """Return the first paragraph of a docstring on one line."""
    return re.sub(r"\s+", " ", inspect.cleandoc(docstring or "").split("\n\n", maxsplit=1)[0])


def attribute_docstrings(kind: type) -> dict[str, str]:
    """Return the literal docstring below each attribute of a class, by its name."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    return {
        name: inspect.cleandoc(below.value.value)
        for statement, below in itertools.pairwise(body)
        if (name := _assigned_name(statement))
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def _assigned_name(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.AnnAssign):
        target: ast.expr = statement.target
    elif isinstance(statement, ast.Assign):
        target = statement.targets[0]
    else:
        return None
    return target.id if isinstance(target, ast.Name) else None
