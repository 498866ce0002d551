"""Settings of the fetch queue and of Pub/Sub."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from common.invalid_values import pattern_with
from common.settings.base import SettingsGroup, Switch


def _pubsub_pattern(kind: str) -> str:
    return pattern_with(
        f"projects/P/{kind}/movies",
        rf"^projects/[^/\s]{{1,100}}/{kind}/[A-Za-z][A-Za-z0-9._~+%-]{{2,254}}$",
    )


class FetchingSettings(SettingsGroup):
    """Seeding, the fetch queue, its workers and their wake-up messages."""

    seed: Switch = "on"
    """`on`: at startup the service adds the 100 seed movies, once for each database."""

    add_requires_authentication: Switch = "off"
    """`on`: adding movies requires an API key or access token with the scope `movies:write`; `off`:
    everyone may add movies, within the rate limit."""

    add_async: Switch = "off"
    """`on`: adding a movie queues a fetch and returns at once, as with the header
    `Prefer: respond-async`; `off`: the request waits for OMDb."""

    fetch_backend: Literal["embedded", "workers", "pubsub"] = "embedded"
    """Where queued fetches are processed: `embedded` in a worker process of the service, `workers`
    that run separately and poll the database, or `pubsub` for workers woken by Google Pub/Sub."""

    fetch_lease_seconds: Annotated[int, Field(ge=5, le=3600)] = 60
    """Seconds of a worker's lease on a fetch, 5 to 3,600; when a lease expires, another worker may
    take over the fetch."""

    pubsub_topic: Annotated[str | None, Field(pattern=_pubsub_pattern("topics"))] = None
    """Pub/Sub topic to which new fetches are published, as `projects/…/topics/…`; required with
    `MOVIES_FETCH_BACKEND=pubsub`."""

    pubsub_subscription: Annotated[str | None, Field(pattern=_pubsub_pattern("subscriptions"))] = (
        None
    )
    """Pub/Sub subscription from which workers pull messages, as `projects/…/subscriptions/…`."""

    pubsub_push_audience: str | None = None
    """Expected audience of the tokens of a Pub/Sub push subscription; if unset, the push endpoint
    is disabled."""

    pubsub_push_email: str | None = None
    """Expected service account (email) of push tokens: the one configured in the push subscription.
    Set it together with `MOVIES_PUBSUB_PUSH_AUDIENCE`."""

    pubsub_certs_url: Annotated[
        str,
        Field(
            pattern=pattern_with("https://www.googleapis.com/oauth2/v3/certs", r"^https?://[^\s]+$")
        ),
    ] = "https://www.googleapis.com/oauth2/v3/certs"
    """URL of the JSON Web Key Set (RFC 7517) that verifies push tokens."""

    @model_validator(mode="after")
    def _require_whole_pubsub(self) -> Self:
        if self.fetch_backend == "pubsub" and self.pubsub_topic is None:
            raise ValueError("MOVIES_FETCH_BACKEND=pubsub needs MOVIES_PUBSUB_TOPIC")
        if (self.pubsub_push_audience is None) != (self.pubsub_push_email is None):
            raise ValueError("set both MOVIES_PUBSUB_PUSH_AUDIENCE and MOVIES_PUBSUB_PUSH_EMAIL")
        return self
