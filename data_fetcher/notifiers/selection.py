"""Selection of the notifier that the settings name."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from common.errors import InvalidSetting
from common.settings import Settings
from common.wake_up import WakeUpEvent
from data_fetcher.fetch_queue.queue import Notify
from data_fetcher.workers.fetch_worker import POLL_SECONDS

SWEEP_SECONDS = 15.0
"""Interval at which a worker with Pub/Sub polls for fetches whose notification was lost."""


def ignore_wake_up() -> None:
    """Do nothing: there is no worker in this process, and others poll."""


@asynccontextmanager
async def open_notifier(
    settings: Settings, wake_up: Callable[[], None] = ignore_wake_up
) -> AsyncIterator[Notify]:
    """Yield the function that notifies workers: `wake_up` of this process, or Pub/Sub."""
    if settings.fetch_backend != "pubsub" or settings.pubsub_topic is None:
        yield partial(_wake_up, wake_up)
        return
    from data_fetcher.notifiers.pubsub import PubSubNotifier  # noqa: PLC0415 - Takes half a second and 30 MB: only when used.

    notifier = PubSubNotifier(settings.pubsub_topic)
    try:
        yield notifier.notify
    finally:
        await asyncio.to_thread(notifier.close)


@asynccontextmanager
async def open_wake_ups(settings: Settings, wake_up_event: WakeUpEvent) -> AsyncIterator[float]:
    """Set the event for new fetches within the context; yield the polling interval in seconds.

    Raises:
        InvalidSetting: The settings name Pub/Sub, but no subscription.
    """
    if settings.fetch_backend != "pubsub":
        yield POLL_SECONDS
        return
    if settings.pubsub_subscription is None:
        raise InvalidSetting(
            "A worker with MOVIES_FETCH_BACKEND=pubsub needs MOVIES_PUBSUB_SUBSCRIPTION."
        )
    from data_fetcher.notifiers.pubsub import subscribe  # noqa: PLC0415 - As above.

    with subscribe(settings.pubsub_subscription, wake_up_event.set):
        yield SWEEP_SECONDS


def _wake_up(wake_up: Callable[[], None], _fetch_ids: Sequence[int]) -> None:
    wake_up()
