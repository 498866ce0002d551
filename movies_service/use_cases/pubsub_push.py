"""Push delivery of Google Pub/Sub: token verification, and fetches before the response."""

import asyncio
import base64
import binascii
import math
from dataclasses import dataclass
from typing import Any

import jwt

from common.clock import utc_now
from common.errors import (
    Forbidden,
    MalformedBody,
    MoviesError,
    Unauthenticated,
    Unavailable,
)
from data_fetcher.fetch_queue.completion import DELAY_SECONDS
from data_fetcher.fetch_queue.messages import parse_message
from data_fetcher.fetch_queue.movie_source import MovieSource
from data_fetcher.fetch_queue.queue import FetchQueue
from data_fetcher.omdb.admission import Purpose
from data_layer.entities.fetch import Fetch, FetchState

ISSUERS = ("https://accounts.google.com", "accounts.google.com")
ALGORITHM = "RS256"
_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "email", "email_verified"]
_KEYS_SECONDS = 3_600
_KEYS_TIMEOUT_SECONDS = 5

BATCH_SIZE = 5
"""Number of due fetches to claim for a message without a fetch ID."""


class PushTokenVerifier:
    """Verifier of the tokens with which Pub/Sub signs push requests.

    Args:
        audience: required `aud` claim.
        email: required `email` claim, the service account of the subscription.
        certs_url: URL of Google's public keys, a JSON Web Key Set.
    """

    def __init__(self, audience: str, email: str, certs_url: str) -> None:
        self._audience = audience
        self._email = email
        self._keys = jwt.PyJWKClient(
            certs_url, lifespan=_KEYS_SECONDS, timeout=_KEYS_TIMEOUT_SECONDS
        )

    def check(self, authorization: str) -> None:
        """Raise unless the Authorization header contains a valid token of the subscription.

        Blocks for up to 5 seconds when the public keys have to be downloaded.

        Raises:
            Unauthenticated: the token is missing or invalid.
            Forbidden: the token belongs to a different account.
            Unavailable: the public keys could not be downloaded.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated(
                "Send the push token of Pub/Sub: Authorization: Bearer and the token."
            )
        try:
            payload: dict[str, Any] = jwt.decode(
                token,
                self._keys.get_signing_key_from_jwt(token).key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=ISSUERS,
                options={"require": _REQUIRED},
            )
        except jwt.PyJWKClientConnectionError:
            raise Unavailable(
                "Google's public keys could not be downloaded; retry later."
            ) from None
        except (jwt.PyJWTError, ValueError, TypeError):
            raise Unauthenticated("The Pub/Sub push token is not valid.") from None
        if payload["email"] != self._email or payload["email_verified"] is not True:
            raise Forbidden("The Pub/Sub push token belongs to a different account.")


def parse_push(document: object) -> int | None:
    """Return the fetch ID in a push message, or `None` if it has none.

    Raises:
        MalformedBody: the document is not a push message.
        InvalidInput: the message data is invalid.

    Source: https://cloud.google.com/pubsub/docs/push#receive_push.
    """
    try:
        data = base64.b64decode(document["message"]["data"], validate=True)  # type: ignore[index]  # Other types raise.
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise MalformedBody(
            'A push message is {"message": {"data": "…"}}, with data in Base64.'
        ) from None
    return parse_message(data)


@dataclass(frozen=True, slots=True)
class PushHandler:
    """Use case that fetches movies for push messages."""

    tokens: PushTokenVerifier
    fetches: FetchQueue
    source: MovieSource

    async def run(self, fetch_id: int | None) -> None:
        """Process one fetch, or a batch of due fetches if `fetch_id` is `None`.

        A fetch that is finished, unknown or leased by another process is ignored.

        Raises:
            Unavailable: OMDb requests are paused, the quota is used up, or the fetch is not due
                yet; Pub/Sub redelivers the message.
        """
        limit = BATCH_SIZE if fetch_id is None else 1
        claimed = await asyncio.to_thread(self.fetches.claim, limit, fetch_id)
        errors = await asyncio.gather(*map(self._fetch, claimed))
        if fetch_id is None:  # Without a running worker, this is the only place that purges.
            await asyncio.to_thread(self.fetches.purge)
        elif not claimed:
            await asyncio.to_thread(self._require_not_queued, fetch_id)
        for error in filter(None, errors):
            seconds = error.retry_after_seconds or DELAY_SECONDS
            raise Unavailable(error.message, retry_after_seconds=seconds)

    def _require_not_queued(self, fetch_id: int) -> None:
        """Raise `Unavailable` if a fetch that could not be claimed is queued for later."""
        for fetch in self.fetches.get_many([fetch_id]):
            if fetch.state is FetchState.QUEUED:
                seconds = math.ceil((fetch.due_at - utc_now()).total_seconds())
                raise Unavailable("This fetch is not due yet.", retry_after_seconds=max(1, seconds))

    async def _fetch(self, fetch: Fetch) -> MoviesError | None:
        """Fetch and store a movie; return the error if the fetch is queued again."""
        outcome = await self.source.outcome(fetch)
        pause = self.source.admission.seconds_until_admitted(Purpose.BACKGROUND)
        done = await asyncio.to_thread(
            self.fetches.complete, [(fetch, outcome)], seconds_until_admitted=pause
        )
        is_queued = any(each.fetch.state is FetchState.QUEUED for each in done)
        return outcome if is_queued and isinstance(outcome, MoviesError) else None
