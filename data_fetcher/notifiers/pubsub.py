"""Google Pub/Sub as an engine: it says that there is something to do, and never what is true."""

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
from data_fetcher.fetch_queue.messages import read_announcement, write_announcement

DELIVERIES_MAX = 5
"""How often a message that can't be read is delivered, before it goes to the dead letters."""

ACK_SECONDS = 30
_RETRY_SECONDS = (10, 600)
_SETUP_SECONDS = 20
_CLOSE_SECONDS = 5
_DEAD = "-dead"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Where Pub/Sub sends messages to, and as whom.

    Args:
        url: of the service, with `/internal/pubsub/fetch`.
        audience: of its tokens.
        email: of the account that signs them.
    """

    url: str
    audience: str
    email: str


class Topic:
    """Where new wishes are announced.

    Args:
        name: `projects/…/topics/…`.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._publisher = PublisherClient()

    def announce(self, fetch_ids: Sequence[int]) -> None:
        """Send a message for each wish; one that is lost is only found later."""
        for fetch_id in fetch_ids:
            sending: Any = self._publisher.publish(self._name, write_announcement(fetch_id))
            sending.add_done_callback(_log_failure)

    def close(self) -> None:
        """Send what has not been sent yet."""
        self._publisher.stop()


@contextmanager
def listening(subscription: str, ring: Callable[[], None]) -> Iterator[None]:
    """Have `ring` called for each message of a subscription, within the context.

    What can't be read goes to the dead letters; everything else has done its duty when it rang.
    """

    def hear(message: Message) -> None:
        try:
            read_announcement(message.data)
        except InvalidInput as error:
            _log.warning("a message of Pub/Sub can't be read", reason=error.message)
            message.nack()
        else:
            ring()
            message.ack()

    with closing(SubscriberClient()) as subscriber:
        pulling = subscriber.subscribe(subscription, hear)
        try:
            yield
        finally:
            pulling.cancel()
            pulling.result(timeout=_CLOSE_SECONDS)


def set_up(topic: str, subscription: str, push: Push | None = None) -> list[str]:
    """Make the topic, the subscription, and both again for dead letters; return what is new.

    Raises:
        InvalidSetting: Google Pub/Sub refuses or can't be reached; the message says why.
    """
    try:
        with closing(SubscriberClient()) as subscriber:
            publisher = PublisherClient()
            wanted = [
                Subscription(name=subscription + _DEAD, topic=topic + _DEAD),
                _subscription(topic, subscription, push),
            ]
            made = [
                *(_make(publisher.create_topic, name=name) for name in (topic, topic + _DEAD)),
                *(_make(subscriber.create_subscription, request=each) for each in wanted),
            ]
    except (GoogleAPIError, GoogleAuthError) as error:
        reason = re.sub(r"\s+", " ", str(error))[:200]
        raise InvalidSetting(f"Google Pub/Sub could not be set up: {reason}") from None
    return [name for name in made if name]


def _make(create: Callable[..., Any], **what: object) -> str:
    """Make something and return its name; nothing where it is there already."""
    try:
        return str(create(**what, timeout=_SETUP_SECONDS).name)
    except AlreadyExists:
        return ""


def _subscription(topic: str, name: str, push: Push | None) -> Subscription:
    minimum, maximum = _RETRY_SECONDS
    wanted = Subscription(
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
        wanted.push_config = PushConfig(
            push_endpoint=push.url,
            oidc_token=PushConfig.OidcToken(
                service_account_email=push.email, audience=push.audience
            ),
        )
    return wanted


def _log_failure(sending: Any) -> None:  # noqa: ANN401 - It has no types.
    if (error := sending.exception()) is not None:
        _log.warning("a wish was not announced; it is found later", reason=type(error).__name__)
