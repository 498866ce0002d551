"""Wishes for films, and how far they are."""

import datetime as dt
import re
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from common.errors import error_of
from data_fetcher.omdb.lookups import ImdbWish, TitleWish, Wish
from data_layer.entities.fetch import Fetch, FetchQuery, FetchState
from movies_service.api.schemas.movies import MovieWishIn, Text
from movies_service.api.schemas.problem import ProblemOut
from movies_service.http_semantics.problem_details import problem_document, status_of

WISHES_MAX = 1_000
LIMIT_MAX = 100
_IMDB_ID = re.compile(r"tt[0-9]{7,16}")


class FetchesIn(BaseModel):
    """Films that are wished for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    wishes: Annotated[list[Text | MovieWishIn], Field(min_length=1, max_length=WISHES_MAX)] = Field(
        description="Titles, IMDb ids, or objects as `POST /movies` takes them.",
        examples=[["Alien", "tt0088846", {"title": "The Thing", "year": 1982}]],
    )

    def to_wishes(self) -> list[Wish]:
        """Return the wishes in the words of the data fetcher."""
        return [_to_wish(wish) for wish in self.wishes]


class FetchParameters(BaseModel):
    """Which fetches are wanted; each condition that is given has to hold."""

    model_config = ConfigDict(extra="forbid")

    state: FetchState | None = None
    before: Annotated[int, Field(ge=1, le=2**53)] | None = Field(
        default=None, description="Fetches older than the one with this id."
    )
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = 50

    def to_query(self) -> FetchQuery:
        """Return the query in the words of the data layer."""
        return FetchQuery(**self.model_dump())


class WishOut(BaseModel):
    """What is wished for: a film by its IMDb id, or by its title."""

    imdb_id: str | None
    title: str | None
    year: int | None


class FetchOut(BaseModel):
    """One wish, and how far it is. Times are in UTC."""

    id: int
    state: FetchState
    wish: WishOut
    attempts: int = Field(description="How often somebody has begun to fetch it.")
    created_at: dt.datetime
    due_at: dt.datetime = Field(description="When it may be begun.")
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    movie_url: str | None = Field(description="The film, once it is fetched.")
    problem: ProblemOut | None = Field(
        description="What `POST /movies` would have answered, where it came to nothing."
    )
    self_url: str

    @classmethod
    def of(cls, fetch: Fetch) -> Self:
        """Return what is shown of a fetch."""
        return cls(
            id=fetch.known_id,
            state=fetch.state,
            wish=WishOut(imdb_id=fetch.imdb_id, title=fetch.title, year=fetch.year),
            attempts=fetch.attempts,
            created_at=fetch.created_at,
            due_at=fetch.due_at,
            started_at=fetch.started_at,
            finished_at=fetch.finished_at,
            movie_url=None if fetch.film_id is None else f"/movies/{fetch.film_id}",
            problem=_problem_of(fetch),
            self_url=f"/fetches/{fetch.id}",
        )


class FetchesOut(BaseModel):
    """Fetches, newest first."""

    fetches: list[FetchOut]
    next_url: str | None = Field(description="Older fetches; `null` where there are none.")


class WishedOut(BaseModel):
    """The fetches of some wishes, in their order; two wishes for one film share one."""

    fetches: list[FetchOut]


def _to_wish(wish: str | MovieWishIn) -> Wish:
    if isinstance(wish, MovieWishIn):
        return wish.to_wish()
    return ImdbWish(wish) if _IMDB_ID.fullmatch(wish) else TitleWish(wish)


def _problem_of(fetch: Fetch) -> ProblemOut | None:
    if fetch.error_code is None:
        return None
    error = error_of(fetch.error_code, fetch.error_message or "")
    document = problem_document(status_of(error), error.code, error.message, fetch.request_id)
    return ProblemOut.model_validate(document)
