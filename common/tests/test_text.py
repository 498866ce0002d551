import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.text import KEY_MAX_CHARACTERS, is_storable, match_key, to_storable


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Amélie", "AMELIE"),
        ("  Seven   Samurai ", "seven samurai"),
        ("Łódź", "lodz"),
        ("Straße", "STRASSE"),
        ("İstanbul", "istanbul"),
        ("Æon Flux", "aeon flux"),
        ("Schindler’s List", "Schindler's List"),
        ("Face–Off", "face-off"),
        ("ＡＬＩＥＮ", "alien"),
        ("\u200fשלום", "שלום"),
        ("❤️", "❤"),
        ("e\u0301tude", "étude"),
    ],
)
def test_matches_what_people_take_for_the_same(one: str, other: str) -> None:
    assert match_key(one) == match_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("ガ", "カ"), ("Alien", "Aliens"), ("8½", "8"), ("100%", "100"), ("a_b", "a b")],
)
def test_keeps_apart_what_is_different(one: str, other: str) -> None:
    assert match_key(one) != match_key(other)


def test_key_of_accents_alone_is_not_empty() -> None:
    assert match_key("\u0301") == "\u0301"


def test_keys_are_bounded() -> None:
    assert len(match_key("ﷺ" * 500)) == KEY_MAX_CHARACTERS


@given(st.text())
def test_key_of_a_key_is_itself(text: str) -> None:
    key = match_key(text)
    if len(key) < KEY_MAX_CHARACTERS:
        assert match_key(key) == key


@pytest.mark.parametrize(
    ("text", "expected"), [("Alien 🎬", True), ("a\x00b", False), ("\ud800", False)]
)
def test_tells_what_a_database_can_hold(text: str, expected: bool) -> None:
    assert is_storable(text) is expected


def test_takes_out_what_a_database_cannot_hold() -> None:
    assert to_storable("a\x00b\ud800 🎬") == "ab 🎬"


@given(st.text(st.characters(max_codepoint=127), min_size=1).filter(str.strip))
def test_plain_text_has_the_key_that_any_text_would_have(text: str) -> None:
    mark_that_is_ignored = "\ufeff"
    assert match_key(text) == match_key(mark_that_is_ignored + text)
