"""The language of the project: plain technical English, the field's own terms."""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

REFUSED = re.compile(
    r"\b(films?|wish(es|ed|ing)?|somebody|nobody|whoever|anybody|those who|who asks|left alone"
    r"|at hand|is told|so many|is away|gives up on|lets in)\b",
    re.IGNORECASE,
)

NO_NOUN = re.compile(
    r"(What|How|Where|Who|Whom|Whose|That|When|Why|Which|Whether|Since|If|It|There|This|These"
    r"|Is|Are|Has|Does|Do)\b"
)
"""Beginnings of a module docstring that are no noun phrase."""

ALLOWED = {"common/tests/test_language.py", "CHANGELOG.md"}
"""This list itself, and the history of older versions."""


def tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = listed.stdout.split()
    return [path for path in paths if path not in ALLOWED and (ROOT / path).exists()]


def words_of(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of every name, string and comment; names with blanks for underscores."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            yield token.start[0], token.string.replace("_", " ")
        elif token.type in {tokenize.STRING, tokenize.COMMENT}:
            yield from enumerate(token.string.splitlines(), token.start[0])


def in_sentences(text: str) -> str:
    """Join lines, so that an expression that spans two of them is found too."""
    return re.sub(r"\s*\n[ #]*", " ", text)


def test_code_uses_the_words_of_the_field() -> None:
    refused = [
        f"{path}:{line}: {match[0]}"
        for path in tracked("*.py")
        for line, text in words_of((ROOT / path).read_text(encoding="utf-8"))
        for match in REFUSED.finditer(text)
    ]
    assert refused == [], "\n" + "\n".join(refused)


def test_docstrings_use_the_words_of_the_field() -> None:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    refused = [
        f"{path}: {match[0]}"
        for path in tracked("*.py")
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
        if isinstance(node, kinds) and (docstring := ast.get_docstring(node))
        for match in REFUSED.finditer(in_sentences(docstring))
    ]
    assert refused == [], "\n" + "\n".join(refused)


def test_documents_use_the_words_of_the_field() -> None:
    refused = []
    for path in tracked("*.md", "*.toml", "*.yaml", "*.html", "Makefile", "Dockerfile"):
        text = in_sentences((ROOT / path).read_text(encoding="utf-8"))
        refused += [
            f"{path}: {text[max(0, match.start() - 40) : match.end() + 20]}"
            for match in REFUSED.finditer(text)
        ]
    assert refused == [], "\n" + "\n".join(refused)


def test_module_docstrings_begin_with_a_noun_phrase() -> None:
    refused = [
        f"{path}: {docstring.splitlines()[0]}"
        for path in tracked("*.py")
        if (docstring := ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf-8"))))
        and NO_NOUN.match(docstring)
    ]
    assert refused == [], "\n" + "\n".join(refused)
