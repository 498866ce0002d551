"""Vocabulary of synthetic movies, read from words.json."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_WORDS_JSON = Path(__file__).with_name("words.json")


@dataclass(frozen=True, slots=True)
class Words:
    """Lists of words and patterns. Skewed lists start with the most frequent entries."""

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
    """Patterns that each produce more than a million titles."""
    short_titles: Sequence[str]
    """Patterns that produce few titles, so that titles repeat."""
    plots: Sequence[str]
    """Patterns of plots."""


def load_words() -> Words:
    """Return the vocabulary that is part of the package."""
    return Words(**json.loads(_WORDS_JSON.read_text(encoding="utf-8")))
