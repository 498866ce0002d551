"""Films as they could be, every field filled in the proportions of a real catalogue."""

import datetime as dt
import random
from collections.abc import Sequence
from typing import Any, TypeVar

from data_fetcher.sample_data.words import load_words
from data_layer.entities.movie import MovieFacts, Rating

OLDEST_YEAR, NEWEST_YEAR = 1920, 2025

FILMS_PER_PERSON = 3
"""For so many films there is one more person: careers don't grow with the catalogue."""

STARS, STAR_ROLES = 0.05, 0.2
"""One person in twenty is a star, and the stars have one role in five."""

SHORT_TITLES = 0.03
"""The share of films whose title others have too."""

_INITIALS = "ABCDEFGHIJKLMNOPRSTW"

_T = TypeVar("_T")


class FilmMaker:
    """Makes films up; the same arguments give the same films.

    Args:
        seed: another one gives other films.
        first_id: of the catalogue, for the first film. The IMDb ids are made of these: `tt9`
            and nine digits, which no real film has.
        films: how many will be made; it decides how many people make them.
    """

    def __init__(self, seed: int, first_id: int, films: int) -> None:
        self._random = random.Random(f"{seed} {first_id}").random  # noqa: S311 - No secret.
        self._words = load_words()
        self._next_id = first_id
        self._first_person = first_id // FILMS_PER_PERSON
        self._people = films // FILMS_PER_PERSON + 1

    def make(self) -> MovieFacts:
        """Return the next film, with its people, genres and ratings."""
        return MovieFacts(**self._own_facts(), **self._shared_facts())

    def make_bare(self) -> MovieFacts:
        """Return the next film, without what films share."""
        return MovieFacts(**self._own_facts())

    def _own_facts(self) -> dict[str, Any]:
        number, self._next_id = self._next_id, self._next_id + 1
        year = NEWEST_YEAR - int((NEWEST_YEAR - OLDEST_YEAR) * self._random() ** 2)
        title, plot = self._texts()
        country, language = self._early(self._words.countries_and_languages)
        return {
            "title": title,
            "imdb_id": f"tt9{number:09}",
            "year": year,
            "rated": self._early(self._words.age_ratings),
            "released": dt.date(year, self._below(1, 13), self._below(1, 29)),
            "runtime_minutes": self._below(70, 181),
            "plot": plot,
            "languages": (language,),
            "countries": (country,),
            "imdb_rating": round(2 + 3.5 * (self._random() + self._random()), 1),
            "imdb_votes": int(10 ** (1 + 5 * self._random() ** 2)),
            "box_office_usd": int(10 ** (3 + 6 * self._random())),
            "production": self._pick(self._words.studios),
        }

    def _shared_facts(self) -> dict[str, Any]:
        director, *cast = (self._person() for _ in range(self._below(4, 13)))
        metascore = self._below(15, 96)
        return {
            "genres": tuple({self._early(self._words.genres): 1 for _ in range(self._below(1, 4))}),
            "directors": (director,),
            "writers": (director if self._random() < 1 / 3 else self._person(),),
            "cast": tuple(cast),
            "metascore": metascore,
            "ratings": (Rating("Metacritic", f"{metascore}/100"),),
        }

    def _texts(self) -> tuple[str, str]:
        words = self._words
        adjective, noun = self._pick(words.adjectives), self._pick(words.nouns)
        spoken = {
            "Adjective": adjective,
            "adjective": adjective.lower(),
            "Noun": noun,
            "noun": noun.lower(),
            "Other": self._pick(words.nouns),
            "place": self._pick(words.places),
            "first": self._pick(words.first_names),
            "last": self._pick(words.last_names),
        }
        titles = words.short_titles if self._random() < SHORT_TITLES else words.titles
        return self._pick(titles).format_map(spoken), self._pick(words.plots).format_map(spoken)

    def _person(self) -> str:
        share = STARS if self._random() < STAR_ROLES else 1
        person = self._first_person + int(self._people * share * self._random())
        rest, first = divmod(person, len(self._words.first_names))
        rest, last = divmod(rest, len(self._words.last_names))
        names = [self._words.first_names[first], self._words.last_names[last]]
        while rest:
            rest, initial = divmod(rest - 1, len(_INITIALS))
            names.insert(1, f"{_INITIALS[initial]}.")
        return " ".join(names)

    def _pick(self, choices: Sequence[_T]) -> _T:
        return choices[int(len(choices) * self._random())]

    def _early(self, choices: Sequence[_T]) -> _T:
        """Return one of the choices, those at the beginning more often."""
        return choices[int(len(choices) * self._random() ** 2)]

    def _below(self, lowest: int, end: int) -> int:
        return lowest + int((end - lowest) * self._random())
