import asyncio
import threading
from contextlib import closing

import pytest
import structlog

from common.errors import DatabaseUnavailable, NotFound
from common.executors import ThreadPoolCallExecutor, run_inline


def test_passes_on_results_and_errors() -> None:
    def fail() -> None:
        raise NotFound("No movie has this id.")

    async def scenario() -> list[int]:
        with closing(ThreadPoolCallExecutor(2, 5)) as run:
            with pytest.raises(NotFound):
                await run(fail)
            return [await run(max, 1, 2), await run_inline(max, 3, 4)]

    assert asyncio.run(scenario()) == [2, 4]


def test_copies_context_variables_to_the_thread() -> None:
    async def scenario() -> object:
        structlog.contextvars.bind_contextvars(request_id="mine")
        with closing(ThreadPoolCallExecutor(1, 5)) as run:
            return (await run(structlog.contextvars.get_contextvars)).get("request_id")

    assert asyncio.run(scenario()) == "mine"


def test_calls_fail_at_the_deadline_and_queued_calls_never_start() -> None:
    can_end = threading.Event()
    started: list[str] = []

    def wait(name: str) -> None:
        started.append(name)
        can_end.wait(10)

    async def scenario() -> list[object]:
        with closing(ThreadPoolCallExecutor(1, 0.05)) as run:
            calls = (run(wait, "first"), run(wait, "second"))
            return list(await asyncio.gather(*calls, return_exceptions=True))

    outcomes = asyncio.run(scenario())
    can_end.set()
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 2
    assert started == ["first"]
