"""Soak test: more connections than file descriptors, beside reads: `make soak-connections`.

Usage: python -m movies_service.tests.connection_soak [--seconds N]
"""

import argparse
import asyncio
import resource
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from common.cli.progress import ProgressBar
from movies_service.tests.service_process import running

REQUEST = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
GROWTH_MAX = 1.2
"""Largest growth of the resident memory; allocators need a little time to become flat."""


@dataclass(frozen=True, kw_only=True)
class ConnectionPlan:
    """Parameters of a soak test."""

    descriptors: int = 300
    """File descriptors that the service may open; the test holds as many connections."""
    requests_per_second: int = 200
    seconds: float = 60


@dataclass
class ConnectionResult:
    """What happened to the reads and to the service's resident memory."""

    reads: int = 0
    errors: int = 0
    bytes_before: int = 0
    bytes_after: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether all reads succeeded and the memory stayed flat."""
        return not self.errors and self.bytes_after <= GROWTH_MAX * self.bytes_before


def soak(folder: Path, plan: ConnectionPlan) -> ConnectionResult:
    """Hold connections to a new service in the folder, read movies meanwhile, and return errors."""
    settings = {"MOVIES_RATE_LIMIT_REQUESTS": "off", "MOVIES_ACCESS_LOG": "off"}
    with ExitStack() as stack:
        with limited_descriptors(plan.descriptors):
            service = stack.enter_context(running(folder, **settings))
        url = service.url()
        service.read_until("Ready. Try:")
        return asyncio.run(_soak(url, psutil.Process(service.process.pid), plan))


@contextmanager
def limited_descriptors(number: int) -> Iterator[None]:
    """Lower the limit of file descriptors for processes that start in the context."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def _soak(url: str, process: psutil.Process, plan: ConnectionPlan) -> ConnectionResult:
    result, loop = ConnectionResult(), asyncio.get_running_loop()
    host, _, port = url.removeprefix("http://").partition(":")
    holders = [loop.create_task(_hold(host, int(port))) for _ in range(plan.descriptors)]
    started, total = loop.time(), int(plan.seconds * plan.requests_per_second)
    timeout = aiohttp.ClientTimeout(total=10)
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True), timeout=timeout
        ) as client,
        asyncio.TaskGroup() as reads,
    ):
        with ProgressBar("Reading", "times") as progress:
            for number in range(total):
                reads.create_task(_read(client, f"{url}/movies?limit=10", result))
                progress.update(number + 1, total)
                if number == total // 4:
                    result.bytes_before = process.memory_info().rss
                await asyncio.sleep(started + number / plan.requests_per_second - loop.time())
    result.bytes_after = process.memory_info().rss
    for holder in holders:
        holder.cancel()
    await asyncio.gather(*holders, return_exceptions=True)
    return result


async def _hold(host: str, port: int) -> None:
    """Hold a keep-alive connection, and open a new one as soon as the service closes it."""
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(host, port)
            with closing(writer):
                writer.write(REQUEST)
                while await reader.read(65_536):
                    pass
        await asyncio.sleep(0.1)


async def _read(client: aiohttp.ClientSession, url: str, result: ConnectionResult) -> None:
    result.reads += 1
    try:
        async with client.get(url) as response:
            await response.read()
            result.errors += response.status != 200
    except (aiohttp.ClientError, TimeoutError):
        result.errors += 1


def main() -> None:
    """Run the soak test on a new catalogue."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    plan = ConnectionPlan(seconds=parser.parse_args().seconds)
    with tempfile.TemporaryDirectory() as folder:
        result = soak(Path(folder), plan)
    print(
        f"{result.reads} reads beside {plan.descriptors} connections: {result.errors} errors,"
        f" {result.bytes_before / 2**20:.0f} MiB before, {result.bytes_after / 2**20:.0f} MiB after"
    )
    sys.exit(not result.is_clean)


if __name__ == "__main__":
    main()
