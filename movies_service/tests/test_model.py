"""The service against a model: whatever is done in whatever order, both know the same films."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

from common.text import match_key
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.scope import Scope
from movies_service.accounts.api_keys import ApiKeys
from movies_service.app import EdgeOptions
from movies_service.response_cache.options import CacheOptions
from movies_service.tests.conftest import SmallOmdb, new_client

pytestmark = pytest.mark.integration

TITLES = ["Alien", "Amélie", "Se7en", "Heat", "M", "\u00c9t\u00e9 \U0001f3ac", "100%_'"]
FILMS = [
    MovieFacts(title=title, imdb_id=f"tt{number:07}", year=1950 + number, genres=("Drama",))
    for number, title in enumerate(TITLES)
]


def has_genre(document: dict[str, Any], genre: str) -> bool:
    """Whether the film is of this genre."""
    return match_key(genre) in map(match_key, document["genres"])


class Catalogue(RuleBasedStateMachine):
    """Adds, changes, removes, gets and lists films, with the cache on."""

    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        database = Database(f"sqlite:///{folder / 'movies.db'}")
        self.stack.callback(database.close)
        database.migrate()
        options = EdgeOptions(cache=CacheOptions(revision=database.revision), logs_requests=False)
        self.client = self.stack.enter_context(
            new_client(database, SmallOmdb(films=list(FILMS)), options)
        )
        key = ApiKeys(database.unit_of_work).create("model", {Scope.ADMIN}).secret
        self.headers = {"X-API-Key": key}
        self.films: dict[int, dict[str, object]] = {}
        self.last_id = 0

    def teardown(self) -> None:
        """Close everything."""
        self.stack.close()

    @rule(target=ids, film=st.sampled_from(FILMS), by_title=st.booleans())
    def add(self, film: MovieFacts, *, by_title: bool) -> int:
        """A wish is a new film, or the one that is there."""
        wish = {"title": film.title} if by_title else {"imdb_id": film.imdb_id}
        answer = self.client.post("/movies", json=wish)
        document = answer.json()
        known = [
            each for each in self.films.values() if self._is_meant(each, film, by_title=by_title)
        ]
        if known:
            assert (answer.status_code, document) == (200, known[0])
        else:
            assert answer.status_code == 201
            self.last_id += 1
            assert document["id"] == self.last_id
            self.films[self.last_id] = document
        movie_id: int = document["id"]
        return movie_id

    @rule(
        movie_id=ids,
        year=st.integers(1900, 1999) | st.none(),
        genres=st.lists(st.sampled_from("AB")),
    )
    def change(self, movie_id: int, year: int | None, genres: list[str]) -> None:
        """A patch changes what it names."""
        patch = {"year": year, "genres": genres}
        answer = self.client.patch(f"/movies/{movie_id}", json=patch, headers=self.headers)
        assert answer.status_code == (200 if movie_id in self.films else 404)
        if movie_id in self.films:
            self.films[movie_id] |= patch
            assert answer.json() == self.films[movie_id]

    @rule(movie_id=consumes(ids))
    def remove(self, movie_id: int) -> None:
        """What is removed is gone."""
        answer = self.client.delete(f"/movies/{movie_id}", headers=self.headers)
        assert answer.status_code == (204 if self.films.pop(movie_id, None) else 404)

    @rule(movie_id=ids)
    def get(self, movie_id: int) -> None:
        """A film is what was last said of it."""
        answer = self.client.get(f"/movies/{movie_id}")
        if movie_id in self.films:
            assert answer.json() == self.films[movie_id]
        else:
            assert answer.status_code == 404

    @rule(genre=st.sampled_from(["drama", "A", "b"]))
    def filter(self, genre: str) -> None:
        """A filter finds what has it, and counts it."""
        page = self.client.get("/movies", params={"genre": genre, "limit": 100}).json()
        expected = [each for each in self._sorted() if has_genre(each, genre)]
        assert page["movies"] == expected
        assert page["total"] == len(expected)

    @invariant()
    def lists_every_film_in_order(self) -> None:
        """All pages together are all films."""
        url, movies = "/movies?limit=3", []
        while url:
            page = self.client.get(url).json()
            movies += page["movies"]
            url = page["next_url"]
        assert movies == self._sorted()

    def _is_meant(self, document: dict[str, object], film: MovieFacts, *, by_title: bool) -> bool:
        return document["title" if by_title else "imdb_id"] == (
            film.title if by_title else film.imdb_id
        )

    def _sorted(self) -> list[dict[str, object]]:
        return sorted(
            self.films.values(),
            key=lambda each: (match_key(str(each["title"])), each["year"] or 0, each["id"]),
        )


def test_the_service_and_a_model_agree() -> None:
    run_state_machine_as_test(
        Catalogue, settings=settings(max_examples=25, stateful_step_count=25, deadline=None)
    )
