"""Schemas of fetch jobs."""

import datetime as dt
from typing import Annotated, Self

from pydantic import BaseModel, Discriminator, FailFast, Field, Tag
from pydantic.config import JsonDict

from common.errors import restore_error
from data_fetcher.fetch_queue.deduplication_key import lookup_fields
from data_fetcher.omdb.lookups import ImdbIdLookup, MovieLookup, TitleLookup
from data_layer.entities.fetch import Fetch, FetchQuery, FetchState
from data_layer.entities.movie_fields import is_imdb_id
from movies_service.api.schemas.base import (
    OBJECT_TAG,
    TEXT_TAG,
    NextUrl,
    PageParameters,
    RequestBody,
    examples,
)
from movies_service.api.schemas.movies import MovieLookupIn, Text
from movies_service.api.schemas.problem import ProblemOut
from movies_service.http_semantics.problem_details import problem_document, status_for
from movies_service.use_cases.request_fetches import RequestedFetches

LOOKUPS_MAX = 1_000

_FETCH: JsonDict = {
    "id": 7,
    "state": "queued",
    "requested": {"imdb_id": None, "title": "Alien", "year": None},
    "attempts": 0,
    "created_at": "2026-11-21T12:00:00Z",
    "not_before": "2026-11-21T12:00:00Z",
    "started_at": None,
    "finished_at": None,
    "movie_url": None,
    "error": None,
    "self_url": "/fetches/7",
}


def _tag(movie: object) -> str | None:
    """Return the tag of the kind of a movie, so that only this kind reports errors."""
    if isinstance(movie, str):
        return TEXT_TAG
    return OBJECT_TAG if isinstance(movie, dict | MovieLookupIn) else None


_Movie = Annotated[
    Annotated[Text, Tag(TEXT_TAG)] | Annotated[MovieLookupIn, Tag(OBJECT_TAG)],
    Discriminator(
        _tag,
        custom_error_type="movie_type",
        custom_error_message="it must be a title, an IMDb id, or an object with title or imdb_id",
    ),
]


class FetchesIn(RequestBody):
    """Movies to fetch."""

    model_config = examples(
        {"movies": ["Alien", "tt0088846", {"title": "The Thing", "year": 1982}]}
    )

    movies: Annotated[list[_Movie], FailFast(), Field(min_length=1, max_length=LOOKUPS_MAX)] = (
        Field(description="Each a title, an IMDb id, or an object as in `POST /movies`.")
    )

    def to_lookups(self) -> list[MovieLookup]:
        """Return the lookups of the data fetcher, in the order of the movies."""
        return [_to_lookup(movie) for movie in self.movies]


class FetchParameters(PageParameters):
    """Filter and page of the fetches."""

    state: FetchState | None = Field(default=None, description="Only fetches in this state.")

    def to_query(self) -> FetchQuery:
        """Return the query of the data layer."""
        return FetchQuery(**self.model_dump())


class LookupOut(BaseModel):
    """Requested movie: an IMDb id, or a title with an optional year; the others are `null`."""

    imdb_id: str | None
    title: str | None
    year: int | None


class FetchOut(BaseModel):
    """Fetch job of one movie. Times are in UTC."""

    model_config = examples(_FETCH)

    id: int
    state: FetchState = Field(
        description=(
            "`queued` and `fetching`: in progress; `fetched`: the movie is in the catalogue;"
            " `not_found`: OMDb has no such movie; `failed`: the attempts ended with an error;"
            " `cancelled`."
        )
    )
    requested: LookupOut
    attempts: int = Field(description="Number of started attempts.")
    created_at: dt.datetime
    not_before: dt.datetime = Field(description="Earliest time of the next attempt.")
    started_at: dt.datetime | None = Field(description="Start of the last attempt.")
    finished_at: dt.datetime | None = Field(description="`null` while the fetch is in progress.")
    movie_url: str | None = Field(description="URL of the movie once it is fetched, else `null`.")
    error: ProblemOut | None = Field(
        description="Error of the last attempt, as `POST /movies` returns it; `null` if none."
    )
    self_url: str

    @classmethod
    def of(cls, fetch: Fetch) -> Self:
        """Return the representation of a fetch."""
        return cls(
            id=fetch.known_id,
            state=fetch.state,
            requested=LookupOut(imdb_id=fetch.imdb_id, title=fetch.title, year=fetch.year),
            attempts=fetch.attempts,
            created_at=fetch.created_at,
            not_before=fetch.due_at,
            started_at=fetch.started_at,
            finished_at=fetch.finished_at,
            movie_url=None if fetch.movie_id is None else f"/movies/{fetch.movie_id}",
            error=_to_problem(fetch),
            self_url=f"/fetches/{fetch.id}",
        )


class FetchesOut(BaseModel):
    """Page of fetches, newest first."""

    model_config = examples({"fetches": [_FETCH], "next_url": None})

    fetches: list[FetchOut]
    next_url: NextUrl


class NotAcceptedOut(BaseModel):
    """Requested movie beyond the rate limit of adding movies."""

    requested: LookupOut
    retry_after_seconds: int = Field(description="Seconds until the movie may be requested again.")


class RequestedFetchesOut(BaseModel):
    """One fetch per accepted movie, in the order of the request; duplicates share a fetch."""

    model_config = examples(
        {
            "fetches": [_FETCH],
            "not_accepted": [
                {
                    "requested": {"imdb_id": None, "title": "Brazil", "year": None},
                    "retry_after_seconds": 42,
                }
            ],
        }
    )

    fetches: list[FetchOut]
    not_accepted: list[NotAcceptedOut] = Field(
        description="Movies beyond the rate limit, in the order of the request; usually empty."
    )

    @classmethod
    def of(cls, requested: RequestedFetches) -> Self:
        """Return the representation of requested fetches."""
        not_accepted = [
            NotAcceptedOut(
                requested=_lookup_out(lookup), retry_after_seconds=requested.retry_after_seconds
            )
            for lookup in requested.not_accepted
        ]
        fetches = [FetchOut.of(fetch) for fetch in requested.fetches]
        return cls(fetches=fetches, not_accepted=not_accepted)


def _lookup_out(lookup: MovieLookup) -> LookupOut:
    imdb_id, title, year = lookup_fields(lookup)
    return LookupOut(imdb_id=imdb_id, title=title, year=year)


def _to_lookup(movie: str | MovieLookupIn) -> MovieLookup:
    if isinstance(movie, MovieLookupIn):
        return movie.to_lookup()
    return ImdbIdLookup(movie) if is_imdb_id(movie) else TitleLookup(movie)


def _to_problem(fetch: Fetch) -> ProblemOut | None:
    if fetch.error_code is None:
        return None
    error = restore_error(fetch.error_code, fetch.error_message or "")
    document = problem_document(status_for(error), error.code, error.message, fetch.request_id)
    return ProblemOut.model_validate(document)
