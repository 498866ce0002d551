"""Text matching by a key that ignores case and accents, identical on every database."""

# ruff: noqa: RUF001 - Characters that look alike are the subject of this module.

import functools
import re
import unicodedata

KEY_MAX_CHARACTERS = 512
"""Maximum length of a key, so that every database can index it; see `match_key`."""

_KEYS_KEPT = 20_000
"""Number of cached keys, about 5 MB: names recur while movies are stored."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_IGNORED = dict.fromkeys(
    [
        *range(0x0300, 0x0370),  # Accents of Latin, Greek and Cyrillic.
        *range(0x200B, 0x2010),  # Zero-width characters and direction marks.
        *range(0x202A, 0x202F),  # Direction embeddings.
        *range(0x2060, 0x2070),  # Word joiner and direction isolates.
        *range(0xFE00, 0xFE10),  # Variation selectors, for example after emoji.
        0xFEFF,  # Byte order mark.
    ]
)
"""Characters removed from keys. Marks of other scripts, such as Japanese dakuten or Hindi vowels,
stay, since they distinguish words."""

# Not formatted: the table has one line for each kind, for comparison by eye.
_LOOKALIKES = str.maketrans(
    {
        "ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ŧ": "t",
        "æ": "ae", "œ": "oe", "þ": "th",
        "‘": "'", "’": "'", "ʼ": "'", "“": '"', "”": '"', "‐": "-", "‑": "-", "–": "-", "—": "-",
    }
)  # fmt: skip  # A table is easier to read in long lines.
"""Replacements for characters that Unicode does not decompose, applied after case folding."""


@functools.lru_cache(_KEYS_KEPT)
def match_key(text: str) -> str:
    """Return the key for searching and sorting `text`: "  AMÉLIE " gives "amelie".

    Two texts match when their keys are equal. The key ignores case, accents, the kind of
    quotation mark and dash, and the amount of white space. It is cut at 512 characters. The key
    of a text of accents alone is that text.

    Source: Unicode Standard Annex 15 (normalisation forms), section 3.13 (default case folding).
    """
    bare = text.lower() if text.isascii() else _without_marks(text)
    return (" ".join(bare.split()) or text.strip())[:KEY_MAX_CHARACTERS]


def _without_marks(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).casefold()
    bare = unicodedata.normalize("NFKD", folded).translate(_IGNORED).translate(_LOOKALIKES)
    return unicodedata.normalize("NFKC", bare)


def is_storable(text: str) -> bool:
    """Return whether every database can store `text`: no NUL, no lone surrogate."""
    return _UNSTORABLE.search(text) is None


def to_storable(text: str) -> str:
    """Return `text` without NUL and lone surrogates; see `is_storable`."""
    return _UNSTORABLE.sub("", text)
