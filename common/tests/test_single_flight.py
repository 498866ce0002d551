import asyncio

import pytest

from common.errors import TooManyRequests
from common.single_flight import SingleFlight


def test_concurrent_calls_share_one_result() -> None:
    calls = []

    async def call() -> int:
        calls.append(1)
        await asyncio.sleep(0)
        return 7

    async def scenario() -> list[tuple[int, bool]]:
        flights: SingleFlight[int] = SingleFlight()
        return await asyncio.gather(*(flights.run("key", call) for _ in range(100)))

    results = asyncio.run(scenario())
    assert len(calls) == 1
    assert results.count((7, True)) == 1
    assert results.count((7, False)) == 99


def test_other_keys_and_later_calls_run_separately() -> None:
    async def call() -> int:
        await asyncio.sleep(0)
        return 1

    async def scenario() -> list[tuple[int, bool]]:
        flights: SingleFlight[int] = SingleFlight()
        first = await asyncio.gather(flights.run("a", call), flights.run("b", call))
        return [*first, await flights.run("a", call)]

    assert asyncio.run(scenario()) == [(1, True)] * 3


def test_all_callers_get_the_error_and_it_is_not_cached() -> None:
    outcomes = iter([ValueError("no"), 5])

    async def call() -> int:
        await asyncio.sleep(0)
        if isinstance(outcome := next(outcomes), Exception):
            raise outcome
        return outcome  # type: ignore[return-value]  # Exceptions were raised above.

    async def scenario() -> tuple[list[object], tuple[int, bool]]:
        flights: SingleFlight[int] = SingleFlight()
        failed = await asyncio.gather(
            *(flights.run("key", call) for _ in range(3)), return_exceptions=True
        )
        return list(failed), await flights.run("key", call)

    failed, later = asyncio.run(scenario())
    assert [type(error) for error in failed] == [ValueError] * 3
    assert later == (5, True)


def test_a_cancelled_caller_does_not_cancel_the_call() -> None:
    gate = asyncio.Event()

    async def call() -> int:
        await gate.wait()
        return 3

    async def scenario() -> tuple[int, bool]:
        flights: SingleFlight[int] = SingleFlight()
        first = asyncio.create_task(flights.run("key", call))
        second = asyncio.create_task(flights.run("key", call))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        gate.set()
        return await second

    assert asyncio.run(scenario()) == (3, False)


def test_the_rate_limit_of_one_caller_rejects_no_other() -> None:
    outcomes = iter([TooManyRequests("Slow down."), TooManyRequests("Slow down."), 4, 5])

    async def call() -> int:
        await asyncio.sleep(0)
        if isinstance(outcome := next(outcomes), Exception):
            raise outcome
        return outcome  # type: ignore[return-value]  # As above.

    async def scenario() -> list[object]:
        flights: SingleFlight[int] = SingleFlight()
        return await asyncio.gather(
            *(flights.run("key", call) for _ in range(4)), return_exceptions=True
        )

    first, second, *others = asyncio.run(scenario())
    assert type(first) is type(second) is TooManyRequests
    assert others == [(4, True), (5, True)]


def test_callers_do_not_wait_for_one_refusal_after_another() -> None:
    running, most_running = 0, 0

    async def call() -> int:
        nonlocal running, most_running
        running += 1
        most_running = max(most_running, running)
        await asyncio.sleep(0)
        running -= 1
        raise TooManyRequests("Slow down.")

    async def scenario() -> list[object]:
        flights: SingleFlight[int] = SingleFlight()
        return await asyncio.gather(
            *(flights.run("key", call) for _ in range(100)), return_exceptions=True
        )

    refused = asyncio.run(scenario())
    assert {type(each) for each in refused} == {TooManyRequests}
    assert most_running == 99
