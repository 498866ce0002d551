"""Parsers for the string formats in OMDb's fields.

OMDb sends every value as text, and "N/A" for an unknown one. A value that can't be parsed counts
as unknown too: a missing number in the catalogue is better than a wrong one.
"""

import datetime as dt
import re

from common.text import is_storable, to_storable
from data_layer.entities.movie_fields import (
    COUNT_MAX,
    METASCORE_MAX,
    NAME_MAX_CHARACTERS,
    RATING_MAX,
    TEXT_MAX_CHARACTERS,
    URL_MAX_CHARACTERS,
    YEAR_MAX,
    YEAR_MIN,
)

NOT_AVAILABLE = "N/A"

_YEARS = re.compile(r"([0-9]{4})(?:[–-]([0-9]{4})?)?")  # noqa: RUF001 - OMDb's dash is U+2013.
_RUNTIME = re.compile(
    r"(?P<hours>[0-9]{1,3}) h(?: (?P<rest>[0-5]?[0-9]) min)?"
    r"|(?P<minutes>[0-9]{1,2},[0-9]{3}|[0-9]{1,5})(?: min)?"
)
_COUNT = re.compile(r"\d{1,3}(?:,\d{3})*|\d+")
_DATE = re.compile(r"([0-9]{1,2}) ([A-Z][a-z]{2}) ([0-9]{4})")
_URL = re.compile(r"https?://[^\s\x00-\x1f\x7f\"<>/?#][^\s\x00-\x1f\x7f\"<>]*", re.IGNORECASE)
_REMARK = re.compile(r" ?\((?:[^()]|\([^()]*\))*\)")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def parse_text(value: str, max_characters: int = TEXT_MAX_CHARACTERS) -> str | None:
    """Return the text stripped and truncated to `max_characters`; None for "" and "N/A"."""
    text = to_storable(value).strip()
    return None if text in {"", NOT_AVAILABLE} else text[:max_characters]


def parse_names(value: str) -> tuple[str, ...]:
    """Return the distinct names of "Ann, Bob (screenplay), Ann", in order and without remarks."""
    if (text := parse_text(value)) is None:
        return ()
    names = (parse_text(part, NAME_MAX_CHARACTERS) for part in _REMARK.sub("", text).split(","))
    return tuple(dict.fromkeys(name for name in names if name is not None))


def parse_years(value: str) -> tuple[int | None, int | None]:
    """Return the first and the last year of "1999", "2011–2019" or "1999–".

    Years outside of `YEAR_MIN` to `YEAR_MAX`, and a last year before the first, are None.
    """  # noqa: RUF002 - OMDb's dash.
    match = _YEARS.fullmatch(value.strip())
    if not match or not YEAR_MIN <= (first := int(match[1])) <= YEAR_MAX:
        return None, None
    last = int(match[2] or 0)
    return first, last if first <= last <= YEAR_MAX else None


def parse_minutes(value: str) -> int | None:
    """Return the minutes of "136 min", "1 h 30 min", "2 h" or "90"; None for 0 or invalid text."""
    if not (match := _RUNTIME.fullmatch(value.strip())):
        return None
    hours, rest, minutes = match.groups(default="0")
    return int(hours) * 60 + int(rest) + int(minutes.replace(",", "")) or None


def parse_count(value: str, maximum: int = COUNT_MAX) -> int | None:
    """Return the number of "2,370,839"; None if it is invalid or above `maximum`."""
    text = value.strip()
    if not text.isascii() or not _COUNT.fullmatch(text):
        return None
    digits = text.replace(",", "")
    if len(digits) > len(str(maximum)):
        return None
    number = int(digits)
    return number if number <= maximum else None


def parse_dollars(value: str) -> int | None:
    """Return the US dollars of "$251,683,815"; None for other currencies."""
    text = value.strip()
    return parse_count(text.removeprefix("$")) if text.startswith("$") else None


def parse_metascore(value: str) -> int | None:
    """Return the number of "72"; None outside of 0 to 100."""
    return parse_count(value, METASCORE_MAX)


def parse_imdb_rating(value: str) -> float | None:
    """Return the number of "7.6"; None outside of 0 to 10."""
    match = re.fullmatch(r"([0-9]|10)(\.[0-9])?", value.strip())
    rating = float(match.group()) if match else None
    return rating if rating is None or rating <= RATING_MAX else None


def parse_date(value: str) -> dt.date | None:
    """Return the date of "31 Mar 1999", independent of the locale; None if it is invalid."""
    match = _DATE.fullmatch(value.strip())
    if not match or match[2] not in _MONTHS or not YEAR_MIN <= int(match[3]) <= YEAR_MAX:
        return None
    try:
        return dt.date(int(match[3]), _MONTHS.index(match[2]) + 1, int(match[1]))
    except ValueError:
        return None


def parse_url(value: str) -> str | None:
    """Return an http or https URL; None for anything else, such as `javascript:`."""
    text = value.strip()
    is_accepted = len(text) <= URL_MAX_CHARACTERS and is_storable(text)
    return text if is_accepted and _URL.fullmatch(text) else None
