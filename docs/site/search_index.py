"""The search index of the site: headings of guides, names and first sentences of the code."""

import json
import re
from collections.abc import Iterator
from typing import Any

from docs.site.code_reference import FOLDER, is_function, walk
from docs.site.pages import Page, slug
from docs.site.tables import first_sentence

TEXT_MAX_CHARACTERS = 400


def build_index(pages: list[Page], modules: list[Any]) -> str:
    """Return the script that holds the index: title, place, text and URL of each entry."""
    entries = [*_guide_entries(pages), *_code_entries(modules)]
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
    return f"const SEARCH_INDEX = {text};\n"


def _guide_entries(pages: list[Page]) -> Iterator[tuple[str, str, str, str]]:
    for page in pages:
        text = re.sub(r"<!--.*?-->", "", page.source.read_text(encoding="utf-8"))
        for part in re.split(r"^(?=#{1,3} )", text, flags=re.MULTILINE):
            heading, _line_feed, below = part.partition("\n")
            title = heading.lstrip("# ").replace("`", "")
            if not heading.startswith("#"):
                continue
            anchor = "" if heading.startswith("# ") else f"#{slug(heading.lstrip('# '))}"
            plain = re.sub(r"\]\([^)]*\)|[`*#|\[]|-{3,}", " ", below)
            text = re.sub(r"\s+|Status: accepted, [0-9-]+\.", " ", plain).strip()
            yield title, page.title if anchor else "", text, f"{page.url}{anchor}"


def _code_entries(modules: list[Any]) -> Iterator[tuple[str, str, str, str]]:
    for module in walk(modules):
        yield _entry(module, module.name, "module")
        for each in [*module.functions(), *module.variables(), *module.classes()]:
            yield _entry(each, each.name, module.name)
            for member in getattr(each, "doc", {}).values():
                if not member.inherits and (is_function(member) or member.docstring):
                    yield _entry(member, f"{each.name}.{member.name}", module.name)


def _entry(documented: Any, title: str, place: str) -> tuple[str, str, str, str]:  # noqa: ANN401 - pdoc has no types.
    text = first_sentence(documented.docstring).replace("`", "")[:TEXT_MAX_CHARACTERS]
    return title, place, text, f"{FOLDER}{documented.url()}"
