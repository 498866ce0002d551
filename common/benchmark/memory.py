"""Measurement of the service's memory, with an empty and with a full cache."""

from dataclasses import dataclass

import psutil
import requests

from common.benchmark.servers import Server

PAGES_MAX = 5_000
"""Maximum number of requested pages; a cache without evictions by then is large enough for all."""

_PAGE_MOVIES = 100


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of a service process, in bytes."""

    movies: int
    resident_bytes: int
    cache_bytes: int
    is_cache_full: bool
    """Whether the cache has evicted responses."""


def measure_memory(server: Server, movies: int, *, fills_cache: bool) -> Memory:
    """Request a page, or as many as fill the cache, and return the memory of the service."""
    with requests.Session() as session:
        for place in range(min(movies, PAGES_MAX) if fills_cache else 1):
            start = movies + 1 - place * max(1, movies // PAGES_MAX)
            url = f"{server.url}/movies?sort=-id&start={start}&limit={_PAGE_MOVIES}"
            session.get(url, timeout=60).raise_for_status()
            if _metric(session, server, "movies_cache_evictions_total"):
                break
        return Memory(
            movies,
            psutil.Process(server.pid).memory_info().rss,
            int(_metric(session, server, "movies_cache_bytes")),
            _metric(session, server, "movies_cache_evictions_total") > 0,
        )


def _metric(session: requests.Session, server: Server, name: str) -> float:
    lines = session.get(f"{server.url}/metrics", timeout=60).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))
