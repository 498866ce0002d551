import re

import pytest
from pydantic import BaseModel, Field, ValidationError

from common.invalid_values import _EXAMPLES, describe_invalid, describe_unknown
from common.settings import Settings


class _Values(BaseModel):
    year: int = Field(default=0, ge=1888)
    title: str = Field(default="", min_length=1, max_length=3)
    code: str = Field(default="", min_length=2, pattern="^x+$")
    imdb_id: str = Field(default="", pattern=r"^tt[0-9]{7,16}$")
    movie: Settings | None = None
    movies: list[int] = Field(default=[1], min_length=1)
    own: float = 0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"year": "old"}, "it must be a whole number, such as 1979"),
        ({"year": 3}, "it must be at least 1888"),
        ({"title": ""}, "it is empty"),
        ({"title": "long"}, "it must have at most 3 characters"),
        ({"code": "x"}, "it must have at least 2 characters"),
        ({"code": "yy"}, "string should match pattern '^x+$'"),
        ({"imdb_id": "78748"}, "write, for example, tt0078748"),
        ({"movie": 3}, 'it must be a JSON object, such as {"title": "Alien"}'),
        ({"movies": []}, "it is empty"),
        ({"own": "x"}, "input should be a valid number"),
    ],
)
def test_an_invalid_value_is_described_with_an_example(
    values: dict[str, object], words: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        _Values.model_validate(values)
    assert words in describe_invalid(raised.value.errors()[0])


@pytest.mark.parametrize(("pattern", "example"), _EXAMPLES.items())
def test_the_examples_match_their_patterns(pattern: str, example: str) -> None:
    assert re.fullmatch(pattern, example.split(", ", maxsplit=1)[0])


def test_no_setting_is_described_by_a_regular_expression() -> None:
    patterns = re.findall(r"pattern='(.+?)'\)", str(Settings.model_fields))
    assert len(patterns) >= 5
    assert {each.encode().decode("unicode_escape") for each in patterns} <= _EXAMPLES.keys()


def test_an_error_without_a_context_keeps_its_message() -> None:
    detail = {"type": "literal_error", "msg": "Input should be 'movie' or 'series'"}
    assert describe_invalid(detail) == "input should be 'movie' or 'series'"


FIELDS = ("title", "year", "genre", "cast", "sort", "limit", "page")


@pytest.mark.parametrize(
    ("name", "meant"),
    [("q", "title"), ("name", "title"), ("search", "title"), ("Yeer", "year"), ("offset", "page")],
)
def test_an_unknown_name_suggests_what_was_meant(name: str, meant: str) -> None:
    words = describe_unknown(name, FIELDS)
    assert words.startswith(f"{name} is unknown; did you mean {meant}? Accepted are: title, year")


def test_no_name_is_suggested_that_means_something_else() -> None:
    for name in ("poster", "user", "title\r\nx"):
        assert describe_unknown(name, FIELDS).startswith("its name is unknown. Accepted are: ")
    assert describe_unknown("<b>", ()) == "its name is unknown"
