"""How much memory the service takes, when it has little to keep and when it has all it may."""

from dataclasses import dataclass

import psutil
import requests

from common.benchmark.servers import Server

PAGES_MAX = 5_000
"""After so many pages a cache that has thrown nothing out has room for the whole catalogue."""

_PAGE_FILMS = 100


@dataclass(frozen=True, slots=True)
class Memory:
    """Of a process of the service, in bytes."""

    films: int
    resident_bytes: int
    cache_bytes: int
    is_cache_full: bool
    """Whether the cache had to throw answers out."""


def measure_memory(server: Server, films: int, *, fills_cache: bool) -> Memory:
    """Ask the service for a page, or for so many that its cache is full, and return its size."""
    with requests.Session() as session:
        for place in range(min(films, PAGES_MAX) if fills_cache else 1):
            start = films - place * max(1, films // PAGES_MAX)
            url = f"{server.url}/movies?sort=-id&start={start}&limit={_PAGE_FILMS}"
            session.get(url, timeout=60).raise_for_status()
            if _metric(session, server, "movies_cache_evictions_total"):
                break
        return Memory(
            films,
            psutil.Process(server.pid).memory_info().rss,
            int(_metric(session, server, "movies_cache_bytes")),
            _metric(session, server, "movies_cache_evictions_total") > 0,
        )


def _metric(session: requests.Session, server: Server, name: str) -> float:
    lines = session.get(f"{server.url}/metrics", timeout=60).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))
