from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from movies_service.tests.conftest import store

pytestmark = pytest.mark.integration

ALIEN = MovieFacts(title="Alien", imdb_id="tt0078748", year=1979)


@pytest.mark.parametrize("reference", ["1", "tt0078748", "TT0078748", "Alien", "aLIEN", "%41lien"])
def test_gets_a_film_by_every_reference(
    client: TestClient, database: Database, reference: str
) -> None:
    store(database.unit_of_work, ALIEN)
    answer = client.get(f"/movies/{reference}")
    assert answer.status_code == 200
    assert answer.json()["imdb_id"] == "tt0078748"
    assert answer.json()["self_url"] == answer.headers["content-location"] == "/movies/1"


@pytest.mark.parametrize(
    "title", ["Face/Off", "100% Wolf", "a_b", "\"What's\" 'up'?", "Wall·E #1", "🎬 film", "שלום"]
)
def test_every_title_works_in_a_path(client: TestClient, database: Database, title: str) -> None:
    store(database.unit_of_work, MovieFacts(title=title))
    assert client.get(f"/movies/{quote(title, safe='')}").json()["title"] == title


def test_a_slash_in_a_title_may_stand_as_it_is(client: TestClient, database: Database) -> None:
    store(database.unit_of_work, MovieFacts(title="Face/Off"))
    assert client.get("/movies/face/off").json()["title"] == "Face/Off"


def test_the_other_films_of_a_title_are_linked(client: TestClient, database: Database) -> None:
    old, new, known = store(
        database.unit_of_work,
        MovieFacts(title="Psycho", year=1960),
        MovieFacts(title="Psycho", year=1998),
        MovieFacts(title="psycho", year=1980, imdb_votes=3),
    )
    answer = client.get("/movies/Psycho")
    assert answer.json()["id"] == known
    assert answer.headers["link"] == (
        f'</movies/{new}>; rel="alternate", </movies/{old}>; rel="alternate"'
    )
    chosen = client.get("/movies/Psycho?year=1960")
    assert chosen.json()["id"] == old
    assert "link" not in chosen.headers


def test_a_title_that_looks_like_an_id_is_an_id(client: TestClient, database: Database) -> None:
    store(database.unit_of_work, MovieFacts(title="1917"))
    assert client.get("/movies/1917").status_code == 404
    assert client.get("/movies?title=1917").json()["total"] == 1


@pytest.mark.parametrize(
    "reference", ["7", "0", "tt0000000", "Nothing", str(2**63), "9" * 5000, "1.0", "%201", "1_0"]
)
def test_what_is_not_there_is_a_404(client: TestClient, reference: str) -> None:
    answer = client.get(f"/movies/{reference}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not-found"


@pytest.mark.parametrize("reference", ["", "%20", "a%00b", "x" * 501])
def test_what_no_film_can_be_called_is_a_422(client: TestClient, reference: str) -> None:
    assert client.get(f"/movies/{reference}").status_code == 422


@pytest.mark.parametrize("reference", ["%ED%A0%80", "%FF"])
def test_bytes_that_are_no_text_are_a_404(client: TestClient, reference: str) -> None:
    assert client.get(f"/movies/{reference}").status_code == 404


@pytest.mark.parametrize("path", ["/movies", "/movies/1", "/"])
def test_an_answer_that_still_holds_is_a_304(
    client: TestClient, database: Database, path: str
) -> None:
    store(database.unit_of_work, ALIEN)
    answer = client.get(path)
    etag = answer.headers["etag"]
    assert etag.startswith('"')
    assert "public" in answer.headers["cache-control"]
    for value in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        again = client.get(path, headers={"If-None-Match": value})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == etag
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_etag_of_a_list_changes_with_its_films(client: TestClient, database: Database) -> None:
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
