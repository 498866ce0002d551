"""Command `pubsub-setup`: creation of the topics and subscriptions in Google Pub/Sub."""

from typing import Annotated

import typer

from common.cli.commands import command_settings
from common.errors import InvalidSetting


def pubsub_setup(
    push_url: Annotated[
        str | None,
        typer.Option(help="URL of the service for push delivery, as on Cloud Run; default: pull."),
    ] = None,
) -> None:
    """Create the topic and the subscription of the settings, and those for dead letters.

    What exists already is not changed. --push-url requires MOVIES_PUBSUB_PUSH_AUDIENCE and
    MOVIES_PUBSUB_PUSH_EMAIL. PUBSUB_EMULATOR_HOST selects an emulator.
    """
    with command_settings() as settings:
        topic, subscription = settings.pubsub_topic, settings.pubsub_subscription
        if topic is None or subscription is None:
            raise InvalidSetting("Set MOVIES_PUBSUB_TOPIC and MOVIES_PUBSUB_SUBSCRIPTION.")
        from data_fetcher.notifiers.pubsub import PushSubscription, create_subscription  # noqa: PLC0415 - Takes half a second.

        push = None
        if push_url is not None:
            audience, email = settings.pubsub_push_audience, settings.pubsub_push_email
            if audience is None or email is None:
                raise InvalidSetting(
                    "Set MOVIES_PUBSUB_PUSH_AUDIENCE and MOVIES_PUBSUB_PUSH_EMAIL for --push-url."
                )
            push = PushSubscription(url=push_url, audience=audience, email=email)
        created = create_subscription(topic, subscription, push)
    for name in created:
        print(f"Created {name}")
    if not created:
        print("Nothing to do: topics and subscriptions exist.")
