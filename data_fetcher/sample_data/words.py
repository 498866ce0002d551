"""Vocabulary of synthetic movies, read from words.json."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WORDS_JSON = Path(__file__).with_name("words.json")
_INITIALS = "ABCDEFGHIJKLMNOPRSTW"


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
    odd_names: Sequence[str]
    odd_titles: Sequence[str]
    imdb_types: Sequence[str]
    """Repeated as often as in a thousand titles of IMDb in 2025."""
    imdb_genres: Sequence[str]
    regions: Sequence[str]
    professions: Sequence[str]
    cast_categories: Sequence[str]
    crew_categories: Sequence[str]
    jobs: Sequence[str]

    def name_of(self, person: int) -> str:
        """Return the name of the person with this number, different for each number from 0."""
        rest, first = divmod(person, len(self.first_names))
        rest, last = divmod(rest, len(self.last_names))
        names = [self.first_names[first], self.last_names[last]]
        while rest:
            rest, initial = divmod(rest - 1, len(_INITIALS))
            names.insert(1, f"{_INITIALS[initial]}.")
        return " ".join(names)


def load_words() -> Words:
    """Return the vocabulary that is part of the package."""
    document = json.loads(_WORDS_JSON.read_text(encoding="utf-8"))
    return Words(**{name: _repeated(choices) for name, choices in document.items()})


def _repeated(choices: Sequence[Any] | Mapping[str, int]) -> Sequence[Any]:
    """Repeat each text of a mapping by its share, so that it is chosen with that frequency."""
    if not isinstance(choices, Mapping):
        return choices
    return [text for text, share in choices.items() for _ in range(share)]
