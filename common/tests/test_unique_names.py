import orjson
import pytest

from common.unique_names import RepeatedName, require_unique_names


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": 1, "a": 1}',
        b'{"a": {"b": 1, "b": 2}}',
        b'[{"a": 1}, {"b": ":", "b": 1}]',
        b'{"a" : 1, "\\u0061":2}',
        b'{"a": 1, "b": "\\u003A", "a": 2}',
    ],
)
def test_finds_a_repeated_name(text: bytes) -> None:
    with pytest.raises(RepeatedName):
        require_unique_names(text, [orjson.loads(text)])


@pytest.mark.parametrize(
    "text", [b'{"a": "x: y", "b": {"a": "\\u003a"}}', b'[{"a":1}, {"a":1}]', b'":"', b"{}"]
)
def test_accepts_unique_names(text: bytes) -> None:
    require_unique_names(text, [orjson.loads(text)])
