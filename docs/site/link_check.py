"""Check of the built site: every link leads to a page, and nothing is loaded from another host."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

from docs.site.paths import HTML

_LINK = re.compile(r"<(?P<tag>[a-z]+)\s[^>]*?\b(?:href|src)=\"(?P<target>[^\"]*)\"")
_ID = re.compile(r"\sid=\"([^\"]+)\"")
_COPIES = "files"
"""Folder of files that are copied as they are: what they link to is their own matter."""


def broken_links() -> Iterator[str]:
    """Yield a line for each link of the site that leads nowhere or loads from another host."""
    pages = [path for path in sorted(HTML.rglob("*.html")) if _COPIES not in path.parts]
    texts = {path: path.read_text(encoding="utf-8") for path in pages}
    anchors = {path: {unescape(each) for each in _ID.findall(text)} for path, text in texts.items()}
    for page, text in texts.items():
        for link in _LINK.finditer(text):
            if _is_broken(page, link["tag"], unescape(link["target"]), anchors):
                yield f"{page.relative_to(HTML)}: {link['target']}"


def _is_broken(page: Path, tag: str, target: str, anchors: dict[Path, set[str]]) -> bool:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return tag != "a" and parts.scheme != "data"
    path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if path in anchors:
        return bool(parts.fragment) and unquote(parts.fragment) not in anchors[path]
    return not path.exists()
