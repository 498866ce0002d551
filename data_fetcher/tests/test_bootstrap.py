import asyncio

import pytest

from common.errors import NotFound
from common.settings import Settings
from data_fetcher.bootstrap import Address, build_source, open_source
from data_fetcher.emulator.server import Emulator, Switches
from data_fetcher.omdb.lookups import TitleWish, Wish
from data_fetcher.seeding.config import load_fetcher_config
from data_fetcher.tests.conftest import with_emulator
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts

pytestmark = pytest.mark.integration


async def fetch(database: Database, settings: Settings, wish: Wish) -> MovieFacts:
    """Ask the OMDb that the settings mean."""
    async with open_source(settings, load_fetcher_config(), database) as (omdb, _care):
        return await omdb.fetch(wish)


def test_without_a_key_the_bundled_emulator_is_asked(database: Database) -> None:
    assert asyncio.run(fetch(database, Settings(), TitleWish("Alien"))).imdb_id == "tt0078748"


def test_the_bundled_emulator_says_where_more_films_are(database: Database) -> None:
    with pytest.raises(NotFound, match="set OMDB_API_KEY"):
        asyncio.run(fetch(database, Settings(), TitleWish("Nothing")))


def test_with_a_key_omdb_itself_is_asked(database: Database) -> None:
    async def scenario(url: str, emulator: Emulator) -> int:
        settings = Settings(OMDB_URL=url, OMDB_API_KEY="right")
        with pytest.raises(NotFound, match="OMDb has no such movie"):
            await fetch(database, settings, TitleWish("Nothing"))
        return emulator.requests

    assert with_emulator(Switches(key="right"), scenario) == 1


@pytest.mark.parametrize(
    ("pace", "concurrency"),
    [("off", 25), ("100/second", 25), ("2/second", 8), ("10/minute", 1), ("1/day", 1)],
)
def test_no_more_films_are_begun_than_the_pace_lets_through(
    database: Database, pace: str, concurrency: int
) -> None:
    settings, config = Settings(OMDB_PACE=pace), load_fetcher_config()

    async def scenario() -> int:
        async with open_source(settings, config, database) as (omdb, care):
            return build_source(settings, config, omdb, care).concurrency

    assert asyncio.run(scenario()) == concurrency


def test_the_key_is_shown_nowhere() -> None:
    assert "hunter2" not in repr(Address("http://127.0.0.1/", "hunter2"))
