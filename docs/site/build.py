"""Assembly of the site in `docs/html`."""

import shutil
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]  # No types.

from docs.site.code_reference import ABOUT_CODE, FOLDER, ModuleView, read_modules, walk
from docs.site.pages import SECTIONS, read_pages, render_page
from docs.site.paths import DOCS, HTML
from docs.site.search_index import build_index
from movies_service.app import VERSION

_HERE = DOCS / "site"


def build_site() -> int:
    """Write all pages anew, and return how many there are."""
    shutil.rmtree(HTML, ignore_errors=True)
    HTML.mkdir()
    templates = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages, modules = read_pages(), read_modules()
    shared = {"pages": pages, "sections": SECTIONS, "version": VERSION}
    bodies = {}
    for before, page, after in zip([None, *pages], pages, [*pages[1:], None], strict=False):
        bodies[page], contents = render_page(page)
        facts = {"page": page, "contents": Markup(contents), "body": Markup(bodies[page])}  # noqa: S704 - Our own pages.
        facts |= {"previous": before, "next": after}
        _write(templates, "guide.html", page.url, {**shared, **facts})
    overviews: list[tuple[str, str, str, list[Any]]] = [
        (f"{folder}/", title, about, [each for each in pages if each.section == folder])
        for folder, title, about in SECTIONS[1:]
    ]
    overviews.append((FOLDER, "Code reference", ABOUT_CODE, [ModuleView(each) for each in modules]))
    for folder, title, about, listed in overviews:
        facts = {"title": title, "about": about, "listed": listed, "contents": ""}
        _write(templates, "section.html", f"{folder}index.html", {**shared, **facts})
    views = [ModuleView(module) for module in walk(modules)]
    for view in views:
        _write(templates, "module.html", view.url, {**shared, "view": view})
    _write_assets(build_index(bodies, modules))
    return len(pages) + len(overviews) + len(views)


def _write(templates: Environment, name: str, url: str, facts: dict[str, Any]) -> None:
    root = "../" * url.count("/")
    text = templates.get_template(name).render({"url": url, "root": root, **facts})
    target = HTML / url
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def _write_assets(search_index: str) -> None:
    """Write what the pages load: style, script and search index."""
    style = (_HERE / "static" / "site.css").read_text(encoding="utf-8")
    light = HtmlFormatter(style="default").get_style_defs(".codehilite")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".codehilite")
    night = f"@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}"
    (HTML / "site.css").write_text(f"{light}\n{night}\n{style}", encoding="utf-8")
    shutil.copyfile(_HERE / "static" / "site.js", HTML / "site.js")
    (HTML / "search-index.js").write_text(search_index, encoding="utf-8")
