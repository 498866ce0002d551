import asyncio
import threading
from contextlib import closing

import pytest
import structlog

from common.errors import DatabaseUnavailable, NotFound
from common.executors import InThreads, run_inline


def test_results_and_errors_come_through() -> None:
    def fail() -> None:
        raise NotFound("There is none.")

    async def scenario() -> list[int]:
        with closing(InThreads(2, 5)) as run:
            with pytest.raises(NotFound):
                await run(fail)
            return [await run(max, 1, 2), await run_inline(max, 3, 4)]

    assert asyncio.run(scenario()) == [2, 4]


def test_what_is_bound_to_the_request_is_there_in_the_thread() -> None:
    async def scenario() -> object:
        structlog.contextvars.bind_contextvars(request_id="mine")
        with closing(InThreads(1, 5)) as run:
            return (await run(structlog.contextvars.get_contextvars)).get("request_id")

    assert asyncio.run(scenario()) == "mine"


def test_nobody_waits_longer_than_the_deadline_and_who_waits_for_a_thread_never_begins() -> None:
    is_over = threading.Event()
    begun: list[str] = []

    def wait(name: str) -> None:
        begun.append(name)
        is_over.wait(10)

    async def scenario() -> list[object]:
        with closing(InThreads(1, 0.05)) as run:
            calls = (run(wait, "first"), run(wait, "second"))
            return list(await asyncio.gather(*calls, return_exceptions=True))

    outcomes = asyncio.run(scenario())
    is_over.set()
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 2
    assert begun == ["first"]
