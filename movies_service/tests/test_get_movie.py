from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from movies_service.tests.conftest import store

pytestmark = pytest.mark.integration

ALIEN = MovieFacts(title="Alien", imdb_id="tt0078748", year=1979)


@pytest.mark.parametrize("reference", ["1", "tt0078748", "TT0078748", "Alien", "aLIEN", "%41lien"])
def test_returns_a_movie_by_id_imdb_id_and_title(
    client: TestClient, database: Database, reference: str
) -> None:
    store(database.unit_of_work, ALIEN)
    response = client.get(f"/movies/{reference}")
    assert response.status_code == 200
    assert response.json()["imdb_id"] == "tt0078748"
    assert response.json()["self_url"] == response.headers["content-location"] == "/movies/1"


@pytest.mark.parametrize(
    "title", ["Face/Off", "100% Wolf", "a_b", "\"What's\" 'up'?", "Wall·E #1", "🎬 movie", "שלום"]
)
def test_accepts_any_title_in_a_path(client: TestClient, database: Database, title: str) -> None:
    store(database.unit_of_work, MovieFacts(title=title))
    assert client.get(f"/movies/{quote(title, safe='')}").json()["title"] == title


def test_accepts_an_unescaped_slash_in_a_title(client: TestClient, database: Database) -> None:
    store(database.unit_of_work, MovieFacts(title="Face/Off"))
    assert client.get("/movies/face/off").json()["title"] == "Face/Off"


def test_links_the_other_movies_with_the_same_title(client: TestClient, database: Database) -> None:
    old, new, popular = store(
        database.unit_of_work,
        MovieFacts(title="Psycho", year=1960),
        MovieFacts(title="Psycho", year=1998),
        MovieFacts(title="psycho", year=1980, imdb_votes=3),
    )
    response = client.get("/movies/Psycho")
    assert response.json()["id"] == popular
    assert response.headers["link"] == (
        f'</movies/{new}>; rel="alternate", </movies/{old}>; rel="alternate"'
    )
    selected = client.get("/movies/Psycho?year=1960")
    assert selected.json()["id"] == old
    assert "link" not in selected.headers


def test_reads_digits_as_an_id(client: TestClient, database: Database) -> None:
    store(database.unit_of_work, MovieFacts(title="1917"))
    assert client.get("/movies/1917").status_code == 404
    assert client.get("/movies?title=1917").json()["total"] == 1


@pytest.mark.parametrize(
    "reference", ["7", "0", "tt0000000", "Nothing", str(2**63), "9" * 5000, "1.0", "%201", "1_0"]
)
def test_an_unknown_movie_is_a_404(client: TestClient, reference: str) -> None:
    response = client.get(f"/movies/{reference}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "not-found"


@pytest.mark.parametrize("reference", ["", "%20", "a%00b", "x" * 501])
def test_an_impossible_title_is_a_422(client: TestClient, reference: str) -> None:
    assert client.get(f"/movies/{reference}").status_code == 422


@pytest.mark.parametrize("reference", ["%ED%A0%80", "%FF"])
def test_invalid_utf_8_in_a_path_is_a_404(client: TestClient, reference: str) -> None:
    assert client.get(f"/movies/{reference}").status_code == 404


@pytest.mark.parametrize("path", ["/movies", "/movies/1", "/"])
def test_returns_a_304_for_a_current_etag(
    client: TestClient, database: Database, path: str
) -> None:
    store(database.unit_of_work, ALIEN)
    response = client.get(path)
    etag = response.headers["etag"]
    assert etag.startswith('"')
    assert "public" in response.headers["cache-control"]
    for value in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = client.get(path, headers={"If-None-Match": value})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == etag
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_etag_of_a_list_changes_with_its_movies(client: TestClient, database: Database) -> None:
    before = client.get("/movies").headers["etag"]
    store(database.unit_of_work, ALIEN)
    assert client.get("/movies").headers["etag"] != before


@pytest.mark.parametrize("path", ["/movies", "/movies/1", "/", "/health/live", "/openapi.json"])
def test_head_is_get_without_a_body(client: TestClient, database: Database, path: str) -> None:
    store(database.unit_of_work, ALIEN)
    full, head = client.get(path), client.head(path)
    assert head.status_code == 200
    assert head.content == b""
    for name in ("content-length", "content-type"):
        assert head.headers[name] == full.headers[name]
    assert head.headers.get("etag") == full.headers.get("etag")
