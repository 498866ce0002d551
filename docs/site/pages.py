"""The written pages of the site: README, guides, decisions and changelog as HTML."""

import functools
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath, relpath
from urllib.parse import unquote

import markdown  # type: ignore[import-untyped]  # It has no types.
from markdown.extensions.toc import unique  # type: ignore[import-untyped]  # The same.
from markupsafe import Markup

from docs.site.paths import DOCS, HTML, PACKAGES, ROOT

SECTIONS = (
    ("tutorial", "Tutorial", "A tour of the API, step by step, on a new catalogue."),
    ("how-to", "How-to guides", "Tasks, step by step."),
    ("reference", "Reference", "All calls, settings, commands, errors and metrics."),
    ("explanation", "Explanation", "How the program works, how fast it is, how it is protected."),
    ("decisions", "Decisions", "Each important decision, with its reasons and figures."),
)
"""Sections of the site in the order of the navigation: folder, title, description."""

_ORDER = (
    "run-in-production",
    "use-a-database-server",
    "run-several-processes",
    "manage-keys-and-users",
    "choose-a-command",
    "run-workers",
    "ingest-updates",
    "import-imdb",
    "call-from-python",
    "troubleshooting",
    "develop",
    "api",
    "settings",
    "commands",
)
"""Pages that come first in their section; others follow by name."""

_EXTENSIONS = ["tables", "fenced_code", "codehilite", "toc", "sane_lists"]
_LINK = re.compile(r'(?P<before>(?:href|src)=")(?P<target>[^"#:]+)(?P<anchor>#[^"]*)?"')
_TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
_ENTRY = re.compile(r"<tr>(?=\s*<td[^>]*>(?:\d+</td>\s*<td[^>]*>)?<code>(.*?)</code>)")
"""A row of the reference that describes what its first code names, such as a setting."""
_LONG_CODE = re.compile(r"<code>[^<]{20,}</code>")


@dataclass(frozen=True, slots=True)
class Page:
    """One written page.

    Args:
        section: folder of its section; empty for README and changelog.
        lead: its first paragraph, as text.
    """

    source: Path
    section: str
    url: str
    title: str
    lead: str


def slug(title: str, separator: str = "-") -> str:
    """Return the anchor of a heading, as repository hosts make it, so that links work in both."""
    plain = re.sub(r"[`*_]|\[|\]\([^)]*\)", "", title).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", separator)


def read_pages() -> list[Page]:
    """Return all written pages, in the order of the navigation."""
    return [_read_page(source, section) for source, section in _sources()]


def _sources() -> Iterator[tuple[Path, str]]:
    yield ROOT / "README.md", ""
    for section, _title, _about in SECTIONS:
        folder = DOCS / section
        files = folder.glob("*.md") if folder.is_dir() else [DOCS / f"{section}.md"]
        for source in sorted(files, key=_place_of):
            yield source, section
    yield ROOT / "CHANGELOG.md", ""


def _place_of(source: Path) -> tuple[int, str]:
    """Return the key that orders the pages of a section."""
    is_known = source.stem in _ORDER
    return (_ORDER.index(source.stem) if is_known else len(_ORDER)), source.stem


def _read_page(source: Path, section: str) -> Page:
    text = source.read_text(encoding="utf-8")
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    paragraphs = [each for each in text.split("\n\n")[1:] if not each.startswith(("#", "Status:"))]
    lead = re.sub(r"\[([^]]+)\]\([^)]*\)|[`*]", r"\1", paragraphs[0]).replace("\n", " ")
    number = f"{source.stem[:4]} " if section == "decisions" else ""
    title_text = title[1].replace("`", "") if title else source.stem
    return Page(source, section, _url_of(source), f"{number}{title_text}", lead)


def _url_of(source: Path) -> str:
    if source.parent == ROOT:
        return "index.html" if source.stem == "README" else f"{source.stem.lower()}.html"
    return source.relative_to(DOCS).with_suffix(".html").as_posix()


def render_page(page: Page) -> tuple[str, str]:
    """Return the body of a page and its table of contents, both as HTML."""
    converter = markdown.Markdown(
        extensions=_EXTENSIONS,
        extension_configs={
            "codehilite": {"guess_lang": False},
            "toc": {"slugify": slug, "toc_depth": "2-3"},
        },
    )
    text = page.source.read_text(encoding="utf-8")
    body = converter.convert(re.sub(r"<!--.*?-->\n?", "", text))
    body = _TABLE.sub(_adapted_table, body)
    if page.section == "reference":
        anchors = set(re.findall(' id="(.*?)"', body))
        body = _ENTRY.sub(functools.partial(_with_anchor, anchors), body)
    contents = converter.toc if converter.toc.count("<li>") > 1 else ""
    return _LINK.sub(lambda link: _relink(page, link), body), contents


def text_of(body: str) -> str:
    """Return the text of HTML, with a blank between cells and paragraphs."""
    spaced = re.sub(r"(?=</(?:td|th|li|p|pre)>)", " ", body.replace("<wbr>", ""))
    return Markup(spaced).striptags()  # noqa: S704 - It becomes text.


def _adapted_table(table: re.Match[str]) -> str:
    """Return a table that fits narrow screens: cells know their heading, long names may break."""
    headings = [text_of(each) for each in re.findall(r"<th>(.*?)</th>", table[0])]
    text = _LONG_CODE.sub(lambda name: name[0].replace("_", "_<wbr>"), table[0])
    text = re.sub(r"(?<=\d) (?=(?:x|ms|s|µs|MiB)\b)", "\N{NO-BREAK SPACE}", text)
    rows = re.sub(
        r"<tr>\s*<td>.*?</tr>", lambda row: _labelled(row[0], headings), text, flags=re.DOTALL
    )
    return f'<div class="wide">{rows}</div>'


def _labelled(row: str, headings: list[str]) -> str:
    labels = iter(headings)
    return re.sub("<td>", lambda _cell: f'<td data-label="{next(labels)}">', row)


def _with_anchor(anchors: set[str], row: re.Match[str]) -> str:
    """Return the start of a row with an anchor of its own."""
    name = re.sub(r"[^a-z0-9_-]+", "-", text_of(row[1]).lower()).strip("-")
    return f'<tr id="{unique(name, anchors)}">'


def _relink(page: Page, link: re.Match[str]) -> str:
    """Return a link of a Markdown file as the link of the site that leads to the same."""
    target = (page.source.parent / unquote(link["target"])).resolve()
    url = relpath(normpath(_site_url(target)), normpath(f"{page.url}/.."))
    return f'{link["before"]}{url}{link["anchor"] or ""}"'


def _site_url(target: Path) -> str:
    """Return where the site has a file or folder of the project; other files are copied there."""
    if target.suffix == ".md":
        return _url_of(target)
    if target.parent == DOCS and target.name in {section for section, *_ in SECTIONS}:
        return f"{target.name}/index.html"
    path = target.relative_to(ROOT)
    if path.parts[0] in PACKAGES and (target.is_dir() or target.suffix == ".py"):
        if target.is_dir():
            return f"code/{path.as_posix()}/index.html"
        return f"code/{path.with_suffix('.html').as_posix()}"
    if target.is_dir():
        return "index.html"
    copy = HTML / "files" / path
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(target, copy)
    return f"files/{path.as_posix()}"
