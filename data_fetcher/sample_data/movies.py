"""Generator of synthetic movies with the value distributions of a real catalogue."""

import datetime as dt
import random
from collections.abc import Sequence
from typing import Any, TypeVar

from data_fetcher.sample_data.words import load_words
from data_layer.entities.movie import MovieFacts, Rating

OLDEST_YEAR, NEWEST_YEAR = 1920, 2025

MOVIES_PER_PERSON = 3
"""Movies per person, constant, however large the catalogue is."""

STARS, STAR_ROLES = 0.05, 0.2
"""Shares of stars among the people (5 %) and of their roles among all roles (20 %)."""

SHORT_TITLES = 0.03
"""Share of movies with a title from a small set, so that titles repeat."""

_T = TypeVar("_T")


class MovieGenerator:
    """Generator of movies; deterministic for the same arguments.

    Args:
        first_id: Catalogue id of the first movie. IMDb ids consist of `tt9` and the catalogue id
            with nine digits; no real movie has such an id.
        movies: Number of movies, which determines the number of people.
    """

    def __init__(self, seed: int, first_id: int, movies: int) -> None:
        generator = random.Random(f"{seed} {first_id}")  # noqa: S311 - No secret.
        self._random, self._pick = generator.random, generator.choice
        self._below = generator.randrange
        self._words = load_words()
        self._next_id = first_id
        self._first_person = first_id // MOVIES_PER_PERSON
        self._people = movies // MOVIES_PER_PERSON + 1

    def make(self) -> MovieFacts:
        """Return the next movie with people, genres and ratings."""
        return MovieFacts(**self._own_facts(), **self._shared_facts())

    def make_bare(self) -> MovieFacts:
        """Return the next movie without people, genres, ratings and metascore."""
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
        placeholders = {
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
        return self._pick(titles).format_map(placeholders), self._pick(words.plots).format_map(
            placeholders
        )

    def _person(self) -> str:
        share = STARS if self._random() < STAR_ROLES else 1
        person = self._first_person + int(self._people * share * self._random())
        return self._words.name_of(person)

    def _early(self, choices: Sequence[_T]) -> _T:
        """Return a random choice; earlier ones are more frequent."""
        return choices[int(len(choices) * self._random() ** 2)]
