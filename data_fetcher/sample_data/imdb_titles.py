"""Synthetic titles: lines of IMDb's title files except title.principals."""

import random

from data_fetcher.imdb.data_sets import AKAS, BASICS, CREW, EPISODES, NULL, RATINGS
from data_fetcher.sample_data.imdb_people import PeopleGenerator
from data_fetcher.sample_data.words import load_words

_NEWEST_YEAR, _YEARS = 2026, 110
_KNOWN_YEAR, _KNOWN_MINUTES, _KNOWN_NUMBERS = 0.88, 0.33, 0.8
_ENDED = 0.45
"""Share of series with an end year."""
_RATED, _RATED_EPISODES = 0.3, 0.09
_NO_GENRE, _SECOND_GENRE, _THIRD_GENRE = 0.05, 0.5, 0.25
_NO_DIRECTOR, _NO_WRITER = 0.43, 0.48
_ADULT, _ODD, _RENAMED, _NUMBERED = 0.03, 0.02, 0.02, 0.5
_SEASON_EPISODES = 12


class TitleGenerator:
    """Generator of titles; deterministic for the same arguments and order of calls."""

    def __init__(self, seed: int, people: PeopleGenerator) -> None:
        generator = random.Random(f"titles {seed}")  # noqa: S311 - No secret.
        self._random, self._pick = generator.random, generator.choice
        self._random_person_id = people.random_person_id
        self._words = load_words()
        self._series: str | None = None
        self._episodes = 0

    def lines(self, tconst: str) -> dict[str, str]:
        """Return the title's lines by file name; empty for a file without the title."""
        kind = self._pick(self._words.imdb_types)
        title = self._title(kind)
        crew = f"{tconst}\t{self._people(_NO_DIRECTOR)}\t{self._people(_NO_WRITER)}\n"
        return {
            BASICS.name: self._basics(tconst, kind, title),
            CREW.name: crew,
            AKAS.name: self._akas(tconst, title),
            RATINGS.name: self._rating(tconst, kind),
            EPISODES.name: self._episode(tconst, kind),
        }

    def _basics(self, tconst: str, kind: str, title: str) -> str:
        chance = self._random
        original = title if chance() > _RENAMED else f"{title} (original)"
        is_adult = chance() < _ADULT
        year, end_year, minutes = NULL, NULL, NULL
        if chance() < _KNOWN_YEAR:
            first = _NEWEST_YEAR - int(_YEARS * chance() ** 3)
            year = str(first)
            if kind in {"tvSeries", "tvMiniSeries"} and chance() < _ENDED:
                end_year = str(min(_NEWEST_YEAR, first + int(10 * chance())))
        if chance() < _KNOWN_MINUTES:
            minutes = str(1 + int(119 * chance()))
        genres = "Adult" if is_adult else self._genres()
        return (
            f"{tconst}\t{kind}\t{title}\t{original}\t{is_adult:d}\t{year}\t{end_year}"
            f"\t{minutes}\t{genres}\n"
        )

    def _genres(self) -> str:
        chance = self._random
        if chance() < _NO_GENRE:
            return NULL
        draws = 1 + (chance() < _SECOND_GENRE) + (chance() < _THIRD_GENRE)
        return ",".join(sorted({self._pick(self._words.imdb_genres) for _ in range(draws)}))

    def _rating(self, tconst: str, kind: str) -> str:
        chance = self._random
        if chance() > (_RATED_EPISODES if kind == "tvEpisode" else _RATED):
            return ""
        average, votes = 1 + 4.5 * (chance() + chance()), 5 + int(10 ** (6.4 * chance() ** 4))
        return f"{tconst}\t{average:.1f}\t{votes}\n"

    def _episode(self, tconst: str, kind: str) -> str:
        """Return the line that assigns an episode to the latest generated series."""
        if kind == "tvSeries":
            self._series, self._episodes = tconst, 0
        if kind != "tvEpisode" or self._series is None:
            return ""
        numbers = f"{NULL}\t{NULL}"
        if self._random() < _KNOWN_NUMBERS:
            season, episode = divmod(self._episodes, _SEASON_EPISODES)
            numbers = f"{season + 1}\t{episode + 1}"
        self._episodes += 1
        return f"{tconst}\t{self._series}\t{numbers}\n"

    def _title(self, kind: str) -> str:
        chance, words = self._random, self._words
        if kind == "tvEpisode" and chance() < _NUMBERED:
            return f"Episode #{1 + int(30 * chance() ** 3)}.{1 + int(300 * chance() ** 2)}"
        if chance() < _ODD:
            return self._pick(words.odd_titles)
        adjective = self._pick(words.adjectives)
        noun = self._pick(words.nouns)
        place = self._pick(words.places)
        return f"The {adjective} {noun} of {place}"

    def _people(self, unknown_share: float) -> str:
        chance = self._random
        if chance() < unknown_share:
            return NULL
        return ",".join(self._random_person_id() for _ in range(1 + int(3 * chance() ** 4)))

    def _akas(self, tconst: str, title: str) -> str:
        line = f"{tconst}\t1\t{title}\t{NULL}\t{NULL}\toriginal\t{NULL}\t1\n"
        for ordering in range(2, 2 + int(4 * self._random() ** 2)):
            region = self._pick(self._words.regions)
            line += f"{tconst}\t{ordering}\t{title}\t{region}\t{NULL}\timdbDisplay\t{NULL}\t0\n"
        return line
