"""Fixtures for benchmark results without a run, and for a server without a process."""

import itertools
import os
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from common.benchmark.datasets import GenerationTimes
from common.benchmark.measurement import Measurement, Spread
from common.benchmark.memory import Memory
from common.benchmark.results import (
    CACHED,
    DATASETTE,
    NGINX,
    NOT_MODIFIED,
    RAW_ASGI,
    TEXTBOOK,
    UNCACHED,
    Latency,
    Plan,
    Results,
)
from common.benchmark.seeding import SeedingTimes
from common.benchmark.servers import Server
from common.benchmark.workload import Read

MakeResults = Callable[..., Results]

SPEEDS = {UNCACHED: 5_000.0, TEXTBOOK: 100.0, DATASETTE: 500.0}
LIMITS = {CACHED: 9_000.0, RAW_ASGI: 10_000.0, NGINX: 50_000.0}


def measurement(
    target: str, movies: int, read: str, speed: float, connections: int = 32
) -> Measurement:
    return Measurement(
        target=target,
        movies=movies,
        read=read,
        connections=connections,
        requests_per_second=Spread(speed, speed * 0.95, speed * 1.05),
        latency_us={p: 1e6 / speed * (1 + float(p) / 100) for p in ("1", "25", "50", "75", "99")},
        cpu_us=1e6 / speed,
        errors=0,
        is_slow=False,
    )


@pytest.fixture
def make_results() -> MakeResults:
    """Return a factory of results; its argument `speeds` replaces those of some servers."""

    def make(
        speeds: dict[str, float] | None = None, sizes: tuple[int, ...] = (100, 200)
    ) -> Results:
        speed = {**SPEEDS, **LIMITS, **(speeds or {})}
        plan = Plan(sizes=sizes, rounds=2, tool="wrk")
        measurements = [
            measurement(target, movies, read, speed[target] / (1 + (movies == sizes[-1])))
            for target, movies, read in itertools.product(SPEEDS, sizes, Read)
        ]
        for target, read in itertools.product(LIMITS, (Read.FIRST_PAGE, Read.BY_ID, NOT_MODIFIED)):
            measurements.append(measurement(target, plan.reference_movies, read, speed[target]))
        measurements += [
            measurement(target, plan.reference_movies, Read.FIRST_PAGE, speed[target], 1)
            for target in (CACHED, RAW_ASGI)
        ]
        return Results(
            started_at="2026-11-21T00:00:00+00:00",
            machine={"processors": "2"},
            versions={"fastapi": "0"},
            plan=plan,
            missing=("nginx is not installed",),
            measurements=tuple(measurements),
            single_client=(Latency(CACHED, 0.6, 0.9),),
            memory=(
                Memory(sizes[0], 100 * 2**20, 2**10, is_cache_full=False),
                Memory(sizes[-1], 200 * 2**20, 64 * 2**20, is_cache_full=True),
            ),
            generations=(
                GenerationTimes(
                    1000, has_relations=False, generating_seconds=0.1, storing_seconds=0.01
                ),
                GenerationTimes(
                    sizes[-1], has_relations=True, generating_seconds=0.1, storing_seconds=1
                ),
            ),
            seeding=(SeedingTimes(25, 100, 0.25, (1.1, 1.2)),),
        )

    return make


class _Page(BaseHTTPRequestHandler):
    """The same page for every request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - The same.
        """Log nothing."""


@pytest.fixture
def stand_in() -> Iterator[Server]:
    """Yield a server in a thread of this process, which responds as any target."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Server(f"http://127.0.0.1:{server.server_port}", os.getpid())
        server.shutdown()
        thread.join()
