import asyncio

from common.batches import next_batch


def test_a_batch_is_complete_or_ends_after_a_time() -> None:
    async def scenario() -> list[list[int]]:
        queue: asyncio.Queue[int] = asyncio.Queue()
        for number in range(5):
            queue.put_nowait(number)
        return [await next_batch(queue, 2, 60), await next_batch(queue, 9, 0.01)]

    assert asyncio.run(scenario()) == [[0, 1], [2, 3, 4]]
