import itertools
from typing import Any, Literal
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_query import MoviePage
from movies_service.api.schemas.movie_query import ListParameters
from movies_service.tests.conftest import store

pytestmark = pytest.mark.integration

MOVIES = (
    MovieFacts(title="Alien", year=1979, genres=("Horror",), cast=("Sigourney Weaver",)),
    MovieFacts(title="Amélie", year=2001, genres=("Comedy",)),
    MovieFacts(title="Brazil", year=1985, genres=("Comedy", "Drama")),
    MovieFacts(title="Mad Max", year=1979, genres=("Action",)),
    MovieFacts(title="Untitled"),
)


@pytest.fixture(autouse=True)
def _movies(database: Database) -> None:
    """Store five movies, with the ids 1 to 5."""
    store(database.unit_of_work, *MOVIES)


def get(client: TestClient, url: str) -> dict[str, Any]:
    """Return the page at a URL."""
    response = client.get(url)
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


def titles(client: TestClient, url: str) -> list[str]:
    """Return the titles of the page at a URL."""
    return [movie["title"] for movie in get(client, url)["movies"]]


def follow(client: TestClient, url: str) -> list[str]:
    """Return the titles of all pages from a URL on."""
    found: list[str] = []
    next_url: str | None = url
    for _ in range(20):
        page = get(client, str(next_url))
        found += [movie["title"] for movie in page["movies"]]
        next_url = page["next_url"]
        if next_url is None:
            break
    return found


ALL = ["Alien", "Amélie", "Brazil", "Mad Max", "Untitled"]


def test_lists_complete_movies_by_title(client: TestClient) -> None:
    page = get(client, "/movies")
    assert [movie["title"] for movie in page["movies"]] == ALL
    assert page["next_url"] is None
    assert page["total"] == 5
    assert page["movies"][0]["cast"] == ["Sigourney Weaver"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("title=amelie", ["Amélie"]),
        ("title=AM%C3%89LIE", ["Amélie"]),
        ("year=1979", ["Alien", "Mad Max"]),
        ("genre=comedy", ["Amélie", "Brazil"]),
        ("genre=comedy&year=1985", ["Brazil"]),
        ("cast=sigourney+weaver", ["Alien"]),
        ("title=Ali", []),
        ("sort=-title", ALL[::-1]),
        ("sort=year", ["Untitled", "Alien", "Mad Max", "Brazil", "Amélie"]),
        ("sort=-year&limit=2", ["Amélie", "Brazil"]),
        ("sort=id", ALL),
        ("sort=-id&start=3", ["Amélie", "Alien"]),
        ("start=2", ["Alien"]),
        ("start=9223372036854775807&limit=1", ["Untitled"]),
        ("start=0", []),
        ("page=2&limit=2", ["Brazil", "Mad Max"]),
        ("page=99", []),
    ],
)
def test_filters_sorts_and_selects_pages(
    client: TestClient, query: str, expected: list[str]
) -> None:
    assert titles(client, f"/movies?{query}") == expected


@pytest.mark.parametrize("sort", ["title", "-title", "year", "-year", "id", "-id"])
@pytest.mark.parametrize("start", ["", "&page=1"])
def test_next_url_leads_through_every_movie(client: TestClient, sort: str, start: str) -> None:
    found = follow(client, f"/movies?limit=2&sort={sort}{start}")
    assert found == titles(client, f"/movies?sort={sort}")


def test_next_url_of_start_leads_through_every_movie(client: TestClient) -> None:
    assert follow(client, "/movies?start=4&limit=1") == ALL[2::-1]


@pytest.mark.parametrize("query", ["sort=-id&limit=2", "start=6&limit=2"])
def test_next_url_of_an_id_list_starts_after_its_last_id(client: TestClient, query: str) -> None:
    page = get(client, f"/movies?{query}")
    assert page["next_url"] == f"/movies?sort=-id&limit=2&start={page['movies'][-1]['id']}"


def test_next_url_keeps_every_filter(client: TestClient) -> None:
    assert follow(client, "/movies?genre=Comedy&limit=1") == ["Amélie", "Brazil"]
    url = get(client, "/movies?genre=Comedy&limit=1&sort=-id")["next_url"]
    assert url.startswith("/movies?genre=Comedy&sort=-id&limit=1&start=")
    assert follow(client, "/movies?year=1979&limit=1") == ["Alien", "Mad Max"]


def test_total_is_on_the_first_page_and_with_page(client: TestClient) -> None:
    first = get(client, "/movies?limit=2")
    assert first["total"] == 5
    assert get(client, first["next_url"])["total"] is None
    assert get(client, "/movies?limit=2&page=3")["total"] == 5
    assert get(client, "/movies?genre=Comedy")["total"] == 2


