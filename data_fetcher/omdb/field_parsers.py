"""The notations of OMDb: each function understands one kind of string.

OMDb writes everything as text, and "N/A" where it knows nothing. What is there but can't be
understood counts as unknown: a catalogue without a number is better than one with a wrong one.
"""

import datetime as dt
import re

from common.text import is_storable, to_storable

NOT_AVAILABLE = "N/A"
TEXT_MAX_CHARACTERS = 20_000
NAME_MAX_CHARACTERS = 300
COUNT_MAX = 2**63 - 1
"""The largest number that every database can hold."""
URL_MAX_CHARACTERS = 2_000
"""A longer address is unknown: one that is cut leads elsewhere."""
YEAR_MIN, YEAR_MAX = 1800, 2200
MINUTES_MAX = 100_000
NAMES_MAX = 1_000
"""So many directors, writers or actors has a film at most."""

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
_METASCORE_MAX, _RATING_MAX = 100, 10


def read_text(value: str, max_characters: int = TEXT_MAX_CHARACTERS) -> str | None:
    """Return the text without white space around it, cut where it is endless; "N/A" is `None`."""
    text = to_storable(value).strip()
    return None if text in {"", NOT_AVAILABLE} else text[:max_characters]


def read_names(value: str) -> tuple[str, ...]:
    """Return the parts of "Ann, Bob (screenplay), Ann": each once, without remarks."""
    if (text := read_text(value)) is None:
        return ()
    names = (read_text(part, NAME_MAX_CHARACTERS) for part in _REMARK.sub("", text).split(","))
    return tuple(dict.fromkeys(name for name in names if name is not None))


def read_years(value: str) -> tuple[int | None, int | None]:
    """Return the first and the last year of "1999", "2011–2019" or "1999–".

    A last year before the first one is unknown.
    """  # noqa: RUF002 - OMDb's dash.
    match = _YEARS.fullmatch(value.strip())
    if not match or not YEAR_MIN <= (first := int(match[1])) <= YEAR_MAX:
        return None, None
    last = int(match[2] or 0)
    return first, last if first <= last <= YEAR_MAX else None


def read_minutes(value: str) -> int | None:
    """Return the minutes of "136 min", "1 h 30 min", "2 h" or "90"; none at all are unknown."""
    if not (match := _RUNTIME.fullmatch(value.strip())):
        return None
    hours, rest, minutes = match.groups(default="0")
    return int(hours) * 60 + int(rest) + int(minutes.replace(",", "")) or None


def read_count(value: str, maximum: int = COUNT_MAX) -> int | None:
    """Return the number of "2,370,839", if it is not above `maximum`."""
    text = value.strip()
    if not text.isascii() or not _COUNT.fullmatch(text):
        return None
    digits = text.replace(",", "")
    if len(digits) > len(str(maximum)):
        return None
    number = int(digits)
    return number if number <= maximum else None


def read_dollars(value: str) -> int | None:
    """Return the dollars of "$251,683,815"; other currencies are unknown."""
    text = value.strip()
    return read_count(text.removeprefix("$")) if text.startswith("$") else None


def read_metascore(value: str) -> int | None:
    """Return the number of "72", from 0 to 100."""
    return read_count(value, _METASCORE_MAX)


def read_imdb_rating(value: str) -> float | None:
    """Return the number of "7.6", from 0 to 10."""
    match = re.fullmatch(r"([0-9]|10)(\.[0-9])?", value.strip())
    rating = float(match.group()) if match else None
    return rating if rating is None or rating <= _RATING_MAX else None


def read_date(value: str) -> dt.date | None:
    """Return the day of "31 Mar 1999", whatever the locale."""
    match = _DATE.fullmatch(value.strip())
    if not match or match[2] not in _MONTHS or not YEAR_MIN <= int(match[3]) <= YEAR_MAX:
        return None
    try:
        return dt.date(int(match[3]), _MONTHS.index(match[2]) + 1, int(match[1]))
    except ValueError:
        return None


def read_url(value: str) -> str | None:
    """Return an address of the web; anything else, such as `javascript:`, is unknown."""
    text = value.strip()
    is_whole = len(text) <= URL_MAX_CHARACTERS and is_storable(text)
    return text if is_whole and _URL.fullmatch(text) else None
