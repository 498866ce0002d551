"""Query parameters of the movie endpoints: parsed from a URL, and rendered into `next_url`."""

import typing
from typing import Annotated, Literal, Self
from urllib.parse import quote_plus

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.errors import InvalidInput
from data_layer.entities.movie_fields import Year
from data_layer.entities.movie_query import (
    MovieFilter,
    MoviePage,
    MovieQuery,
    MovieSort,
    SortField,
    SortPosition,
)
from movies_service.api.rendering.pagination import read_cursor, write_cursor
from movies_service.api.schemas.base import Digits
from movies_service.api.schemas.movies import Text
from movies_service.use_cases.movie_reference import ID_MAX

LIMIT_DEFAULT, LIMIT_MAX = 10, 100

SKIP_MAX = 10_000
"""Number of movies before the last numbered page: a database reads all that it skips."""

Sort = Literal["title", "-title", "year", "-year", "id", "-id"]


class GetParameters(BaseModel):
    """Query parameters of `GET /movies/{reference}`."""

    model_config = ConfigDict(frozen=True)

    year: Annotated[
        Year | None,
        Digits,
        Field(description="Year of release; selects among movies with the same title."),
    ] = None


class ListParameters(BaseModel):
    """Query parameters of `GET /movies`; contradicting combinations are rejected."""

    model_config = ConfigDict(frozen=True)

    title: Annotated[
        Text | None, Field(description="Whole title, regardless of case and accents.")
    ] = None
    year: Annotated[Year | None, Digits, Field(description="Year of release.")] = None
    genre: Annotated[Text | None, Field(description="Genre, such as `Drama`.")] = None
    cast: Annotated[Text | None, Field(description="Whole name of a cast member.")] = None
    sort: Annotated[
        Sort | None,
        Field(description="Order; `-` means descending. Default: `title`, or `-id` with `start`."),
    ] = None
    limit: Annotated[
        Annotated[int, Field(ge=1, le=LIMIT_MAX)], Digits, Field(description="Movies per page.")
    ] = LIMIT_DEFAULT
    page: Annotated[
        Annotated[int, Field(ge=1, json_schema_extra={"maximum": SKIP_MAX + 1})] | None,
        Digits,
        Field(
            description=(
                f"Page number, from 1, of the pages that begin within the first {SKIP_MAX + 1:,}"
                " movies. Follow `next_url` for longer lists."
            )
        ),
    ] = None
    cursor: Annotated[
        Annotated[str, Field(max_length=4096)] | None,
        Field(description="Opaque position in the list, taken from `next_url`."),
    ] = None
    start: Annotated[
        Annotated[int, Field(ge=0, le=ID_MAX)] | None,
        Digits,
        Field(description="With `sort=-id`: return movies with ids below this one."),
    ] = None

    @model_validator(mode="after")
    def _require_one_start(self) -> Self:
        if sum(value is not None for value in (self.page, self.cursor, self.start)) > 1:
            raise ValueError("give at most one of page, cursor and start")
        if self.start is not None and self.sort not in {None, "-id"}:
            raise ValueError("start requires sort=-id")
        return self

    def to_query(self) -> MovieQuery:
        """Return the query of the data layer.

        Raises:
            InvalidInput: the page is too far from the first one, or the cursor is invalid, or
                belongs to other filters or another order.
        """
        skip = ((self.page or 1) - 1) * self.limit
        if skip > SKIP_MAX:
            raise InvalidInput(
                f"A numbered page has at most {SKIP_MAX:,} movies before it: follow next_url from"
                " page to page, which leads through the whole list.",
                field="query.page",
            )
        return MovieQuery(
            filter=self._filter(),
            sort=self._movie_sort(),
            limit=self.limit,
            after=self._after(),
            skip=skip,
            counts_total=self.cursor is None,
        )

    def next_url(self, page: MoviePage) -> str | None:
        """Return the URL of the page after `page`, with all filters; `None` on the last page.

        After the last numbered page the URL has a cursor or `start`.
        """
        if page.next_after is None:
            return None
        texts = {"title": self.title, "genre": self.genre, "cast": self.cast}
        parameters = [
            f"{name}={quote_plus(text)}" for name, text in texts.items() if text is not None
        ]
        if self.year is not None:
            parameters.append(f"year={self.year}")
        parameters += f"sort={self._sort()}", f"limit={self.limit}"
        if self.page is not None and self.page * self.limit <= SKIP_MAX:
            parameters.append(f"page={self.page + 1}")
        elif self._sort() == "-id" and self.cursor is None:
            parameters.append(f"start={page.next_after[-1]}")
        else:
            cursor = write_cursor(self._filter(), self._movie_sort(), page.next_after)
            parameters.append(f"cursor={cursor}")
        return f"/movies?{'&'.join(parameters)}"

    def _after(self) -> SortPosition | None:
        if self.cursor is not None:
            return read_cursor(self.cursor, self._filter(), self._movie_sort())
        return None if self.start is None else (self.start,)

    def _filter(self) -> MovieFilter:
        return MovieFilter(title=self.title, year=self.year, genre=self.genre, cast=self.cast)

    def _sort(self) -> Sort:
        return self.sort or ("title" if self.start is None else "-id")

    def _movie_sort(self) -> MovieSort:
        sort = self._sort()
        return MovieSort(
            typing.cast("SortField", sort.removeprefix("-")), is_descending=sort.startswith("-")
        )
