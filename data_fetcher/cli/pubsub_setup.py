"""The command `pubsub-setup`: make what Google Pub/Sub needs to know."""

from typing import Annotated

import typer

from common.cli.commands import command_settings
from common.errors import InvalidSetting


def pubsub_setup(
    push_url: Annotated[
        str | None,
        typer.Option(help="Have messages pushed to the service at this URL, as on Cloud Run."),
    ] = None,
) -> None:
    """Make the topic and the subscription of the settings, and those of dead letters.

    What is there already stays as it is. For a push MOVIES_PUBSUB_PUSH_AUDIENCE and
    MOVIES_PUBSUB_PUSH_EMAIL say as whom. PUBSUB_EMULATOR_HOST names an emulator.
    """
    with command_settings() as settings:
        topic, subscription = settings.pubsub_topic, settings.pubsub_subscription
        if topic is None or subscription is None:
            raise InvalidSetting("Set MOVIES_PUBSUB_TOPIC and MOVIES_PUBSUB_SUBSCRIPTION.")
        from data_fetcher.notifiers.pubsub import Push, set_up  # noqa: PLC0415 - Half a second, 30 MB.

        push = None
        if push_url is not None:
            audience, email = settings.pubsub_push_audience, settings.pubsub_push_email
            if audience is None or email is None:
                raise InvalidSetting(
                    "Set MOVIES_PUBSUB_PUSH_AUDIENCE and MOVIES_PUBSUB_PUSH_EMAIL for a push."
                )
            push = Push(url=push_url, audience=audience, email=email)
        made = set_up(topic, subscription, push)
    for name in made:
        print(f"Made {name}")
    if not made:
        print("Nothing to do: everything was there.")
