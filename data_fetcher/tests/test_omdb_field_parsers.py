import datetime as dt
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_fetcher.omdb import field_parsers as fields


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Alien", "Alien"),
        ("  Alien \n", "Alien"),
        ("N/A", None),
        ("", None),
        ("  ", None),
        ("a\x00b\ud800c", "abc"),
        ("\x00", None),
        ("\x00 Alien", "Alien"),
        ("\x00 \x00", None),
        ("N/A\x00", None),
        ("x" * 30_000, "x" * 20_000),
    ],
)
def test_parses_texts(value: str, expected: str | None) -> None:
    assert fields.parse_text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("N/A", ()),
        ("Drama", ("Drama",)),
        ("Drama, Sci-Fi,Drama, ", ("Drama", "Sci-Fi")),
        ("Ann Lee (screenplay), Bob (story by), Ann Lee (novel)", ("Ann Lee", "Bob")),
        ("(remark)", ()),
        ("Ann (novel (1999)), Bob (story, screenplay)", ("Ann", "Bob")),
        ("x" * 400, ("x" * 300,)),
        ("N/A, Ann", ("Ann",)),
    ],
)
def test_parses_names(value: str, expected: tuple[str, ...]) -> None:
    assert fields.parse_names(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1999", (1999, None)),
        ("2011–2019", (2011, 2019)),
        ("2011-2019", (2011, 2019)),
        ("1999–", (1999, None)),
        ("N/A", (None, None)),
        ("99", (None, None)),
        ("19999", (None, None)),
        ("0000", (None, None)),
        ("2019–2011", (2019, None)),
        ("2019–9999", (2019, None)),
        ("١٩٩٩", (None, None)),
        ("", (None, None)),
    ],
)
def test_parses_years(value: str, expected: tuple[int | None, int | None]) -> None:
    assert fields.parse_years(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("136 min", 136),
        ("1 h 30 min", 90),
        ("2 h", 120),
        ("1,440 min", 1440),
        ("0 min", None),
        (", min", None),
        ("N/A", None),
        ("", None),
        ("90", 90),
        ("1,4,0 min", None),
        (",5 min", None),
        ("1,44 min", None),
        ("1 h 90 min", None),
        ("٣ min", None),
        ("long", None),
        ("99999999 min", None),
    ],
)
def test_parses_runtimes(value: str, expected: int | None) -> None:
    assert fields.parse_minutes(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2,370,839", 2_370_839),
        ("839", 839),
        ("2370839", 2_370_839),
        ("0", 0),
        (str(2**63 - 1), 2**63 - 1),
        (str(2**63), None),
        ("9" * 5_000, None),
        ("2,37", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("N/A", None),
    ],
)
def test_parses_counts(value: str, expected: int | None) -> None:
    assert fields.parse_count(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("$251,683,815", 251_683_815), ("£5", None), ("251", None), ("$", None), ("N/A", None)],
)
def test_parses_dollars(value: str, expected: int | None) -> None:
    assert fields.parse_dollars(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("72", 72), ("0", 0), ("100", 100), ("101", None), ("N/A", None)]
)
def test_parses_metascores(value: str, expected: int | None) -> None:
    assert fields.parse_metascore(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("7.6", 7.6), ("10.0", 10.0), ("8", 8.0), ("10.1", None), ("76", None), ("N/A", None)],
)
def test_parses_imdb_ratings(value: str, expected: float | None) -> None:
    assert fields.parse_imdb_rating(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("31 Mar 1999", dt.date(1999, 3, 31)),
        ("1 Jan 2020", dt.date(2020, 1, 1)),
        ("31 Feb 1999", None),
        ("31 Mar 0001", None),
        ("31 Mar 9999", None),
        ("31 Mär 1999", None),
        ("1 Abc 1999", None),
        ("N/A", None),
    ],
)
def test_parses_dates(value: str, expected: dt.date | None) -> None:
    assert fields.parse_date(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://example.com/p.jpg", "https://example.com/p.jpg"),
        ("HTTP://example.com", "HTTP://example.com"),
        ("javascript:alert(1)", None),
        ("example.com", None),
        ("https:///path", None),
        ("https://exam\x00ple.com", None),
        ("https://example.com/\x01", None),
        ('https://example.com/"onload=', None),
        ("https://example.com/" + "x" * 2_000, None),
        ("N/A", None),
    ],
)
def test_parses_urls(value: str, expected: str | None) -> None:
    assert fields.parse_url(value) == expected


PARSERS: list[Callable[[str], object]] = [
    fields.parse_text,
    fields.parse_names,
    fields.parse_years,
    fields.parse_minutes,
    fields.parse_count,
    fields.parse_dollars,
    fields.parse_metascore,
    fields.parse_imdb_rating,
    fields.parse_date,
    fields.parse_url,
]


@pytest.mark.parametrize("parse", PARSERS)
@given(st.text() | st.from_regex(r"[0-9,.$ hmin–]{0,20}"))
def test_no_text_raises_an_error(parse: Callable[[str], object], value: str) -> None:
    parse(value)
