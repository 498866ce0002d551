"""The query parameters of films, as they come from a URL and as they go into one."""

import typing
from typing import Annotated, Literal, Self
from urllib.parse import quote_plus

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from data_layer.entities.movie_query import (
    MovieFilter,
    MoviePage,
    MovieQuery,
    MovieSort,
    Position,
    SortField,
)
from movies_service.api.rendering.pagination import read_cursor, write_cursor
from movies_service.api.schemas.movies import Text, Year
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


_Digits = BeforeValidator(_require_digits)


class GetParameters(BaseModel):
    """How one film is chosen among several of its title."""

    model_config = ConfigDict(frozen=True)

    year: Annotated[Year | None, _Digits, Field(description="Picks among films of one title.")] = (
        None
    )


class ListParameters(BaseModel):
    """Which films are listed; each combination that exists here makes sense."""

    model_config = ConfigDict(frozen=True)

    title: Annotated[Text | None, Field(description="The whole title.")] = None
    year: Annotated[Year | None, _Digits, Field(description="Year of release.")] = None
    genre: Annotated[Text | None, Field(description="A genre, such as `Drama`.")] = None
    cast: Annotated[Text | None, Field(description="The whole name of an actor.")] = None
    sort: Annotated[
        Sort | None, Field(description="Order; `-` reverses. `title` unless `start` is given.")
    ] = None
    limit: Annotated[int, _Digits, Field(ge=1, le=LIMIT_MAX, description="Films on a page.")] = (
        LIMIT_DEFAULT
    )
    page: Annotated[
        Annotated[int, Field(ge=1, le=PAGE_MAX)] | None,
        _Digits,
        Field(description="Number of the page, from 1."),
    ] = None
    cursor: Annotated[
        Annotated[str, Field(max_length=4096)] | None,
        Field(description="Where to go on; taken from `next_url`."),
    ] = None
    start: Annotated[
        Annotated[int, Field(ge=0, le=ID_MAX)] | None,
        _Digits,
        Field(description="With `sort=-id`: the highest id to begin at."),
    ] = None

    @model_validator(mode="after")
    def _require_one_beginning(self) -> Self:
        if sum(value is not None for value in (self.page, self.cursor, self.start)) > 1:
            raise ValueError("give one of page, cursor and start")
        if self.start is not None and self.sort not in {None, "-id"}:
            raise ValueError("start goes with sort=-id")
        return self

    def to_query(self) -> MovieQuery:
        """Return the query of the data layer.

        Raises:
            InvalidInput: the cursor does not belong to this list.
        """
        return MovieQuery(
            filter=self._filter(),
            sort=self._movie_sort(),
            limit=self.limit,
            after=self._after(),
            skip=((self.page or 1) - 1) * self.limit,
            counts_total=self.cursor is None,
        )

    def next_url(self, page: MoviePage) -> str | None:
        """Return where the page behind `page` is, with every filter, or `None`."""
        if page.next_after is None:
            return None
        texts = {"title": self.title, "genre": self.genre, "cast": self.cast}
        given = [f"{name}={quote_plus(text)}" for name, text in texts.items() if text is not None]
        if self.year is not None:
            given.append(f"year={self.year}")
        given += f"sort={self._sort()}", f"limit={self.limit}"
        if self.page is not None:
            given.append(f"page={self.page + 1}")
        elif self.start is not None:
            given.append(f"start={typing.cast('int', page.next_after[-1]) - 1}")
        else:
            cursor = write_cursor(self._filter(), self._movie_sort(), page.next_after)
            given.append(f"cursor={cursor}")
        return f"/movies?{'&'.join(given)}"

    def _after(self) -> Position | None:
        if self.cursor is not None:
            return read_cursor(self.cursor, self._filter(), self._movie_sort())
        return None if self.start is None else (min(self.start, ID_MAX - 1) + 1,)

    def _filter(self) -> MovieFilter:
        return MovieFilter(title=self.title, year=self.year, genre=self.genre, cast=self.cast)

    def _sort(self) -> Sort:
        return self.sort or ("title" if self.start is None else "-id")

    def _movie_sort(self) -> MovieSort:
        sort = self._sort()
        return MovieSort(
            typing.cast("SortField", sort.removeprefix("-")), is_descending=sort.startswith("-")
        )
