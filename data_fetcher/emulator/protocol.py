"""OMDb's protocol: the response to each set of query parameters.

Source: https://www.omdbapi.com, and observed responses of OMDb.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from common.text import match_key
from data_fetcher.emulator.movies import EmulatedMovie
from data_layer.entities.movie_fields import is_imdb_id

Document = dict[str, Any]

PAGE_SIZE = 10

_PAGE = re.compile(r"[1-9]\d?|100")
_SEARCH_MIN_CHARACTERS = 3


def failure(message: str) -> Document:
    """Return OMDb's JSON object of an error."""
    return {"Response": "False", "Error": message}


class MovieIndex:
    """Index of movies by IMDb id and title; of one title, the movie with most reviews."""

    def __init__(self, movies: Iterable[EmulatedMovie]) -> None:
        self._by_id: dict[str, EmulatedMovie] = {}
        self._by_title: dict[str, list[EmulatedMovie]] = defaultdict(list)
        for movie in sorted(movies, key=lambda movie: -movie.reviews):
            self._by_id[movie.imdb_id] = movie
            self._by_title[movie.title_key].append(movie)

    def __len__(self) -> int:
        return len(self._by_id)

    def respond(self, parameters: Mapping[str, str]) -> Document:
        """Return the JSON object of the response: a movie, search results or an error.

        Names of parameters are in lower case; empty ones are absent.
        """
        if "i" in parameters:
            return self._find_by_id(parameters["i"])
        if "t" in parameters:
            return self._find_by_title(parameters["t"], parameters)
        if "s" in parameters:
            return self._search(parameters["s"], parameters)
        return failure("Incorrect IMDb ID.")

    def _find_by_id(self, imdb_id: str) -> Document:
        if not is_imdb_id(imdb_id):
            return failure("Incorrect IMDb ID.")
        movie = self._by_id.get(imdb_id)
        return movie.to_response() if movie else failure("Error getting data.")

    def _find_by_title(self, title: str, parameters: Mapping[str, str]) -> Document:
        for movie in _filtered(self._by_title.get(match_key(title), ()), parameters):
            return movie.to_response()
        kind = "Series" if parameters.get("type") == "series" else "Movie"
        return failure(f"{kind} not found!")

    def _search(self, text: str, parameters: Mapping[str, str]) -> Document:
        if len(text.strip()) < _SEARCH_MIN_CHARACTERS:
            return failure("Too many results.")
        key = match_key(text)
        matching = [movie for movie in self._by_id.values() if key in movie.title_key]
        results = _filtered(matching, parameters)
        number = parameters.get("page", "1")
        first = (int(number) - 1) * PAGE_SIZE if _PAGE.fullmatch(number) else 0
        if not (page := results[first : first + PAGE_SIZE]):
            return failure("Movie not found!")
        return {
            "Search": [movie.to_search_result() for movie in page],
            "totalResults": str(len(results)),
            "Response": "True",
        }


def _filtered(
    movies: Sequence[EmulatedMovie], parameters: Mapping[str, str]
) -> list[EmulatedMovie]:
    return [
        movie
        for movie in movies
        if parameters.get("y") in {None, str(movie.year)}
        and parameters.get("type") in {None, movie.type}
    ]
