"""What titles, names and plots of synthetic films are made of: a JSON file beside it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_WORDS_JSON = Path(__file__).with_name("words.json")


@dataclass(frozen=True, slots=True)
class Words:
    """Lists of words; of those that are skewed, the commonest come first."""

    adjectives: Sequence[str]
    nouns: Sequence[str]
    places: Sequence[str]
    first_names: Sequence[str]
    last_names: Sequence[str]
    genres: Sequence[str]
    """Skewed."""
    countries_and_languages: Sequence[tuple[str, str]]
    """Skewed."""
    age_ratings: Sequence[str | None]
    """Skewed."""
    studios: Sequence[str | None]
    titles: Sequence[str]
    """Patterns; each gives more than a million titles."""
    short_titles: Sequence[str]
    """Patterns of few titles, so that films of one title come about."""
    plots: Sequence[str]
    """Patterns."""


def load_words() -> Words:
    """Read the words that come with the program."""
    return Words(**json.loads(_WORDS_JSON.read_text(encoding="utf-8")))
