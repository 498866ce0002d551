import pytest

from common.errors import InvalidInput, MalformedBody
from movies_service.http_semantics.strict_json import DEPTH_MAX, NAMES_MAX, parse_json


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", {}),
        (b' {"a": [1, -2.5, null, true, "\xc3\xa9"]} ', {"a": [1, -2.5, None, True, "é"]}),
        (b"[" * DEPTH_MAX + b"]" * DEPTH_MAX, None),
        (b'"[[["', "[[["),
        (b'["' + b"[" * 99 + b'\\\\"]', ["[" * 99 + "\\"]),
        (b"[" + b"[]," * 99 + b"[]]", [[]] * 100),
        (b"[[],[],[]]" * 1, [[], [], []]),
    ],
)
def test_parses_valid_json(body: bytes, expected: object) -> None:
    assert expected is None or parse_json(body) == expected
    parse_json(body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{}{}", "not JSON"),
        (b"\xff", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"9" * 5_000, "not JSON"),
        (b'{"a": 1, "a": 1}', "twice"),
        (b'[{"b": {"a": 1, "a": 2}}]', "twice"),
        (b"[NaN]", "NaN"),
        (b"-Infinity", "NaN"),
        (b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1), "levels"),
        (b'{"a":' * 60_000, "levels"),
        (b'["' + b"]" * 20_000 + b'",' + b"[" * 20_000, "levels"),
        (b'["\\"]]", ' + b"[" * DEPTH_MAX, "levels"),
        (b"[" + b"[]," * 99 + b'"' + b'\\"' * 20_000, "not JSON"),
    ],
)
def test_rejects_malformed_and_ambiguous_json(body: bytes, message: str) -> None:
    with pytest.raises(MalformedBody, match=message):
        parse_json(body)


def test_rejects_objects_of_many_names() -> None:
    names = ",".join(f'"{number}": 0' for number in range(NAMES_MAX))
    assert len(parse_json(f"{{{names}}}".encode())) == NAMES_MAX
    with pytest.raises(InvalidInput, match="at most 128 names"):
        parse_json(f'[{{"x": 0, {names}}}]'.encode())
