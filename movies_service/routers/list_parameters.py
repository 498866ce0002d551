"""The query parameters of a list of films, as they come from a URL and as they go into one."""

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Literal, cast
from urllib.parse import urlencode

from fastapi import Depends, Query
from pydantic import BeforeValidator

from common.errors import InvalidInput
from data_layer.entities.movie_query import (
    MovieFilter,
    MoviePage,
    MovieQuery,
    MovieSort,
    SortField,
)
from movies_service.cursor import read_cursor, write_cursor
from movies_service.schemas.movies import Text, Year
from movies_service.use_cases.movie_reference import ID_MAX

LIMIT_DEFAULT, LIMIT_MAX, PAGE_MAX = 10, 100, 1_000_000

Sort = Literal["title", "-title", "year", "-year", "id", "-id"]


def _require_digits(value: object) -> object:
    """Refuse what Python would take for a number: `1_0`, ` 1`, `+1`, `1.0`.

    Raises:
        ValueError: it has other characters than the digits 0 to 9.
    """
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("write a whole number in digits")
    return value


Digits = BeforeValidator(_require_digits)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListParameters:
    """What was asked for; each combination that exists here makes sense."""

    filter: MovieFilter
    sort: Sort
    limit: int
    page: int | None
    cursor: str | None
    start: int | None

    def to_query(self) -> MovieQuery:
        """Return the query of the data layer.

        Raises:
            InvalidInput: the cursor does not belong to this list.
        """
        sort = self._movie_sort()
        query = MovieQuery(
            filter=self.filter, sort=sort, limit=self.limit, counts_total=self.cursor is None
        )
        if self.cursor is not None:
            after = read_cursor(self.cursor, self.filter, sort)
            return dataclasses.replace(query, after=after)
        if self.start is not None:
            return dataclasses.replace(query, after=(min(self.start, ID_MAX - 1) + 1,))
        return dataclasses.replace(query, skip=((self.page or 1) - 1) * self.limit)

    def next_url(self, page: MoviePage) -> str | None:
        """Return where the page behind `page` is, with every filter, or `None`."""
        if page.next_after is None:
            return None
        kept = {**dataclasses.asdict(self.filter), "sort": self.sort, "limit": self.limit}
        if self.page is not None:
            kept["page"] = self.page + 1
        elif self.start is not None:
            kept["start"] = cast("int", page.next_after[-1]) - 1
        else:
            kept["cursor"] = write_cursor(self.filter, self._movie_sort(), page.next_after)
        given = {name: value for name, value in kept.items() if value is not None}
        return f"/movies?{urlencode(given)}"

    def _movie_sort(self) -> MovieSort:
        return MovieSort(
            cast("SortField", self.sort.removeprefix("-")),
            is_descending=self.sort.startswith("-"),
        )


async def read_list_parameters(  # noqa: PLR0913 - One argument for each documented parameter.
    *,
    title: Annotated[Text | None, Query(description="The whole title.")] = None,
    year: Annotated[Year | None, Digits, Query(description="Year of release.")] = None,
    genre: Annotated[Text | None, Query(description="A genre, such as `Drama`.")] = None,
    cast: Annotated[Text | None, Query(description="The whole name of an actor.")] = None,
    sort: Annotated[
        Sort | None, Query(description="Order; `-` reverses. `title` unless `start` is given.")
    ] = None,
    limit: Annotated[
        int, Digits, Query(ge=1, le=LIMIT_MAX, description="Films on a page.")
    ] = LIMIT_DEFAULT,
    page: Annotated[
        int | None, Digits, Query(ge=1, le=PAGE_MAX, description="Number of the page, from 1.")
    ] = None,
    cursor: Annotated[
        str | None, Query(max_length=4096, description="Where to go on; taken from `next_url`.")
    ] = None,
    start: Annotated[
        int | None,
        Digits,
        Query(ge=0, le=ID_MAX, description="With `sort=-id`: the highest id to begin at."),
    ] = None,
) -> ListParameters:
    """Return the parameters, if they go together.

    Raises:
        InvalidInput: two of `page`, `cursor` and `start` are given, or `start` with another
            order than `-id`.
    """
    if sum(value is not None for value in (page, cursor, start)) > 1:
        raise InvalidInput("Give one of page, cursor and start.", field="query")
    if start is not None and sort not in {None, "-id"}:
        raise InvalidInput("start goes with sort=-id.", field="query.start")
    return ListParameters(
        filter=MovieFilter(title=title, year=year, genre=genre, cast=cast),
        sort=sort or ("title" if start is None else "-id"),
        limit=limit,
        page=page,
        cursor=cursor,
        start=start,
    )


ListParametersDependency = Annotated[ListParameters, Depends(read_list_parameters)]
