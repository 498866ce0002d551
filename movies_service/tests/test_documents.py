"""The documents: links, generated regions, language, and what they name."""

import re
from pathlib import Path

import pytest

from common.tests.test_language import REFUSED
from docs.site.pages import read_pages, slug
from docs.site.paths import DOCS, ROOT
from docs.site.regions import GENERATORS, reference_pages, regenerate
from movies_service.app import create_api

DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
DECISION_LINES_MAX = 40
_FENCES = re.compile(r"```.*?```", re.DOTALL)


def links_of(source: Path) -> list[tuple[str, str]]:
    """Return path and anchor of each relative link of a Markdown file."""
    text = _FENCES.sub("", source.read_text(encoding="utf-8"))
    return [
        (path, anchor)
        for path, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]*))?\)", text)
        if path or anchor
    ]


def anchors_of(source: Path) -> set[str]:
    """Return the anchors of the headings of a Markdown file."""
    text = _FENCES.sub("", source.read_text(encoding="utf-8"))
    return {slug(title) for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", reference_pages(), ids=lambda page: page.stem)
def test_generated_regions_are_current(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert regenerate(text) == text, "run `make docs`"


def test_each_generator_has_a_place() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in reference_pages())
    assert sorted(re.findall(r"<!-- generated: ([a-z ]+) -->", text)) == sorted(GENERATORS)


@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT))
)
def test_each_relative_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    broken = []
    for path, anchor in links_of(document):
        target = document.parent / path if path else document
        is_heading = target.suffix != ".md" or not anchor or anchor in anchors_of(target)
        if not (target.exists() and is_heading):
            broken.append(f"{path}#{anchor}")
    assert broken == []


def test_each_document_is_a_page_of_the_site() -> None:
    assert {page.source for page in read_pages()} == set(DOCUMENTS)


def test_reference_lists_every_error_code_of_the_openapi_document() -> None:
    reference = (DOCS / "reference" / "errors.md").read_text(encoding="utf-8")
    codes = set(find_values(create_api().openapi(), "code"))
    assert len(codes) > 10
    assert [code for code in sorted(codes) if f"`{code}`" not in reference] == []


def find_values(document: object, name: str) -> list[str]:
    """Return every text that stands under a name, at any depth."""
    if isinstance(document, list):
        return [found for each in document for found in find_values(each, name)]
    if not isinstance(document, dict):
        return []
    found = [document[name]] if isinstance(document.get(name), str) else []
    return found + [value for each in document.values() for value in find_values(each, name)]


def test_decisions_are_short() -> None:
    long = [
        path.name
        for path in (DOCS / "decisions").glob("*.md")
        if len(path.read_text(encoding="utf-8").splitlines()) > DECISION_LINES_MAX
    ]
    assert long == []


def test_each_test_that_the_threat_model_names_exists() -> None:
    security = (DOCS / "explanation" / "security.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_[a-z_0-9]+)`", security))
    tests = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("*/tests/test_*.py"))
    assert len(named) > 20
    assert [name for name in sorted(named) if f"def {name}(" not in tests] == []


def test_each_path_in_code_marks_exists() -> None:
    paths = re.compile(r"`((?:common|data_layer|data_fetcher|movies_service|docs)/[\w./-]+)`")
    missing = [
        f"{document.name}: {path}"
        for document in DOCUMENTS
        for path in paths.findall(document.read_text(encoding="utf-8"))
        if path != "docs/html" and not (ROOT / path).exists()
    ]
    assert missing == []


def test_changelog_uses_the_words_of_the_field_beside_old_names() -> None:
    text = re.sub(r"`[^`]*`", "", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert REFUSED.findall(text) == []


def test_documents_name_no_registry_and_no_path_of_a_machine() -> None:
    named = re.compile(r"pypi\.org|pythonhosted|registry\.|/(?:work|root|home)/")
    named_in = {path.name: named.findall(path.read_text(encoding="utf-8")) for path in DOCUMENTS}
    assert {name: found for name, found in named_in.items() if found} == {}


def test_site_loads_nothing_from_another_host() -> None:
    loaded = re.compile(r"(?:src|href)=[\"']?(?:https?:)?//|[\s:]url\(|@import")
    files = [*DOCS.glob("site/templates/*"), *DOCS.glob("site/static/*")]
    assert len(files) > 5
    assert [path.name for path in files if loaded.search(path.read_text(encoding="utf-8"))] == []
