"""What OMDb answers to which question.

Source: https://www.omdbapi.com, and what the real one was seen to answer.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from common.text import match_key
from data_fetcher.emulator.movies import EmulatedFilm

Answer = dict[str, Any]

PAGE_SIZE = 10

_IMDB_ID = re.compile(r"tt\d{7,16}")
_PAGE = re.compile(r"[1-9]\d?|100")
_SEARCH_MIN_CHARACTERS = 3


def failure(message: str) -> Answer:
    """Return OMDb's object of an error."""
    return {"Response": "False", "Error": message}


class FilmIndex:
    """The films, by what they are asked for by.

    Args:
        films: of films with one title, the one with the most reviews is what it means.
    """

    def __init__(self, films: Iterable[EmulatedFilm]) -> None:
        self._by_id: dict[str, EmulatedFilm] = {}
        self._by_title: dict[str, list[EmulatedFilm]] = defaultdict(list)
        for film in sorted(films, key=lambda film: -film.reviews):
            self._by_id[film.imdb_id] = film
            self._by_title[film.title_key].append(film)

    def __len__(self) -> int:
        return len(self._by_id)

    def answer(self, parameters: Mapping[str, str]) -> Answer:
        """Return the answer to a question.

        Args:
            parameters: their names in lower case, without those that are empty.
        """
        if "i" in parameters:
            return self._answer_id(parameters["i"])
        if "t" in parameters:
            return self._answer_title(parameters["t"], parameters)
        if "s" in parameters:
            return self._answer_search(parameters["s"], parameters)
        return failure("Incorrect IMDb ID.")

    def _answer_id(self, imdb_id: str) -> Answer:
        if not _IMDB_ID.fullmatch(imdb_id):
            return failure("Incorrect IMDb ID.")
        film = self._by_id.get(imdb_id)
        return film.to_answer() if film else failure("Error getting data.")

    def _answer_title(self, title: str, parameters: Mapping[str, str]) -> Answer:
        for film in _restricted(self._by_title.get(match_key(title), ()), parameters):
            return film.to_answer()
        kind = "Series" if parameters.get("type") == "series" else "Movie"
        return failure(f"{kind} not found!")

    def _answer_search(self, text: str, parameters: Mapping[str, str]) -> Answer:
        if len(text.strip()) < _SEARCH_MIN_CHARACTERS:
            return failure("Too many results.")
        wanted = match_key(text)
        matching = [film for film in self._by_id.values() if wanted in film.title_key]
        hits = _restricted(matching, parameters)
        number = parameters.get("page", "1")
        first = (int(number) - 1) * PAGE_SIZE if _PAGE.fullmatch(number) else 0
        if not (page := hits[first : first + PAGE_SIZE]):
            return failure("Movie not found!")
        return {
            "Search": [film.to_hit() for film in page],
            "totalResults": str(len(hits)),
            "Response": "True",
        }


def _restricted(films: Sequence[EmulatedFilm], parameters: Mapping[str, str]) -> list[EmulatedFilm]:
    return [
        film
        for film in films
        if parameters.get("y") in {None, str(film.year)}
        and parameters.get("type") in {None, film.type}
    ]
