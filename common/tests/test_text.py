import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.text import KEY_MAX_CHARACTERS, is_storable, match_key, to_storable


@pytest.mark.parametrize(
    ("first", "second"),
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
def test_ignores_case_accents_spaces_and_punctuation_variants(first: str, second: str) -> None:
    assert match_key(first) == match_key(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [("ガ", "カ"), ("Alien", "Aliens"), ("8½", "8"), ("100%", "100"), ("a_b", "a b")],
)
def test_distinguishes_different_texts(first: str, second: str) -> None:
    assert match_key(first) != match_key(second)


def test_key_of_accents_alone_is_not_empty() -> None:
    assert match_key("\u0301") == "\u0301"


def test_limits_the_length_of_keys() -> None:
    assert len(match_key("ﷺ" * 500)) == KEY_MAX_CHARACTERS


@given(st.text())
def test_key_of_a_key_is_itself(text: str) -> None:
    key = match_key(text)
    if len(key) < KEY_MAX_CHARACTERS:
        assert match_key(key) == key


@pytest.mark.parametrize(
    ("text", "expected"), [("Alien 🎬", True), ("a\x00b", False), ("\ud800", False)]
)
def test_detects_unstorable_text(text: str, expected: bool) -> None:
    assert is_storable(text) is expected


def test_removes_unstorable_characters() -> None:
    assert to_storable("a\x00b\ud800 🎬") == "ab 🎬"


@given(st.text(st.characters(max_codepoint=127), min_size=1).filter(str.strip))
def test_ascii_text_has_the_same_key_with_an_ignored_character(text: str) -> None:
    byte_order_mark = "\ufeff"
    assert match_key(text) == match_key(byte_order_mark + text)
