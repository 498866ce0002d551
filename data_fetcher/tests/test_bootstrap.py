import asyncio

import pytest

from common.errors import NotFound
from common.settings import Settings
from data_fetcher.bootstrap import open_omdb
from data_fetcher.emulator.server import Emulator, Switches
from data_fetcher.fetcher_config import load_fetcher_config
from data_fetcher.omdb.wish import TitleWish, Wish
from data_fetcher.tests.conftest import with_emulator
from data_layer.entities.movie import MovieFacts

pytestmark = pytest.mark.integration


async def fetch(settings: Settings, wish: Wish) -> MovieFacts:
    """Ask the OMDb that the settings mean."""
    async with open_omdb(settings, load_fetcher_config()) as omdb:
        return await omdb.fetch(wish)


def test_without_a_key_the_bundled_emulator_is_asked() -> None:
    assert asyncio.run(fetch(Settings(), TitleWish("Alien"))).imdb_id == "tt0078748"


def test_the_bundled_emulator_says_where_more_films_are() -> None:
    with pytest.raises(NotFound, match="set OMDB_API_KEY"):
        asyncio.run(fetch(Settings(), TitleWish("Nothing")))


def test_with_a_key_omdb_itself_is_asked() -> None:
    async def scenario(url: str, emulator: Emulator) -> int:
        settings = Settings(OMDB_URL=url, OMDB_API_KEY="right")
        with pytest.raises(NotFound, match="OMDb has no such movie"):
            await fetch(settings, TitleWish("Nothing"))
        return emulator.requests

    assert with_emulator(Switches(key="right"), scenario) == 1
