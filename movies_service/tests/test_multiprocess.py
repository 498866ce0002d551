import asyncio
import os
import subprocess
from pathlib import Path

from movies_service.telemetry.counters import ProcessCounters
from movies_service.telemetry.multiprocess import MultiprocessCounters


def counted(hits: int, attempts: int) -> ProcessCounters:
    """Return counters with these numbers of cache hits and requests to OMDb."""
    counts = ProcessCounters()
    counts.requests.add(("GET", "/movies", 200), 0.001)
    counts.cache.hits, counts.cache.entries = hits, hits
    counts.upstream_attempts["ok"] = attempts
    return counts


def publish_as(pid: int, counts: ProcessCounters, folder: Path) -> None:
    """Publish counts as the process with this ID does."""

    async def publish_once() -> None:
        publishing = asyncio.create_task(MultiprocessCounters(lambda: counts, folder).publish())
        await asyncio.sleep(0)
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)

    asyncio.run(publish_once())
    (folder / f"{os.getpid()}.counts").rename(folder / f"{pid}.counts")


def test_without_a_folder_only_own_counts_are_returned() -> None:
    shared = MultiprocessCounters(lambda: counted(2, 1), None)
    asyncio.run(shared.publish())
    assert shared.total().cache == counted(2, 1).cache


def test_counts_of_all_processes_are_summed(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    publish_as(os.getppid(), counted(10, 1), tmp_path)
    publish_as(dead.pid, counted(100, 2), tmp_path)
    own = counted(1000, 4)
    total = MultiprocessCounters(lambda: own, tmp_path).total()
    assert total.cache.hits == 1110
    assert total.cache.entries == 1010
    assert total.upstream_attempts == {"ok": 7}
    assert total.requests.by_kind == {("GET", "/movies", 200): 3}
    assert total.requests.seconds_by_route["/movies"].cumulative()[-1] == ("+Inf", 3.0)
    assert own.cache.hits == 1000


def test_final_counts_are_published_on_cancellation(tmp_path: Path) -> None:
    counts = counted(1, 0)

    async def serve() -> None:
        publishing = asyncio.create_task(MultiprocessCounters(lambda: counts, tmp_path).publish())
        await asyncio.sleep(0)
        counts.cache.hits = 5
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)

    asyncio.run(serve())
    (path,) = tmp_path.iterdir()
    path.rename(tmp_path / f"{os.getppid()}.counts")
    assert MultiprocessCounters(ProcessCounters, tmp_path).total().cache.hits == 5
