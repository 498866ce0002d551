"""Titles as IMDb has them, made up: lines of the files that begin with `title`."""

import random
from collections.abc import Mapping

from data_fetcher.imdb.data_sets import AKAS, BASICS, CREW, EPISODES, NULL, RATINGS
from data_fetcher.imdb.made_people import PeopleMaker
from data_fetcher.synthesis.words import load_words


def _in_shares(shares: Mapping[str, int]) -> tuple[str, ...]:
    """Return each text as often as its share says, so that one is drawn by an index."""
    return tuple(text for text, share in shares.items() for _ in range(share))


_TYPES = _in_shares(
    {
        "tvEpisode": 760,
        "short": 92,
        "movie": 64,
        "video": 27,
        "tvSeries": 25,
        "tvMovie": 13,
        "tvMiniSeries": 6,
        "tvSpecial": 6,
        "videoGame": 4,
        "tvShort": 2,
        "tvPilot": 1,
    }
)
"""As in thousand titles of IMDb in 2025."""
_GENRES = _in_shares(
    {
        "Drama": 20,
        "Comedy": 16,
        "Talk-Show": 9,
        "Short": 9,
        "Documentary": 7,
        "News": 6,
        "Romance": 6,
        "Family": 5,
        "Reality-TV": 4,
        "Animation": 4,
        "Action": 4,
        "Crime": 3,
        "Adventure": 3,
        "Music": 2,
        "Sport": 2,
        "Sci-Fi": 1,
        "Film-Noir": 1,
    }
)
_REGIONS = ("US", "DE", "JP", "FR", "IN", "ES", "BR", NULL)
_ODD_TITLES = (
    '"Rolling in the Deep Dish',
    'The "Real" Thing',
    "東京物語",
    "L'été d'après…",
    "Ærø – 10 % off\\",  # noqa: RUF001 - IMDb has such dashes.
    "Ёлки 🎄",
    "N/A",
    "'",
)
_NEWEST_YEAR, _YEARS = 2026, 110


class TitleMaker:
    """Makes titles up; the same arguments give the same titles, if they are made in order."""

    def __init__(self, seed: int, people: PeopleMaker) -> None:
        self._random = random.Random(f"titles {seed}").random  # noqa: S311 - No secret.
        self._someone = people.someone
        self._words = load_words()
        self._series: str | None = None
        self._episodes = 0

    def lines(self, tconst: str) -> dict[str, str]:
        """Return what each file says about the title, by the file's name; often nothing."""
        chance = self._random
        kind = _TYPES[int(1000 * chance())]
        title = self._title(kind)
        lines = {
            BASICS.name: self._basics(tconst, kind, title),
            CREW.name: f"{tconst}\t{self._people(0.43)}\t{self._people(0.48)}\n",
            AKAS.name: self._akas(tconst, title),
        }
        if chance() < (0.09 if kind == "tvEpisode" else 0.3):
            votes = 5 + int(10 ** (6.4 * chance() ** 4))
            average = 1 + 4.5 * (chance() + chance())
            lines[RATINGS.name] = f"{tconst}\t{average:.1f}\t{votes}\n"
        if kind == "tvSeries":
            self._series, self._episodes = tconst, 0
        elif kind == "tvEpisode" and self._series is not None:
            self._episodes += 1
            season, episode = divmod(self._episodes, 12)
            numbers = f"{season + 1}\t{episode + 1}" if chance() < 0.8 else f"{NULL}\t{NULL}"  # noqa: PLR2004 - A share.
            lines[EPISODES.name] = f"{tconst}\t{self._series}\t{numbers}\n"
        return lines

    def _basics(self, tconst: str, kind: str, title: str) -> str:
        chance = self._random
        original = title if chance() < 0.98 else f"{title} (orig.)"  # noqa: PLR2004 - A share.
        is_adult = chance() < 0.03  # noqa: PLR2004 - A share.
        year, end_year, minutes = NULL, NULL, NULL
        if chance() < 0.88:  # noqa: PLR2004 - A share.
            first = _NEWEST_YEAR - int(_YEARS * chance() ** 3)
            year = str(first)
            if kind in {"tvSeries", "tvMiniSeries"} and chance() < 0.45:  # noqa: PLR2004 - A share.
                end_year = str(min(_NEWEST_YEAR, first + int(10 * chance())))
        if chance() < 0.33:  # noqa: PLR2004 - A share.
            minutes = str(1 + int(119 * chance()))
        genres = self._genres(is_adult=is_adult)
        return (
            f"{tconst}\t{kind}\t{title}\t{original}\t{is_adult:d}\t{year}\t{end_year}"
            f"\t{minutes}\t{genres}\n"
        )

    def _genres(self, *, is_adult: bool) -> str:
        if is_adult:
            return "Adult"
        chance = self._random
        wanted = int(4 * chance() ** 1.5) if chance() < 0.95 else 0  # noqa: PLR2004 - A share.
        drawn = {_GENRES[int(len(_GENRES) * chance())] for _ in range(wanted or 1)}
        return ",".join(sorted(drawn)) if wanted or chance() < 0.9 else NULL  # noqa: PLR2004 - A share.

    def _title(self, kind: str) -> str:
        chance = self._random
        if kind == "tvEpisode" and chance() < 0.5:  # noqa: PLR2004 - A share.
            return f"Episode #{1 + int(30 * chance() ** 3)}.{1 + int(300 * chance() ** 2)}"
        if chance() < 0.02:  # noqa: PLR2004 - A share.
            return _ODD_TITLES[int(len(_ODD_TITLES) * chance())]
        words = self._words
        adjective = words.adjectives[int(len(words.adjectives) * chance())]
        noun = words.nouns[int(len(words.nouns) * chance())]
        place = words.places[int(len(words.places) * chance())]
        return f"The {adjective} {noun} of {place}"

    def _people(self, unknown_share: float) -> str:
        chance = self._random
        if chance() < unknown_share:
            return NULL
        return ",".join(self._someone() for _ in range(1 + int(3 * chance() ** 4)))

    def _akas(self, tconst: str, title: str) -> str:
        line = f"{tconst}\t1\t{title}\t{NULL}\t{NULL}\toriginal\t{NULL}\t1\n"
        for ordering in range(2, 2 + int(4 * self._random() ** 2)):
            region = _REGIONS[int(len(_REGIONS) * self._random())]
            line += f"{tconst}\t{ordering}\t{title}\t{region}\t{NULL}\timdbDisplay\t{NULL}\t0\n"
        return line
