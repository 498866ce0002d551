"""Where the parts that fetch films are put together."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import structlog

from common.errors import NotFound
from common.settings import Settings
from data_fetcher.emulator.films import load_films
from data_fetcher.emulator.server import Emulator
from data_fetcher.fetcher_config import FetcherConfig
from data_fetcher.omdb.client import ClientLimits, OmdbClient
from data_fetcher.omdb.wish import Wish
from data_fetcher.seeding import Seeding
from data_layer.database import Database
from data_layer.entities.movie import MovieFacts
from data_layer.entities.seed import Seed

EMULATOR_KEY = "bundled-emulator"
"""The bundled emulator takes any key."""

_log = structlog.get_logger(__name__)


class EmulatedOmdbClient(OmdbClient):
    """A client of the bundled emulator, which says where more films are."""

    async def fetch(self, wish: Wish) -> MovieFacts:
        """Return the film that is wished for; see `OmdbClient.fetch`."""
        try:
            return await super().fetch(wish)
        except NotFound:
            raise NotFound(
                "The bundled emulator of OMDb has no such movie: set OMDB_API_KEY to reach OMDb."
            ) from None


@asynccontextmanager
async def open_omdb(settings: Settings, config: FetcherConfig) -> AsyncIterator[OmdbClient]:
    """Give a client of OMDb; without a key, of an emulator that is started on loopback.

    Raises:
        InvalidSetting: the key's file can't be read.
    """
    async with AsyncExitStack() as stack:
        kind, url, key = OmdbClient, settings.omdb_url, settings.find_omdb_key()
        if key is None:
            emulator = Emulator(load_films())
            url, key = await stack.enter_async_context(emulator.running()), EMULATOR_KEY
            kind = EmulatedOmdbClient
            _log.info("OMDB_API_KEY is not set: films come from the bundled emulator", url=url)
        limits = ClientLimits(
            concurrency=config.concurrency,
            connect_seconds=config.timeouts.connect_seconds,
            attempt_seconds=config.timeouts.attempt_seconds,
            total_seconds=config.timeouts.total_seconds,
            attempts=config.attempts,
        )
        yield await stack.enter_async_context(kind(url, key, limits))


def build_seeding(database: Database, omdb: OmdbClient, config: FetcherConfig) -> Seeding:
    """Return the seeding of the films that the configuration lists."""
    return Seeding(
        unit_of_work=database.unit_of_work,
        fetch=omdb.fetch,
        plan=[Seed(movie.imdb_id, movie.title) for movie in config.movies],
        try_lock=partial(database.try_lock, "seeding"),
        concurrency=config.concurrency,
    )
