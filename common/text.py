"""How text is compared: by a key that ignores case and accents, the same on every database."""

# ruff: noqa: RUF001 - Characters that look alike are the subject of this module.

import functools
import re
import unicodedata

KEY_MAX_CHARACTERS = 512
"""Keys are cut here, so that every database can index them; see `match_key`."""

_KEYS_KEPT = 20_000
"""The same names come again and again while films are stored; so many take 5 MB."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_IGNORED = dict.fromkeys(
    [
        *range(0x0300, 0x0370),  # Accents of Latin, Greek and Cyrillic.
        *range(0x200B, 0x2010),  # Zero-width characters and direction marks.
        *range(0x202A, 0x202F),  # Direction embeddings.
        *range(0x2060, 0x2070),  # Word joiner and direction isolates.
        *range(0xFE00, 0xFE10),  # Variation selectors, as behind emoji.
        0xFEFF,  # Byte order mark.
    ]
)
"""Marks of other scripts, as the dakuten of Japanese or the vowels of Hindi, tell words apart."""

# Not formatted: a table to compare by eye, a line for each kind.
_LOOKALIKES = str.maketrans(
    {
        "ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ŧ": "t",
        "æ": "ae", "œ": "oe", "þ": "th",
        "‘": "'", "’": "'", "ʼ": "'", "“": '"', "”": '"', "‐": "-", "‑": "-", "–": "-", "—": "-",
    }
)  # fmt: skip
"""What decomposition leaves alone and people type differently. Applied after case folding."""


@functools.lru_cache(_KEYS_KEPT)
def match_key(text: str) -> str:
    """Return the key under which `text` is found and sorted: "  AMÉLIE " gives "amelie".

    Two texts match when their keys are equal. Case, accents, the kind of quotation mark and
    dash, and the amount of white space don't matter. Texts that share their first 512
    characters match. The key of a text of accents alone is that text.

    Source: Unicode Standard Annex 15 (normalisation forms), section 3.13 (default case folding).
    """
    bare = text.lower() if text.isascii() else _without_marks(text)
    return (" ".join(bare.split()) or text.strip())[:KEY_MAX_CHARACTERS]


def _without_marks(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text).casefold()
    bare = unicodedata.normalize("NFKD", folded).translate(_IGNORED).translate(_LOOKALIKES)
    return unicodedata.normalize("NFKC", bare)


def is_storable(text: str) -> bool:
    """Tell whether every database can hold `text`: it has no NUL and no lone surrogate."""
    return _UNSTORABLE.search(text) is None


def to_storable(text: str) -> str:
    """Return `text` without what no database holds; see `is_storable`."""
    return _UNSTORABLE.sub("", text)
