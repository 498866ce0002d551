"""Tests of the Pub/Sub notifier against Google's emulator."""

import asyncio
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from common.errors import InvalidSetting
from common.settings import Settings
from common.wake_up import WakeUpEvent
from data_fetcher.fetch_queue.messages import parse_message
from data_fetcher.notifiers import pubsub
from data_fetcher.notifiers.pubsub import (
    PubSubNotifier,
    PushSubscription,
    create_subscription,
    subscribe,
)
from data_fetcher.notifiers.selection import open_notifier, open_wake_ups

pytestmark = [
    pytest.mark.integration,
    # Google's libraries end their threads and sockets at unpredictable times.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

_numbers = itertools.count(1)
Names = tuple[str, str]


@pytest.fixture
def names(pubsub_host: str, monkeypatch: pytest.MonkeyPatch) -> Names:
    """Return the names of a topic and a subscription in a new project."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_host)
    project = f"projects/test-{next(_numbers)}"
    return f"{project}/topics/fetches", f"{project}/subscriptions/workers"


@pytest.fixture
def notifier(names: Names) -> Iterator[PubSubNotifier]:
    """Yield the notifier of a topic that has a subscription."""
    create_subscription(*names)
    notifier = PubSubNotifier(names[0])
    yield notifier
    notifier.close()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_topics_and_subscriptions_are_created_once(names: Names) -> None:
    topic, subscription = names
    created = create_subscription(topic, subscription)
    assert created == [topic, f"{topic}-dead", f"{subscription}-dead", subscription]
    assert create_subscription(topic, subscription) == []
    with SubscriberClient() as subscriber:
        found = subscriber.get_subscription(subscription=subscription)
    assert found.dead_letter_policy.dead_letter_topic == f"{topic}-dead"
    assert found.dead_letter_policy.max_delivery_attempts == pubsub.DELIVERIES_MAX
    assert not found.push_config.push_endpoint


def test_a_push_subscription_has_endpoint_audience_and_account(names: Names) -> None:
    push = PushSubscription(
        url="https://movies.example/internal/pubsub/fetch", audience="a", email="e@x.y"
    )
    create_subscription(*names, push)
    with SubscriberClient() as subscriber:
        config = subscriber.get_subscription(subscription=names[1]).push_config
    assert config.push_endpoint == push.url
    assert config.oidc_token.service_account_email == push.email
    assert config.oidc_token.audience == push.audience


def test_a_rejected_request_is_an_invalid_setting(names: Names) -> None:
    with pytest.raises(InvalidSetting, match="Google Pub/Sub could not be set up"):
        create_subscription(names[0], "projects/x/subscriptions/goog-not-allowed")


def test_publishes_a_message_for_each_fetch(notifier: PubSubNotifier, names: Names) -> None:
    notifier.notify([7, 8])
    found: set[int | None] = set()
    with SubscriberClient() as subscriber:
        while len(found) < 2:
            response = subscriber.pull(subscription=names[1], max_messages=10, timeout=20)
            found |= {parse_message(each.message.data) for each in response.received_messages}
    assert found == {7, 8}


def test_a_message_wakes_the_worker_once(notifier: PubSubNotifier, names: Names) -> None:
    wake_ups: list[int] = []
    with subscribe(names[1], lambda: wake_ups.append(1)):
        notifier.notify([1, 2, 3])
        wait_until(lambda: len(wake_ups) == 3)
    with subscribe(names[1], lambda: wake_ups.append(1)):
        time.sleep(1)
    assert len(wake_ups) == 3


def test_an_invalid_message_becomes_a_dead_letter(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pubsub, "_RETRY_SECONDS", (0, 1))
    create_subscription(*names)
    notifier, wake_up_event = PubSubNotifier(names[0]), threading.Event()
    PublisherClient().publish(names[0], b"invalid").result(timeout=20)
    with subscribe(names[1], wake_up_event.set), SubscriberClient() as subscriber:
        notifier.notify([1])
        assert wake_up_event.wait(20)
        dead: list[bytes] = []
        while not dead:
            response = subscriber.pull(
                subscription=f"{names[1]}-dead", max_messages=1, timeout=30, retry=None
            )
            dead = [each.message.data for each in response.received_messages]
    notifier.close()
    assert dead == [b"invalid"]


def test_a_failed_notification_is_only_logged(
    names: Names, capsys: pytest.CaptureFixture[str]
) -> None:
    notifier = PubSubNotifier(names[0])  # The topic does not exist.
    notifier.notify([7])
    notifier.close()
    deadline = time.monotonic() + 30
    log = ""
    while "fetch_notification_failed" not in log and time.monotonic() < deadline:
        time.sleep(0.05)
        log += capsys.readouterr().out
    assert "fetch_notification_failed" in log


def settings(names: Names, **others: object) -> Settings:
    return Settings(
        fetch_backend="pubsub",
        pubsub_topic=names[0],
        pubsub_subscription=names[1],
        **others,  # type: ignore[arg-type]  # The settings have several types.
    )


def test_a_notification_wakes_a_worker_in_another_process(names: Names) -> None:
    create_subscription(*names)
    logging.getLogger("google").setLevel(logging.ERROR)

    async def scenario() -> float:
        wake_up_event = WakeUpEvent()
        async with (
            open_notifier(settings(names)) as notify,
            open_wake_ups(settings(names), wake_up_event) as poll_seconds,
        ):
            await asyncio.to_thread(notify, [7])
            started = time.monotonic()
            await wake_up_event.wait(30)
            assert time.monotonic() - started < 25
            return poll_seconds

    assert asyncio.run(scenario()) > 1


def test_a_worker_requires_a_subscription() -> None:
    topic_only = Settings(fetch_backend="pubsub", pubsub_topic="projects/p/topics/t12")

    async def scenario() -> None:
        async with open_wake_ups(topic_only, WakeUpEvent()):
            raise AssertionError("It subscribed.")

    with pytest.raises(InvalidSetting, match="MOVIES_PUBSUB_SUBSCRIPTION"):
        asyncio.run(scenario())


def test_without_pubsub_the_worker_in_this_process_is_woken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario() -> None:
        wake_up_event = WakeUpEvent()
        async with (
            open_notifier(Settings(), wake_up_event.set) as notify,
            open_wake_ups(Settings(), wake_up_event) as seconds,
        ):
            assert seconds == 1
            notify([7])
            await wake_up_event.wait(10)
        async with open_notifier(Settings(fetch_backend="workers")) as notify:
            notify([7])

    asyncio.run(scenario())
    assert threading.active_count() < 50
