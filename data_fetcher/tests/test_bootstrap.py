import asyncio

import pytest

from common.errors import NotFound
from common.settings import Settings
from data_fetcher.bootstrap import (
    OmdbEndpoint,
    build_movie_source,
    open_omdb_client,
    require_accepted_key,
)
from data_fetcher.emulator.server import Emulator, EmulatorOptions
from data_fetcher.omdb.lookups import MovieLookup, TitleLookup
from data_fetcher.seeding.config import load_fetcher_config
from data_fetcher.tests.conftest import with_emulator
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts

pytestmark = pytest.mark.integration


async def fetch(database: Database, settings: Settings, lookup: MovieLookup) -> MovieFacts:
    """Fetch a movie from the OMDb that the settings name."""
    async with open_omdb_client(settings, load_fetcher_config(), database) as (omdb, _admission):
        return await omdb.fetch(lookup)


def test_without_a_key_the_bundled_emulator_is_used(database: Database) -> None:
    assert asyncio.run(fetch(database, Settings(), TitleLookup("Alien"))).imdb_id == "tt0078748"


def test_errors_of_the_bundled_emulator_mention_omdb_api_key(database: Database) -> None:
    with pytest.raises(NotFound, match="set OMDB_API_KEY"):
        asyncio.run(fetch(database, Settings(), TitleLookup("Nothing")))


def test_with_a_key_omdb_itself_is_used(database: Database) -> None:
    async def scenario(url: str, emulator: Emulator) -> int:
        settings = Settings(OMDB_URL=url, OMDB_API_KEY="right")
        with pytest.raises(NotFound, match="OMDb has no such movie"):
            await fetch(database, settings, TitleLookup("Nothing"))
        return emulator.requests

    assert with_emulator(EmulatorOptions(key="right"), scenario) == 1


@pytest.mark.parametrize(
    ("rate", "concurrency"),
    [("off", 25), ("100/second", 25), ("2/second", 8), ("10/minute", 1), ("1/day", 1)],
)
def test_concurrency_is_limited_to_what_the_rate_permits(
    database: Database, rate: str, concurrency: int
) -> None:
    settings, config = Settings(OMDB_RATE_LIMIT=rate), load_fetcher_config()

    async def scenario() -> int:
        async with open_omdb_client(settings, config, database) as (omdb, admission):
            return build_movie_source(settings, config, omdb, admission).concurrency

    assert asyncio.run(scenario()) == concurrency


def test_the_key_is_not_in_the_representation_of_the_endpoint() -> None:
    assert "hunter2" not in repr(OmdbEndpoint("http://127.0.0.1/", "hunter2"))


def test_the_key_is_not_checked_for_a_catalogue_with_movies(database: Database) -> None:
    with database.unit_of_work() as uow:
        uow.movies.add(MovieFacts(title="Alien"))
        uow.commit()
    settings = Settings(OMDB_API_KEY="key", OMDB_URL="http://127.0.0.1:9")
    asyncio.run(require_accepted_key(settings, load_fetcher_config(), database))


def test_an_unreachable_omdb_does_not_prevent_a_start(database: Database) -> None:
    settings = Settings(OMDB_API_KEY="key", OMDB_URL="http://127.0.0.1:9")
    config = load_fetcher_config().model_copy(update={"attempts": 1})
    asyncio.run(require_accepted_key(settings, config, database))
