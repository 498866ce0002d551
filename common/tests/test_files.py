import os
from pathlib import Path

import pytest

from common.files import new_file


@pytest.mark.usefixtures("_file_system")
def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "movies.ndjson"
    with new_file(path) as file:
        file.write(b"{}\n")
        assert not path.exists()
        (unfinished,) = tmp_path.iterdir()
        assert unfinished.name.startswith("movies.ndjson.")
    assert path.read_bytes() == b"{}\n"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_remains_of_a_file_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_file(tmp_path / "movies.ndjson") as file:
        file.write(b"{")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "movies.ndjson"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError), new_file(path):
        pytest.fail("The file was opened.")
    assert path.read_bytes() == b"old"


@pytest.fixture(params=[True, False], ids=["links", "no-links"])
def _file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(_source: Path, _target: Path) -> None:
        raise PermissionError

    if not request.param:
        monkeypatch.setattr(os, "link", link)


@pytest.mark.usefixtures("_file_system")
def test_a_file_that_was_created_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "movies.ndjson"
    with pytest.raises(FileExistsError), new_file(path):
        path.write_bytes(b"other")
    assert path.read_bytes() == b"other"
    assert list(tmp_path.iterdir()) == [path]