def test_rejects_an_altered_cursor(client: TestClient) -> None:
    cursor = get(client, "/movies?limit=2&sort=title")["next_url"].partition("cursor=")[2]
    for place, letter in itertools.product(range(len(cursor)), "Aa"):
        changed = cursor[:place] + letter + cursor[place + 1 :]
        if changed != cursor:
            response = client.get(f"/movies?limit=2&cursor={changed}")
            assert response.status_code == 422, changed
            assert response.json()["errors"][0]["field"] == "query.cursor"


@pytest.mark.parametrize("cursor", ["x", "AAAA", "====", "é", "W10", "A" * 4097, "%00"])
def test_rejects_an_invalid_cursor(client: TestClient, cursor: str) -> None:
    assert client.get(f"/movies?cursor={cursor}").status_code == 422


@pytest.mark.parametrize(
    ("page", "sort", "expected"),
    [
        (1_000, None, "/movies?sort=title&limit=10&page=1001"),
        (1_001, None, "/movies?sort=title&limit=10&cursor="),
        (1_001, "-id", "/movies?sort=-id&limit=10&start=7"),
    ],
)
def test_next_url_leads_beyond_the_last_numbered_page(
    page: int, sort: Literal["-id"] | None, expected: str
) -> None:
    position = (7,) if sort else ("alien", 1979, 7)
    parameters = ListParameters(page=page, sort=sort)
    next_url = parameters.next_url(MoviePage((), position, None)) or ""
    assert next_url.partition("cursor=")[0] == expected.partition("cursor=")[0]
    assert ("cursor=" in next_url) is expected.endswith("cursor=")


def test_a_page_that_is_too_far_names_next_url(client: TestClient) -> None:
    assert get(client, "/movies?page=101&limit=100")["total"] == len(MOVIES)
    assert "next_url" in client.get("/movies?page=1000000").json()["detail"]


@pytest.mark.parametrize("other", ["genre=Comedy", "sort=-title", "sort=id", "title=Alien"])
def test_rejects_a_cursor_of_another_list(client: TestClient, other: str) -> None:
    cursor = get(client, "/movies?limit=2")["next_url"].partition("cursor=")[2]
    assert client.get(f"/movies?limit=2&cursor={cursor}&{other}").status_code == 422
    assert client.get(f"/movies?limit=1&cursor={cursor}").status_code == 200


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "query.limit"),
        ("limit=101", "query.limit"),
        ("limit=+5", "query.limit"),
        ("limit=%205", "query.limit"),
        ("limit=5.0", "query.limit"),
        ("limit=1_0", "query.limit"),
        ("limit=", "query.limit"),
        ("limit=%D9%A1", "query.limit"),
        ("page=0", "query.page"),
        ("page=1002", "query.page"),
        ("page=102&limit=100", "query.page"),
        (f"page={10**30}", "query.page"),
        (f"page={'9' * 5000}", "query.page"),
        ("start=-1", "query.start"),
        ("start=9223372036854775808", "query.start"),
        (f"start={'9' * 5000}", "query.start"),
        ("sort=name", "query.sort"),
        ("year=99", "query.year"),
        ("title=", "query.title"),
        ("title=%20", "query.title"),
        ("title=a%00b", "query.title"),
        (f"title={'x' * 501}", "query.title"),
        ("limit=1&limit=2", "query.limit"),
        ("page=1&start=3", "query"),
        ("page=1&cursor=abc", "query"),
        ("start=3&sort=title", "query"),
    ],
)
def test_names_the_invalid_parameter(client: TestClient, query: str, field: str) -> None:
    response = client.get(f"/movies?{query}")
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in response.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("query", "closest"),
    [("gener=Drama", "genre"), ("per_page=3", "limit"), ("q=x", "title"), ("Title=x", "title")],
)
def test_suggests_the_closest_name_for_an_unknown_parameter(
    client: TestClient, query: str, closest: str
) -> None:
    response = client.get(f"/movies?{query}")
    assert response.status_code == 422
    assert f"did you mean {closest}?" in response.json()["detail"]


def test_rejects_parameters_of_a_path_without_any(client: TestClient) -> None:
    response = client.get("/?x=1")
    assert response.status_code == 422
    assert "no query parameters" in response.json()["detail"]


@pytest.mark.parametrize(
    "title", ["Face/Off", "100% Wolf", "a_b", "\"What's\" 'up'?", "Wall·E #1", "🎬 movie", "שלום"]
)
def test_filters_by_any_title(client: TestClient, database: Database, title: str) -> None:
    store(database.unit_of_work, MovieFacts(title=title))
    assert titles(client, f"/movies?title={quote(title, safe='')}") == [title]
