import json
from pathlib import Path
from typing import Any

import pytest

from common.errors import InvalidSetting
from data_fetcher.emulator.movies import load_movies
from data_fetcher.seeding.config import FETCHER_CONFIG, load_fetcher_config

VALID: dict[str, Any] = {
    "concurrency": 2,
    "timeouts": {"connect_seconds": 1, "attempt_seconds": 2, "total_seconds": 3},
    "attempts": 1,
    "movies": [{"imdb_id": "tt0078748", "title": "Alien"}],
}


def test_lists_a_hundred_movies_of_the_emulator() -> None:
    config = load_fetcher_config()
    assert len(config.movies) == 100
    assert config.concurrency == 25
    titles = {movie.imdb_id: movie.title for movie in load_movies()}
    assert [movie for movie in config.movies if titles.get(movie.imdb_id) != movie.title] == []


def test_contains_no_key() -> None:
    assert set(json.loads(FETCHER_CONFIG.read_bytes())) == set(VALID)


def test_the_deadline_ends_before_the_service_stops() -> None:
    assert load_fetcher_config().timeouts.total_seconds <= 7


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"timeouts": {"connect_seconds": 1, "attempt_seconds": 2}}, "timeouts.total_seconds"),
        ({"movies": []}, "movies"),
        ({"movies": [{"imdb_id": "78748", "title": "Alien"}]}, "movies.0.imdb_id"),
        ({"movies": VALID["movies"] * 2}, "listed twice"),
        ({"api_key": "hunter2"}, "api_key"),
    ],
)
def test_names_the_invalid_field(tmp_path: Path, change: dict[str, Any], place: str) -> None:
    path = tmp_path / "fetcher_config.json"
    path.write_text(json.dumps(VALID | change))
    with pytest.raises(InvalidSetting) as raised:
        load_fetcher_config(path)
    assert place in raised.value.message
    assert "hunter2" not in raised.value.message


def test_rejects_a_missing_or_broken_file(tmp_path: Path) -> None:
    path = tmp_path / "fetcher_config.json"
    with pytest.raises(InvalidSetting, match="can't be read"):
        load_fetcher_config(path)
    path.write_text("{")
    with pytest.raises(InvalidSetting, match="the file"):
        load_fetcher_config(path)
