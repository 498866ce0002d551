"""The search index of the site: sections and rows of the guides, names of the code."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from docs.site.code_reference import FOLDER, is_function, walk
from docs.site.pages import Page, text_of
from docs.site.tables import first_sentence

TEXT_MAX_CHARACTERS = 400
_KINDS = {
    "": "guide",
    "how-to": "guide",
    "decisions": "decision",
    "call": "endpoint",
    "status": "error",
}
"""Kinds of entries by section, or by the first heading of a table, where they differ from these."""

_SECTION = re.compile(r'<h([1-3]) id="(.*?)">(.*?)</h\1>(.*?)(?=<h[1-3] id=|\Z)', re.DOTALL)
_TABLE = re.compile(r'<th>([^<]*)</th>(?:(?!</table>).)*<tr id=".*?</table>', re.DOTALL)
_NO_TEXT = re.compile(r"<thead>.*?</thead>|<p>Status: [^<]*</p>", re.DOTALL)
_ROW = re.compile(r'<tr id="(.*?)">(.*?)</tr>', re.DOTALL)


class Entry(NamedTuple):
    """One search result.

    Args:
        kind: what it is, such as `guide`, `setting` or `code`.
        place: page or module that it is on.
    """

    title: str
    kind: str
    place: str
    text: str
    url: str


def build_index(bodies: Mapping[Page, str], modules: list[Any]) -> str:
    """Return the script that holds the index, from the HTML of pages and from modules."""
    guides = [entry for page, body in bodies.items() for entry in guide_entries(page, body)]
    entries = [*guides, *_code_entries(modules)]
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
    return f"const SEARCH_INDEX = {text};\n"


def guide_entries(page: Page, body: str) -> Iterator[Entry]:
    """Yield each section of a page, and each row of the reference that has an anchor."""
    for level, anchor, heading, below in _SECTION.findall(body):
        title = page.title if level == "1" else text_of(heading)
        is_command = page.section == "reference" and re.fullmatch("<code>.*</code>", heading)
        kind = "command" if is_command else _KINDS.get(page.section, page.section)
        url = page.url if level == "1" else f"{page.url}#{anchor}"
        place = "" if level == "1" else page.title
        text = text_of(_NO_TEXT.sub("", _TABLE.sub("", below)))
        yield Entry(title, kind, place, text, url)
        for table in _TABLE.finditer(below):
            kind = "reference" if " " in table[1] else _KINDS.get(table[1], table[1])
            for row_anchor, row in _ROW.findall(table[0]):
                name, *cells = map(text_of, row.split("</td>"))
                if name.isdigit():
                    name = f"{name} {cells.pop(0)}"
                meaning = " · ".join(filter(None, cells))
                yield Entry(name, kind, title, meaning, f"{page.url}#{row_anchor}")


def _code_entries(modules: list[Any]) -> Iterator[Entry]:
    for module in walk(modules):
        yield _entry(module, module.name, "")
        for each in [*module.functions(), *module.variables(), *module.classes()]:
            yield _entry(each, each.name, module.name)
            for member in getattr(each, "doc", {}).values():
                if not member.inherits and (is_function(member) or member.docstring):
                    yield _entry(member, f"{each.name}.{member.name}", module.name)


def _entry(documented: Any, title: str, place: str) -> Entry:  # noqa: ANN401 - pdoc has no types.
    text = first_sentence(documented.docstring).replace("`", "")[:TEXT_MAX_CHARACTERS]
    return Entry(title, "code", place, text, f"{FOLDER}{documented.url()}")
