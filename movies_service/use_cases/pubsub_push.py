"""What Google Pub/Sub pushes to the service: checked, and done before it is answered."""

import asyncio
import base64
import binascii
from dataclasses import dataclass
from typing import Any

import jwt

from common.errors import (
    Conflict,
    Forbidden,
    MalformedBody,
    MoviesError,
    Unauthenticated,
    Unavailable,
)
from data_fetcher.fetch_queue.completion import Outcome
from data_fetcher.fetch_queue.deduplication_key import wish_of
from data_fetcher.fetch_queue.messages import read_announcement
from data_fetcher.fetch_queue.queue import Fetches
from data_fetcher.omdb.admission import Purpose
from data_fetcher.workers.fetch_worker import Source
from data_layer.entities.fetch import Fetch, FetchState

ISSUERS = ("https://accounts.google.com", "accounts.google.com")
ALGORITHM = "RS256"
_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "email", "email_verified"]
_KEYS_SECONDS = 3_600
_KEYS_TIMEOUT_SECONDS = 5

AT_ONCE = 5
"""How many wishes that are due are done with a message that names none."""


class PushTokens:
    """Checks the tokens that Pub/Sub signs.

    Args:
        audience: for whom they have to be.
        email: the account that has to have signed.
        certs_url: where the keys are, as a JSON Web Key Set.
    """

    def __init__(self, audience: str, email: str, certs_url: str) -> None:
        self._audience = audience
        self._email = email
        self._keys = jwt.PyJWKClient(
            certs_url, lifespan=_KEYS_SECONDS, timeout=_KEYS_TIMEOUT_SECONDS
        )

    def check(self, authorization: str) -> None:
        """Let pass a request that Pub/Sub has sent; may take as long as the keys need.

        Raises:
            Unauthenticated: there is no token, or it is not valid.
            Forbidden: it is somebody else's.
            Unavailable: the keys can't be had at the moment.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("Only Pub/Sub may push, with a token of its own.")
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
            raise Unavailable("The keys of Pub/Sub can't be had at the moment.") from None
        except (jwt.PyJWTError, ValueError, TypeError):
            raise Unauthenticated("This token of Pub/Sub is not valid.") from None
        if payload["email"] != self._email or payload["email_verified"] is not True:
            raise Forbidden("This token is of another account than Pub/Sub's.")


def read_push(document: object) -> int | None:
    """Return the id of the wish that a push is about; `None` for all that are due.

    Raises:
        MalformedBody, InvalidInput: it is no such message.

    Source: https://cloud.google.com/pubsub/docs/push#receive_push.
    """
    try:
        data = base64.b64decode(document["message"]["data"], validate=True)  # type: ignore[index]  # What is no such thing raises.
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise MalformedBody('A push is {"message": {"data": "…"}}, in Base64.') from None
    return read_announcement(data)


@dataclass(frozen=True, slots=True)
class PushedFetches:
    """Does what a push says, before it is answered.

    Args:
        tokens: checks who pushes.
        fetches: the wishes.
        source: of films.
    """

    tokens: PushTokens
    fetches: Fetches
    source: Source

    async def run(self, fetch_id: int | None) -> None:
        """Fetch the film of a wish, or of some that are due.

        What was done already, or is being done, is well.

        Raises:
            Unavailable: it has to wait: Pub/Sub is to send it again.
        """
        limit = AT_ONCE if fetch_id is None else 1
        claimed = await asyncio.to_thread(self.fetches.claim, limit, fetch_id)
        states = await asyncio.gather(*map(self._fetch, claimed))
        if fetch_id is None:  # Where nothing works between requests, nobody else does.
            await asyncio.to_thread(self.fetches.forget)
        if FetchState.QUEUED in states:
            raise Unavailable("OMDb is left alone at the moment.", retry_after_seconds=60)

    async def _fetch(self, fetch: Fetch) -> FetchState | None:
        outcome: Outcome
        try:
            outcome = await self.source.ask(wish_of(fetch), Purpose.WISH)
        except MoviesError as error:
            outcome = error
        pause = self.source.care.pause_seconds(Purpose.WISH)

        def settle() -> FetchState | None:
            done = self.fetches.settle([(fetch, outcome)], pause_seconds=pause)
            return done[0].fetch.state if done else None

        try:
            return await asyncio.to_thread(settle)
        except Conflict:  # Somebody has stored the film meanwhile.
            return await asyncio.to_thread(settle)
