"""The site: signatures and values in the code reference, entries of the search."""

import pdoc  # type: ignore[import-untyped]  # It has no types.
import pytest

from common.bounded_cache import BoundedCache
from common.single_flight import SingleFlight
from docs.site.code_reference import ModuleView
from docs.site.pages import read_pages, render_page
from docs.site.search_index import Entry, guide_entries
from docs.site.source_text import signature_of
from movies_service.accounts.caller import Caller


@pytest.mark.parametrize(
    ("called", "signature"),
    [
        (
            SingleFlight.run,
            "(self, key: Hashable, call: Callable[[], Awaitable[T]]) → tuple[T, bool]",
        ),
        (BoundedCache, "    clock: Callable[[], float] = time.monotonic,\n)"),
        (Caller, "(\n    name: str = ANONYMOUS,\n"),
    ],
)
def test_signatures_are_those_of_the_source(called: object, signature: str) -> None:
    assert signature in signature_of(called)


def test_constants_have_values_and_types_are_links() -> None:
    view = ModuleView(pdoc.Module("movies_service.use_cases.add_movie"))
    (variable,) = view.variables
    assert view.declaration(variable) == " = 10.0"
    parameters = view.signature(view.module.find_ident("AddMovie"))
    assert "fetch_movie: FetchMovie" in parameters
    assert "<a " in view.signature(view.module.find_ident("AddMovie.find"))


def entries_of(url: str) -> list[Entry]:
    (page,) = (page for page in read_pages() if page.url == url)
    return list(guide_entries(page, render_page(page)[0]))


@pytest.mark.parametrize(
    ("url", "title", "kind", "target"),
    [
        ("reference/settings.html", "PORT", "setting", "reference/settings.html#port"),
        ("reference/api.html", "GET /metrics", "endpoint", "reference/api.html#get-metrics"),
        ("reference/errors.html", "404 not-found", "error", "reference/errors.html#not-found"),
        ("reference/commands.html", "make docs", "command", "reference/commands.html#make-docs"),
        ("how-to/develop.html", "Develop", "guide", "how-to/develop.html"),
    ],
)
def test_search_has_an_entry_for(url: str, title: str, kind: str, target: str) -> None:
    found = [entry for entry in entries_of(url) if entry.title == title]
    assert [(entry.kind, entry.url) for entry in found] == [(kind, target)]


def test_texts_of_the_search_contain_no_markup() -> None:
    texts = [entry.text for page in read_pages() for entry in entries_of(page.url)]
    assert [text for text in texts if "```" in text or "| ---" in text or "<code" in text] == []
