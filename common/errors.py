"""The exception hierarchy for expected errors.

    MoviesError
    ├── InvalidInput                    invalid value, whatever is stored
    │   └── InvalidSetting              invalid setting of the operator
    ├── MalformedBody                   body that cannot be parsed
    ├── Unauthenticated                 missing or invalid credential
    ├── Forbidden                       valid credential without the required scope
    ├── NotFound                        no such resource
    ├── Conflict                        conflict with stored data
    ├── TooManyRequests                 rate limit exceeded
    ├── PreconditionFailed              stored version differs from the caller's
    ├── DatabaseLimitExceeded           value larger than the database accepts
    └── Unavailable                     failed dependency
        ├── DatabaseUnavailable         database unusable at present
        │   ├── DatabaseUnreachable     no connection
        │   ├── DatabaseBusy            deadlock or serialization failure
        │   ├── DatabaseFull            no disk space
        │   ├── DatabaseReadOnly        writes rejected
        │   └── DatabaseDamaged         corrupt data
        ├── BucketUnavailable           ingest source unreachable or access denied
        │   └── BucketThrottled         ingest source that limits its requests
        └── UpstreamUnavailable         OMDb unreachable or failing
            ├── UpstreamTimeout         no response within the deadline
            ├── UpstreamQuotaExceeded   daily quota used up
            ├── UpstreamUnauthorized    API key rejected
            └── UpstreamBadResponse     response outside OMDb's protocol

The classes are independent of HTTP and of exit codes: each interface maps them to its own codes.
"""

from typing import ClassVar


class MoviesError(Exception):
    """Base class of all expected errors.

    Args:
        message: What happened and what to do, for the person who has to act. It never repeats
            input, so that it can be shown and logged unchanged.
        retry_after_seconds: Delay before a retry, if `retry_helps` and the delay is known.
        is_refusal: Whether a request was refused by quota or circuit breaker, so that it was never
            sent.
    """

    code: ClassVar[str] = "error"
    """Stable machine-readable name: lower-case words joined by hyphens."""
    retry_helps: ClassVar[bool] = False
    """Whether the same call may succeed later without a change by the caller."""

    def __init__(
        self, message: str, *, retry_after_seconds: int | None = None, is_refusal: bool = False
    ) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_seconds = retry_after_seconds
        self.is_refusal = is_refusal


class InvalidInput(MoviesError):
    """Invalid input, independent of stored data.

    `field` is its name, if a single one is at fault.
    """

    code = "invalid-input"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class InvalidSetting(InvalidInput):
    """Invalid setting; the message contains its name."""

    code = "invalid-setting"


class MalformedBody(MoviesError):
    """Request body that cannot be parsed."""

    code = "malformed-body"


class Unauthenticated(MoviesError):
    """Missing, malformed, unknown, revoked or expired credential.

    The message names a malformed key; it does not distinguish the other causes.
    """

    code = "unauthenticated"


class Forbidden(MoviesError):
    """Valid credential whose scopes do not permit the request."""

    code = "forbidden"


class NotFound(MoviesError):
    """Resource that does not exist."""

    code = "not-found"


class Conflict(MoviesError):
    """Conflict with stored data, or with a request that has the same `Idempotency-Key`."""

    code = "conflict"


class TooManyRequests(MoviesError):
    """Exceeded rate limit; `retry_after_seconds` is set."""

    code = "too-many-requests"
    retry_helps = True


class PreconditionFailed(MoviesError):
    """Stored version that differs from the caller's; nothing was changed."""

    code = "precondition-failed"


class DatabaseLimitExceeded(MoviesError):
    """Value larger than the database accepts; nothing was stored, and a retry fails again."""

    code = "database-limit-exceeded"


class Unavailable(MoviesError):
    """Dependency that is temporarily unavailable."""

    code = "unavailable"
    retry_helps = True


class DatabaseUnavailable(Unavailable):
    """Database that is unreachable, locked for too long or without a usable schema."""

    code = "database-unavailable"


class DatabaseUnreachable(DatabaseUnavailable):
    """Failed connection to the database."""


class DatabaseBusy(DatabaseUnavailable):
    """Conflict with a concurrent transaction; the whole transaction can be retried at once."""


class DatabaseFull(DatabaseUnavailable):
    """Disk without space for writes; reads still work."""

    code = "database-full"
    retry_helps = False


class DatabaseReadOnly(DatabaseUnavailable):
    """Database that rejects writes, such as a standby or a read-only file. Reads still work."""

    code = "database-read-only"


class DatabaseDamaged(DatabaseUnavailable):
    """Corrupt data, which the operator has to restore or repair."""

    code = "database-damaged"
    retry_helps = False


class BucketUnavailable(Unavailable):
    """Bucket or folder of updates that is unreachable or denies access."""

    code = "bucket-unavailable"


class BucketThrottled(BucketUnavailable):
    """Bucket that asks for fewer requests; a later one succeeds."""


class UpstreamUnavailable(Unavailable):
    """OMDb failure: a connection error, a 5xx response or a CDN's HTML page."""

    code = "upstream-unavailable"


class UpstreamTimeout(UpstreamUnavailable):
    """No response from OMDb within the deadline."""

    code = "upstream-timeout"


class UpstreamQuotaExceeded(UpstreamUnavailable):
    """Daily OMDb quota used up; an immediate retry fails again."""

    code = "upstream-quota-exceeded"


class UpstreamUnauthorized(UpstreamUnavailable):
    """API key rejected by OMDb; the operator has to correct it."""

    code = "upstream-unauthorized"
    retry_helps = False


class UpstreamBadResponse(UpstreamUnavailable):
    """Response outside OMDb's protocol, such as invalid JSON."""

    code = "upstream-bad-response"
    retry_helps = False


_STORED: dict[str, type[MoviesError]] = {
    kind.code: kind
    for kind in (
        NotFound,
        DatabaseUnavailable,
        DatabaseFull,
        DatabaseReadOnly,
        DatabaseDamaged,
        DatabaseLimitExceeded,
        UpstreamTimeout,
        UpstreamQuotaExceeded,
        UpstreamUnauthorized,
        UpstreamBadResponse,
    )
}


def restore_error(
    code: str,
    message: str,
    *,
    retry_after_seconds: int | None = None,
    is_refusal: bool = False,
) -> MoviesError:
    """Rebuild an error from its stored code; an unknown code gives `UpstreamUnavailable`."""
    kind = _STORED.get(code, UpstreamUnavailable)
    return kind(message, retry_after_seconds=retry_after_seconds, is_refusal=is_refusal)
