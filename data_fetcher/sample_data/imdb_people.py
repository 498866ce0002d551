"""Synthetic people: lines of IMDb's name.basics."""

import random

from data_fetcher.imdb.data_sets import NULL
from data_fetcher.sample_data.imdb_ids import IdSequence
from data_fetcher.sample_data.words import load_words

_STARS, _STAR_ROLES = 0.02, 0.4
"""Shares of stars among the people (2 %) and of their roles among all roles (40 %)."""
_ODD_SHARE = 0.03
_KNOWN_BIRTH, _KNOWN_DEATH = 0.05, 0.02


class PeopleGenerator:
    """Generator of people and of role assignments; deterministic for the same arguments."""

    def __init__(self, seed: int, people: IdSequence, titles: IdSequence) -> None:
        generator = random.Random(f"people {seed}")  # noqa: S311 - No secret.
        self._random, self._pick = generator.random, generator.choice
        self._people, self._titles = people, titles
        self._words = load_words()

    def line(self, nconst: str, index: int) -> str:
        """Return the line of the person with this id and index."""
        chance = self._random
        birth, death = NULL, NULL
        if chance() < _KNOWN_BIRTH:
            birth = str(1880 + int(130 * chance()))
        if chance() < _KNOWN_DEATH:
            death = str(1960 + int(65 * chance()))
        profession = self._pick(self._words.professions)
        known_for = ",".join(self._title() for _ in range(int(5 * chance()))) or NULL
        name = self._name(index)
        return f"{nconst}\t{name}\t{birth}\t{death}\t{profession}\t{known_for}\n"

    def random_person_id(self) -> str:
        """Return the id of a random person for a role; stars are more frequent."""
        share = _STARS if self._random() < _STAR_ROLES else 1
        return self._people.of(int(self._people.amount * share * self._random()))

    def _name(self, index: int) -> str:
        if self._random() < _ODD_SHARE:
            return self._pick(self._words.odd_names)
        return self._words.name_of(index)

    def _title(self) -> str:
        return self._titles.of(int(self._titles.amount * self._random()))
