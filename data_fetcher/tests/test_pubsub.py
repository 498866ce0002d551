"""Google Pub/Sub as the engine, against Google's own emulator."""

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
from common.wake_up import Bell
from data_fetcher.fetch_queue.messages import read_announcement
from data_fetcher.notifiers import pubsub
from data_fetcher.notifiers.pubsub import Push, Topic, listening, set_up
from data_fetcher.notifiers.selection import announcing, hearing

pytestmark = [
    pytest.mark.integration,
    # Of Google's libraries, whose threads and sockets end when they like.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

_numbers = itertools.count(1)
Names = tuple[str, str]


@pytest.fixture
def names(pubsub_host: str, monkeypatch: pytest.MonkeyPatch) -> Names:
    """A topic and a subscription of a project that nobody else has."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_host)
    project = f"projects/test-{next(_numbers)}"
    return f"{project}/topics/fetches", f"{project}/subscriptions/workers"


@pytest.fixture
def topic(names: Names) -> Iterator[Topic]:
    """A topic with its subscription."""
    set_up(*names)
    topic = Topic(names[0])
    yield topic
    topic.close()


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_topic_is_made_once_with_its_dead_letters(names: Names) -> None:
    topic, subscription = names
    made = set_up(topic, subscription)
    assert made == [topic, f"{topic}-dead", f"{subscription}-dead", subscription]
    assert set_up(topic, subscription) == []
    with SubscriberClient() as subscriber:
        kept = subscriber.get_subscription(subscription=subscription)
    assert kept.dead_letter_policy.dead_letter_topic == f"{topic}-dead"
    assert kept.dead_letter_policy.max_delivery_attempts == pubsub.DELIVERIES_MAX
    assert not kept.push_config.push_endpoint


def test_a_push_says_where_to_and_as_whom(names: Names) -> None:
    push = Push(url="https://movies.example/internal/pubsub/fetch", audience="a", email="e@x.y")
    set_up(*names, push)
    with SubscriberClient() as subscriber:
        config = subscriber.get_subscription(subscription=names[1]).push_config
    assert config.push_endpoint == push.url
    assert config.oidc_token.service_account_email == push.email
    assert config.oidc_token.audience == push.audience


def test_what_is_refused_is_told_in_a_sentence(names: Names) -> None:
    with pytest.raises(InvalidSetting, match="Google Pub/Sub could not be set up"):
        set_up(names[0], "projects/x/subscriptions/goog-not-allowed")


def test_each_wish_is_announced(topic: Topic, names: Names) -> None:
    topic.announce([7, 8])
    found: set[int | None] = set()
    with SubscriberClient() as subscriber:
        while len(found) < 2:
            answer = subscriber.pull(subscription=names[1], max_messages=10, timeout=20)
            found |= {read_announcement(each.message.data) for each in answer.received_messages}
    assert found == {7, 8}


def test_a_message_rings_and_is_done_with(topic: Topic, names: Names) -> None:
    rung: list[int] = []
    with listening(names[1], lambda: rung.append(1)):
        topic.announce([1, 2, 3])
        wait_until(lambda: len(rung) == 3)
    with listening(names[1], lambda: rung.append(1)):
        time.sleep(1)
    assert len(rung) == 3


def test_what_can_not_be_read_ends_at_the_dead_letters(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pubsub, "_RETRY_SECONDS", (0, 1))
    set_up(*names)
    topic, rung = Topic(names[0]), threading.Event()
    PublisherClient().publish(names[0], b"what?").result(timeout=20)
    with listening(names[1], rung.set), SubscriberClient() as subscriber:
        topic.announce([1])
        assert rung.wait(20)
        dead: list[bytes] = []
        while not dead:
            answer = subscriber.pull(
                subscription=f"{names[1]}-dead", max_messages=1, timeout=30, retry=None
            )
            dead = [each.message.data for each in answer.received_messages]
    topic.close()
    assert dead == [b"what?"]


def test_what_can_not_be_announced_is_only_told(
    names: Names, capsys: pytest.CaptureFixture[str]
) -> None:
    topic = Topic(names[0])  # Nobody has made it.
    topic.announce([7])
    topic.close()
    deadline = time.monotonic() + 30
    text = ""
    while "it is found later" not in text and time.monotonic() < deadline:
        time.sleep(0.05)
        text += capsys.readouterr().out
    assert "it is found later" in text


def settings(names: Names, **others: object) -> Settings:
    return Settings(
        fetch_engine="pubsub",
        pubsub_topic=names[0],
        pubsub_subscription=names[1],
        **others,  # type: ignore[arg-type]  # Of any setting.
    )


def test_one_process_announces_and_another_one_hears(names: Names) -> None:
    set_up(*names)
    logging.getLogger("google").setLevel(logging.ERROR)

    async def scenario() -> float:
        bell = Bell()
        async with (
            announcing(settings(names)) as announce,
            hearing(settings(names), bell) as poll_seconds,
        ):
            await asyncio.to_thread(announce, [7])
            started = time.monotonic()
            await bell.wait(30)
            assert time.monotonic() - started < 25
            return poll_seconds

    assert asyncio.run(scenario()) > 1


def test_a_worker_has_to_know_where_it_hears() -> None:
    only_topic = Settings(fetch_engine="pubsub", pubsub_topic="projects/p/topics/t12")

    async def scenario() -> None:
        async with hearing(only_topic, Bell()):
            raise AssertionError("It heard.")

    with pytest.raises(InvalidSetting, match="MOVIES_PUBSUB_SUBSCRIPTION"):
        asyncio.run(scenario())


def test_without_pubsub_a_bell_is_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        bell = Bell()
        async with (
            announcing(Settings(), bell.ring) as announce,
            hearing(Settings(), bell) as seconds,
        ):
            assert seconds == 1
            announce([7])
            await bell.wait(10)
        async with announcing(Settings(fetch_engine="workers")) as announce:
            announce([7])

    asyncio.run(scenario())
    assert threading.active_count() < 50
