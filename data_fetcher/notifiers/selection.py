"""Who is told of new wishes: the engines."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from common.errors import InvalidSetting
from common.settings import Settings
from common.wake_up import Bell
from data_fetcher.fetch_queue.queue import Announce
from data_fetcher.workers.fetch_worker import POLL_SECONDS

SWEEP_SECONDS = 15.0
"""How often a worker that is told of wishes looks for those that nobody has told it of."""


def ring_for_nobody() -> None:
    """Do nothing: whoever works looks by themselves."""


@asynccontextmanager
async def announcing(
    settings: Settings, ring: Callable[[], None] = ring_for_nobody
) -> AsyncIterator[Announce]:
    """Give what tells those who fetch of new wishes.

    Args:
        settings: which engine there is.
        ring: has a worker in this process look.
    """
    if settings.fetch_engine != "pubsub" or settings.pubsub_topic is None:
        yield partial(_ring, ring)
        return
    from data_fetcher.notifiers.pubsub import Topic  # noqa: PLC0415 - Half a second, 30 MB: for users only.

    topic = Topic(settings.pubsub_topic)
    try:
        yield topic.announce
    finally:
        await asyncio.to_thread(topic.close)


@asynccontextmanager
async def hearing(settings: Settings, bell: Bell) -> AsyncIterator[float]:
    """Have a worker's bell rung for wishes; give how often it looks by itself, in seconds.

    Raises:
        InvalidSetting: it is not said where they are heard of.
    """
    if settings.fetch_engine != "pubsub":
        yield POLL_SECONDS
        return
    if settings.pubsub_subscription is None:
        raise InvalidSetting(
            "A worker with MOVIES_FETCH_ENGINE=pubsub needs MOVIES_PUBSUB_SUBSCRIPTION."
        )
    from data_fetcher.notifiers.pubsub import listening  # noqa: PLC0415 - As above.

    with listening(settings.pubsub_subscription, bell.ring):
        yield SWEEP_SECONDS


def _ring(ring: Callable[[], None], _fetch_ids: Sequence[int]) -> None:
    ring()
