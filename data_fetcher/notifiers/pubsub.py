"""Notifier over Google Pub/Sub. Messages only wake workers; the database holds the state."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from google.api_core.exceptions import AlreadyExists, GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.cloud.pubsub_v1.subscriber.message import Message
from google.pubsub_v1.types import DeadLetterPolicy, PushConfig, RetryPolicy, Subscription

from common.errors import InvalidInput, InvalidSetting
from data_fetcher.fetch_queue.messages import parse_message, render_message

DELIVERIES_MAX = 5
"""Delivery attempts of an invalid message before it moves to the dead-letter topic."""

ACK_SECONDS = 30
_RETRY_SECONDS = (10, 600)
"""Minimum and maximum backoff between deliveries."""
_SETUP_SECONDS = 20
_CLOSE_SECONDS = 5
_DEAD = "-dead"
"""Suffix of the names of the dead-letter topic and its subscription."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSubscription:
    """Configuration of a push subscription.

    Args:
        url: URL of the endpoint `/internal/pubsub/fetch` of the service.
        email: Service account that the tokens identify.
    """

    url: str
    audience: str
    email: str


class PubSubNotifier:
    """Notifier that publishes a message to a topic, `projects/…/topics/…`, for each new fetch."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._publisher = PublisherClient()

    def notify(self, fetch_ids: Sequence[int]) -> None:
        """Publish a message for each fetch; a failure is logged, and workers poll anyway."""
        for fetch_id in fetch_ids:
            future: Any = self._publisher.publish(self._name, render_message(fetch_id))
            future.add_done_callback(_log_failure)

    def close(self) -> None:
        """Publish pending messages and close the client."""
        self._publisher.stop()


@contextmanager
def subscribe(subscription: str, wake_up: Callable[[], None]) -> Iterator[None]:
    """Call `wake_up` for each message of a subscription within the context.

    A valid message is acknowledged after the call, an invalid one is rejected and ends as a dead
    letter.
    """

    def on_message(message: Message) -> None:
        try:
            parse_message(message.data)
        except InvalidInput as error:
            _log.warning("pubsub_message_invalid", reason=error.message)
            message.nack()
        else:
            wake_up()
            message.ack()

    with closing(SubscriberClient()) as subscriber:
        pulling = subscriber.subscribe(subscription, on_message)
        try:
            yield
        finally:
            pulling.cancel()
            pulling.result(timeout=_CLOSE_SECONDS)


def create_subscription(
    topic: str, subscription: str, push: PushSubscription | None = None
) -> list[str]:
    """Create topic, subscription, and both for dead letters; return the names of the new ones.

    What exists already is not changed.

    Raises:
        InvalidSetting: Google Pub/Sub is unreachable or rejected a request; the message contains
            the reason.
    """
    try:
        with closing(SubscriberClient()) as subscriber:
            publisher = PublisherClient()
            subscriptions = [
                Subscription(name=subscription + _DEAD, topic=topic + _DEAD),
                _subscription(topic, subscription, push),
            ]
            created = [
                *(_create(publisher.create_topic, name=name) for name in (topic, topic + _DEAD)),
                *(_create(subscriber.create_subscription, request=each) for each in subscriptions),
            ]
    except (GoogleAPIError, GoogleAuthError) as error:
        reason = re.sub(r"\s+", " ", str(error))[:200]
        raise InvalidSetting(f"Google Pub/Sub could not be set up: {reason}") from None
    return [name for name in created if name]


def _create(create: Callable[..., Any], **arguments: object) -> str:
    """Create a resource and return its name; return "" if it exists already."""
    try:
        return str(create(**arguments, timeout=_SETUP_SECONDS).name)
    except AlreadyExists:
        return ""


def _subscription(topic: str, name: str, push: PushSubscription | None) -> Subscription:
    minimum, maximum = _RETRY_SECONDS
    subscription = Subscription(
        name=name,
        topic=topic,
        ack_deadline_seconds=ACK_SECONDS,
        retry_policy=RetryPolicy(
            minimum_backoff={"seconds": minimum}, maximum_backoff={"seconds": maximum}
        ),
        dead_letter_policy=DeadLetterPolicy(
            dead_letter_topic=topic + _DEAD, max_delivery_attempts=DELIVERIES_MAX
        ),
    )
    if push is not None:
        subscription.push_config = PushConfig(
            push_endpoint=push.url,
            oidc_token=PushConfig.OidcToken(
                service_account_email=push.email, audience=push.audience
            ),
        )
    return subscription


def _log_failure(future: Any) -> None:  # noqa: ANN401 - The library has no type for it.
    if (error := future.exception()) is not None:
        _log.warning("fetch_notification_failed", reason=type(error).__name__)
