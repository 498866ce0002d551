"""Push delivery of Google Pub/Sub: token verification, and fetches before the response."""

import asyncio
import base64
import binascii
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.types import Options

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
_UNVERIFIED: Options = {
    "verify_signature": False,
    "verify_exp": True,
    "verify_aud": True,
    "verify_iss": True,
    "require": _REQUIRED,
}
"""Checks of the claims before the signature, which needs the public keys."""
_KEYS_SECONDS = 3_600
_KEYS_TIMEOUT_SECONDS = 5

KEYS_RETRY_SECONDS = 30.0
"""Time after a failed download of the public keys before the next one."""

WAITING_MAX = 32
"""Number of tokens that are verified or wait for it; further ones are rejected."""

BATCH_SIZE = 5
"""Number of due fetches to claim for a message without a fetch ID."""


class _PublicKeys(jwt.PyJWKClient):
    """Client of the public keys that remembers a failed download; known keys stay usable."""

    def __init__(self, certs_url: str, clock: Callable[[], float]) -> None:
        super().__init__(certs_url, lifespan=_KEYS_SECONDS, timeout=_KEYS_TIMEOUT_SECONDS)
        self._clock = clock
        self._failed_until = float("-inf")

    def fetch_data(self) -> Any:  # noqa: ANN401 - The signature is PyJWT's.
        """Download the keys.

        Raises:
            PyJWKClientConnectionError: this download or one shortly before has failed.
        """
        if self._clock() < self._failed_until:
            raise jwt.PyJWKClientConnectionError("The last download failed.")
        try:
            return super().fetch_data()
        except (jwt.PyJWTError, ValueError, OSError) as error:
            self._failed_until = self._clock() + KEYS_RETRY_SECONDS
            raise jwt.PyJWKClientConnectionError("The download failed.") from error


class PushTokenVerifier:
    """Verifier of the tokens with which Pub/Sub signs push requests.

    It has a thread of its own, since anyone can cause a slow download of the public keys.

    Args:
        audience: required `aud` claim.
        email: required `email` claim, the service account of the subscription.
        certs_url: URL of Google's public keys, a JSON Web Key Set.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        audience: str,
        email: str,
        certs_url: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._audience = audience
        self._email = email
        self._keys = _PublicKeys(certs_url, clock)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="push-tokens")
        self._waiting = 0

    async def check(self, authorization: str) -> None:
        """Raise unless the Authorization header contains a valid token of the subscription.

        Takes up to 5 seconds when the public keys have to be downloaded.

        Raises:
            Unauthenticated: the token is missing or invalid.
            Forbidden: the token belongs to a different account.
            Unavailable: the public keys could not be downloaded, or too many tokens are waiting.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated(
                "Send the push token of Pub/Sub: Authorization: Bearer and the token."
            )
        try:
            payload = await self._decode(token)
        except jwt.PyJWKClientConnectionError:
            raise Unavailable(
                "Google's public keys could not be downloaded; retry later."
            ) from None
        except (jwt.PyJWTError, ValueError, TypeError):
            raise Unauthenticated("The Pub/Sub push token is not valid.") from None
        if payload["email"] != self._email or payload["email_verified"] is not True:
            raise Forbidden("The Pub/Sub push token belongs to a different account.")

    async def _decode(self, token: str) -> dict[str, Any]:
        """Return the verified claims; the signature is verified last, in the thread."""
        if jwt.get_unverified_header(token)["alg"] != ALGORITHM:
            raise jwt.InvalidAlgorithmError
        self._decode_with("", token, _UNVERIFIED)
        if self._waiting >= WAITING_MAX:
            raise Unavailable("Too many push tokens are waiting to be verified; retry later.")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, self._verify, token)
        finally:
            self._waiting -= 1

    def _verify(self, token: str) -> dict[str, Any]:
        key = self._keys.get_signing_key_from_jwt(token)
        return self._decode_with(key, token, {"require": _REQUIRED})

    def _decode_with(self, key: jwt.PyJWK | str, token: str, options: Options) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=self._audience,
            issuer=ISSUERS,
            options=options,
        )
        return claims


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
