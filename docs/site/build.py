"""Assembly of the site in `docs/html`."""

import shutil
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]  # No types.

from docs.site.code_reference import FOLDER, ModuleView, read_modules, walk
from docs.site.pages import SECTIONS, Page, read_pages, render_page
from docs.site.paths import DOCS, HTML
from docs.site.search_index import build_index

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
    shared: dict[str, Any] = {"pages": pages, "sections": SECTIONS, "packages": modules}
    for page in pages:
        _write_page(templates, page, shared)
    decisions = [page for page in pages if page.section == "decisions"]
    _write(templates, "decisions.html", "decisions/index.html", {**shared, "listed": decisions})
    views = [ModuleView(module) for module in walk(modules)]
    for view in views:
        _write(templates, "module.html", view.url, {**shared, "view": view})
    _write(templates, "packages.html", f"{FOLDER}index.html", shared)
    _write_assets(pages, modules)
    return len(pages) + len(views) + 2


def _write_page(templates: Environment, page: Page, shared: dict[str, Any]) -> None:
    body, contents = render_page(page)
    name = "start.html" if page.url == "index.html" else "guide.html"
    lead, separator, rest = body.partition("<p>You need")
    facts = {"page": page, "contents": Markup(contents), "body": Markup(body)}  # noqa: S704 - Our own pages.
    facts |= {"lead": Markup(lead), "rest": Markup(separator + rest)}  # noqa: S704 - The same.
    _write(templates, name, page.url, {**shared, **facts})


def _write(templates: Environment, name: str, url: str, facts: dict[str, Any]) -> None:
    root = "../" * url.count("/")
    text = templates.get_template(name).render({"url": url, "root": root, **facts})
    target = HTML / url
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def _write_assets(pages: list[Page], modules: list[Any]) -> None:
    """Write what the pages load: style, script and search index."""
    style = (_HERE / "static" / "site.css").read_text(encoding="utf-8")
    light = HtmlFormatter(style="default").get_style_defs(".codehilite")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".codehilite")
    night = f"@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}"
    (HTML / "site.css").write_text(f"{light}\n{night}\n{style}", encoding="utf-8")
    shutil.copyfile(_HERE / "static" / "site.js", HTML / "site.js")
    (HTML / "search-index.js").write_text(build_index(pages, modules), encoding="utf-8")
