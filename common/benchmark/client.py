"""Load generator in Python, for machines without wrk: `python -m common.benchmark.client`.

It is slower than wrk, and cannot distinguish servers that are faster than itself.
"""

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, cast
from urllib.parse import urlsplit

import httptools
import typer
import uvloop

PERCENTILES = (1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9)

_FIRST_ERROR = 400

app = typer.Typer(add_completion=False)


class _Connection(asyncio.Protocol):
    """Connection that sends requests one after another, and records the latency of each."""

    def __init__(self, requests: Iterator[bytes], latencies: list[float]) -> None:
        self._requests = requests
        self._latencies = latencies
        self.errors = 0
        self.is_over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self.errors += not self.is_over

    def on_message_complete(self) -> None:
        self._latencies.append(time.perf_counter() - self._started)
        self.errors += self._parser.get_status_code() >= _FIRST_ERROR
        self._send()

    def stop(self) -> None:
        """Close the connection; a request in flight does not count."""
        self.is_over = True
        self._transport.close()

    def _send(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._started = time.perf_counter()
        self._transport.write(next(self._requests))


@app.command()
def load(
    url: str,
    paths: Path,
    connections: Annotated[int, typer.Option(min=1)],
    seconds: Annotated[float, typer.Option()],
    header: Annotated[list[str] | None, typer.Option()] = None,
) -> None:
    """Request the paths of a file in turn, and print the measured load as JSON."""
    lines = "".join(f"{line}\r\n" for line in [f"Host: {urlsplit(url).netloc}", *(header or [])])
    requests = [
        f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode() for path in paths.read_text().split()
    ]
    print(json.dumps(uvloop.run(_load(url, requests, connections, seconds))))


async def _load(
    url: str, requests: list[bytes], connections: int, seconds: float
) -> dict[str, object]:
    host, _, port = urlsplit(url).netloc.rpartition(":")
    cycle, latencies = itertools.cycle(requests), list[float]()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    opened = [
        await loop.create_connection(lambda: _Connection(cycle, latencies), host, int(port))
        for _ in range(connections)
    ]
    await asyncio.sleep(seconds)
    for _transport, connection in opened:
        connection.stop()
    return {
        "requests": len(latencies),
        "seconds": time.perf_counter() - started,
        "errors": sum(connection.errors for _transport, connection in opened),
        "latency_us": _percentiles(latencies),
    }


def _percentiles(latencies: list[float]) -> dict[str, float]:
    # `quantiles` needs at least two values.
    values = latencies if len(latencies) > 1 else [*latencies, *latencies] or [0, 0]
    points = statistics.quantiles(values, n=1000, method="inclusive")
    return {f"{percentile:g}": points[int(percentile * 10) - 1] * 1e6 for percentile in PERCENTILES}


if __name__ == "__main__":
    app()
