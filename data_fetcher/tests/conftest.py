"""Test fixtures: movies, a helper that runs scenarios against the emulator, and an S3 server."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import boto3
import pytest
from moto.server import ThreadedMotoServer

from data_fetcher.emulator.movies import EmulatedMovie
from data_fetcher.emulator.server import Emulator, EmulatorOptions

T = TypeVar("T")

ALIEN = EmulatedMovie(
    imdb_id="tt0078748",
    title="Alien",
    year=1979,
    rated="R",
    released="1979-05-25",
    runtime_minutes=117,
    genres=("Sci-Fi", "Horror"),
    directors=("Ridley Scott",),
    cast=("Sigourney Weaver", "Tom Skerritt"),
    tomatometer=93,
    metascore=89,
    box_office_usd=106_285_522,
    reviews=208,
)
PSYCHO = EmulatedMovie(imdb_id="tt0054215", title="Psycho", year=1960, reviews=118)
PSYCHO_1998 = EmulatedMovie(imdb_id="tt0155975", title="Psycho", year=1998, reviews=77)
SERIES = EmulatedMovie(
    imdb_id="tt0944947", title="Game of Thrones", year=2011, end_year=2019, type="series"
)
MOVIES = (ALIEN, PSYCHO_1998, PSYCHO, SERIES)


def with_emulator(options: EmulatorOptions, scenario: Callable[[str, Emulator], Awaitable[T]]) -> T:
    """Run a scenario against an emulator on a free port, and return its result."""

    async def run() -> T:
        emulator = Emulator(MOVIES, options)
        async with emulator.running() as url:
            return await scenario(url, emulator)

    return asyncio.run(run())


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """Yield the URL of an S3 server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_url: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """Return the name of an empty bucket, with the credentials in the environment."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    name = f"drop-{abs(hash(request.node.nodeid))}"
    boto3.client("s3").create_bucket(Bucket=name)
    return name
