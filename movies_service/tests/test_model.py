"""Model-based test: after random operations, the service and a model contain the same movies."""

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
from movies_service.app import MiddlewareOptions
from movies_service.response_cache.options import CacheOptions
from movies_service.tests.conftest import SmallOmdb, new_client

pytestmark = pytest.mark.integration

TITLES = ["Alien", "Amélie", "Se7en", "Heat", "M", "\u00c9t\u00e9 \U0001f3ac", "100%_'"]
MOVIES = [
    MovieFacts(title=title, imdb_id=f"tt{number:07}", year=1950 + number, genres=("Drama",))
    for number, title in enumerate(TITLES)
]


def has_genre(document: dict[str, Any], genre: str) -> bool:
    """Return whether the movie has this genre."""
    return match_key(genre) in map(match_key, document["genres"])


class Catalogue(RuleBasedStateMachine):
    """State machine that adds, changes, removes, gets and lists movies, with the cache enabled."""

    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        database = Database(f"sqlite:///{folder / 'movies.db'}")
        self.stack.callback(database.close)
        database.migrate()
        options = MiddlewareOptions(
            cache=CacheOptions(revision=database.revision), logs_requests=False
        )
        self.client = self.stack.enter_context(
            new_client(database, SmallOmdb(movies=list(MOVIES)), options)
        )
        key = ApiKeys(database.unit_of_work).create("model", {Scope.ADMIN}).secret
        self.headers = {"X-API-Key": key}
        self.movies: dict[int, dict[str, object]] = {}
        self.last_id = 0

    def teardown(self) -> None:
        """Close the client and the database."""
        self.stack.close()

    @rule(target=ids, movie=st.sampled_from(MOVIES), by_title=st.booleans())
    def add(self, movie: MovieFacts, *, by_title: bool) -> int:
        """Add a movie; the response is a new movie, or the existing one."""
        lookup = {"title": movie.title} if by_title else {"imdb_id": movie.imdb_id}
        response = self.client.post("/movies", json=lookup)
        document = response.json()
        existing = [
            each for each in self.movies.values() if self._matches(each, movie, by_title=by_title)
        ]
        if existing:
            assert (response.status_code, document) == (200, existing[0])
        else:
            assert response.status_code == 201
            self.last_id += 1
            assert document["id"] == self.last_id
            self.movies[self.last_id] = document
        movie_id: int = document["id"]
        return movie_id

    @rule(
        movie_id=ids,
        year=st.integers(1900, 1999) | st.none(),
        genres=st.lists(st.sampled_from("AB")),
    )
    def change(self, movie_id: int, year: int | None, genres: list[str]) -> None:
        """Change a movie; the patch changes only its own fields."""
        patch = {"year": year, "genres": genres}
        response = self.client.patch(f"/movies/{movie_id}", json=patch, headers=self.headers)
        assert response.status_code == (200 if movie_id in self.movies else 404)
        if movie_id in self.movies:
            self.movies[movie_id] |= patch
            assert response.json() == self.movies[movie_id]

    @rule(movie_id=consumes(ids))
    def remove(self, movie_id: int) -> None:
        """Remove a movie."""
        response = self.client.delete(f"/movies/{movie_id}", headers=self.headers)
        assert response.status_code == (204 if self.movies.pop(movie_id, None) else 404)

    @rule(movie_id=ids)
    def get(self, movie_id: int) -> None:
        """Get a movie; it has its latest state."""
        response = self.client.get(f"/movies/{movie_id}")
        if movie_id in self.movies:
            assert response.json() == self.movies[movie_id]
        else:
            assert response.status_code == 404

    @rule(genre=st.sampled_from(["drama", "A", "b"]))
    def filter(self, genre: str) -> None:
        """List the movies of a genre; the page has all of them, and their number."""
        page = self.client.get("/movies", params={"genre": genre, "limit": 100}).json()
        expected = [each for each in self._sorted() if has_genre(each, genre)]
        assert page["movies"] == expected
        assert page["total"] == len(expected)

    @invariant()
    def lists_every_movie_in_order(self) -> None:
        """List all pages; together they have all movies in order."""
        url, movies = "/movies?limit=3", []
        while url:
            page = self.client.get(url).json()
            movies += page["movies"]
            url = page["next_url"]
        assert movies == self._sorted()

    def _matches(self, document: dict[str, object], movie: MovieFacts, *, by_title: bool) -> bool:
        return document["title" if by_title else "imdb_id"] == (
            movie.title if by_title else movie.imdb_id
        )

    def _sorted(self) -> list[dict[str, object]]:
        return sorted(
            self.movies.values(),
            key=lambda each: (match_key(str(each["title"])), each["year"] or 0, each["id"]),
        )


@pytest.mark.parametrize("examples", [10, pytest.param(100, marks=pytest.mark.soak)])
def test_service_and_model_agree(examples: int) -> None:
    run_state_machine_as_test(
        Catalogue, settings=settings(max_examples=examples, stateful_step_count=25, deadline=None)
    )
