"""Synthetic credits of titles: lines of IMDb's title.principals."""

import random

from data_fetcher.imdb.data_sets import NULL
from data_fetcher.sample_data.imdb_people import PeopleGenerator
from data_fetcher.sample_data.words import load_words

_CAST_SHARE = 0.56
_NONE_SHARE, _LONG_SHARE, _LONG_FACTOR = 0.2, 0.02, 12
"""Shares of titles without people (20 %) and with twelve times the average number (2 %)."""
_USUAL_FACTOR = (1 - _LONG_SHARE * _LONG_FACTOR) / (1 - _NONE_SHARE - _LONG_SHARE)


class PrincipalGenerator:
    """Generator of credits; deterministic for the same arguments.

    Args:
        titles: Number of titles, each of which needs one call of `lines`.
        lines: Number of lines over all titles.
    """

    def __init__(self, seed: int, people: PeopleGenerator, titles: int, lines: int) -> None:
        generator = random.Random(f"principals {seed}")  # noqa: S311 - No secret.
        self._random, self._pick = generator.random, generator.choice
        self._words = load_words()
        self._random_person_id = people.random_person_id
        self._titles, self._lines = titles, lines

    def lines(self, tconst: str) -> str:
        """Return the lines of the next title, the cast before the crew."""
        count = self._count()
        cast = round(_CAST_SHARE * count)
        return "".join(
            [self._cast_line(tconst, number) for number in range(1, cast + 1)]
            + [self._crew_line(tconst, number) for number in range(cast + 1, count + 1)]
        )

    def _count(self) -> int:
        share, chance = self._random(), self._random()
        if share < _NONE_SHARE:
            factor = 0.0
        elif share < _NONE_SHARE + _LONG_SHARE:
            factor = _LONG_FACTOR
        else:
            factor = _USUAL_FACTOR * (0.5 + chance)
        drawn = int(self._lines / self._titles * factor + chance)
        count = self._lines if self._titles == 1 else min(drawn, self._lines)
        self._titles -= 1
        self._lines -= count
        return count

    def _cast_line(self, tconst: str, number: int) -> str:
        category = self._pick(self._words.cast_categories)
        character = '["Self"]' if category == "self" else f'["Role \\"{number}\\""]'
        return f"{tconst}\t{number}\t{self._random_person_id()}\t{category}\t{NULL}\t{character}\n"

    def _crew_line(self, tconst: str, number: int) -> str:
        category = self._pick(self._words.crew_categories)
        job = self._pick(self._words.jobs)
        return f"{tconst}\t{number}\t{self._random_person_id()}\t{category}\t{job}\t{NULL}\n"
