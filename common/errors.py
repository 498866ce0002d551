"""Everything that can go wrong and that somebody is told about, as one tree.

    MoviesError
    ├── InvalidInput                  what was sent can't be right
    │   └── InvalidSetting            what the operator set can't be right
    ├── MalformedBody                 what was sent can't even be read
    ├── Unauthenticated               no credential, or none that is known
    ├── Forbidden                     a known credential that may not do this
    ├── NotFound
    ├── Conflict                      it contradicts what is stored
    ├── TooManyRequests               the caller has asked too often
    ├── PreconditionFailed            what is stored is not what the caller has seen
    └── Unavailable                   something this program depends on does not serve
        ├── DatabaseUnavailable       it does not serve at the moment
        │   ├── DatabaseUnreachable   ... there is no connection to it
        │   ├── DatabaseBusy          ... another transaction was in the way
        │   └── DatabaseFull          ... there is no room left
        ├── BucketUnavailable         what updates of films come from can't be reached
        └── UpstreamUnavailable       OMDb can't be reached or fails
            ├── UpstreamTimeout       ... did not answer in time
            ├── UpstreamQuota         ... says that the day's requests are spent
            ├── UpstreamRefused       ... does not accept our API key
            └── UpstreamInvalid       ... answered something its protocol doesn't have

No class knows of HTTP or of exit codes: each edge maps classes to its own language.
"""

from typing import ClassVar


class MoviesError(Exception):
    """Base of the tree.

    Args:
        message: one sentence for the person who has to act on it. It never repeats input,
            so that it can be shown and logged as it is.
        retry_after_seconds: when to try again, where `retry_helps` and it is known.
    """

    code: ClassVar[str] = "error"
    """Stable name for programs, in lower-case words joined by hyphens."""
    retry_helps: ClassVar[bool] = False
    """Whether the same call may succeed later without any change by the caller."""

    def __init__(self, message: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_seconds = retry_after_seconds


class InvalidInput(MoviesError):
    """What was sent can't be right, whatever is stored.

    Args:
        message: what was expected.
        field: the name of the input at fault, where there is one.
    """

    code = "invalid-input"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class InvalidSetting(InvalidInput):
    """A setting can't be right; the message names it."""

    code = "invalid-setting"


class MalformedBody(MoviesError):
    """What was sent can't be read at all."""

    code = "malformed-body"


class Unauthenticated(MoviesError):
    """No credential was sent, or none that is known, valid and unexpired: never said which."""

    code = "unauthenticated"


class Forbidden(MoviesError):
    """The credential is known, but its scopes do not cover what was asked."""

    code = "forbidden"


class NotFound(MoviesError):
    """There is no such thing."""

    code = "not-found"


class Conflict(MoviesError):
    """What was asked contradicts what is stored."""

    code = "conflict"


class TooManyRequests(MoviesError):
    """The caller has asked too often, and is told when to ask again."""

    code = "too-many-requests"
    retry_helps = True


class PreconditionFailed(MoviesError):
    """What is stored is not what the caller has seen; nothing has changed."""

    code = "precondition-failed"


class Unavailable(MoviesError):
    """Something this program depends on does not serve at the moment."""

    code = "unavailable"
    retry_helps = True


class DatabaseUnavailable(Unavailable):
    """The database can't be reached, is locked for too long, or has no usable schema."""

    code = "database-unavailable"


class DatabaseUnreachable(DatabaseUnavailable):
    """No connection to the database can be made."""


class DatabaseBusy(DatabaseUnavailable):
    """Another transaction was in the way; the whole of this one can be tried again at once."""


class DatabaseFull(DatabaseUnavailable):
    """There is no room to store anything; only the operator can mend that. Reads go on."""

    code = "database-full"
    retry_helps = False


class BucketUnavailable(Unavailable):
    """The bucket or folder with updates of films can't be reached, or does not let us in."""

    code = "bucket-unavailable"


class UpstreamUnavailable(Unavailable):
    """OMDb can't be reached, or fails: connection errors, 5xx, a CDN's HTML page."""

    code = "upstream-unavailable"


class UpstreamTimeout(UpstreamUnavailable):
    """OMDb did not answer within the deadline."""

    code = "upstream-timeout"


class UpstreamQuota(UpstreamUnavailable):
    """OMDb says that the requests of the day are spent; trying again at once won't help."""

    code = "upstream-quota"


class UpstreamRefused(UpstreamUnavailable):
    """OMDb does not accept the API key; only the operator can mend that."""

    code = "upstream-refused"
    retry_helps = False


class UpstreamInvalid(UpstreamUnavailable):
    """OMDb answered with something that its protocol does not have, such as broken JSON."""

    code = "upstream-invalid"
    retry_helps = False


_STORED: dict[str, type[MoviesError]] = {
    kind.code: kind
    for kind in (
        NotFound,
        DatabaseUnavailable,
        DatabaseFull,
        UpstreamTimeout,
        UpstreamQuota,
        UpstreamRefused,
        UpstreamInvalid,
    )
}


def error_of(code: str, message: str, *, retry_after_seconds: int | None = None) -> MoviesError:
    """Return an error as it was before it was stored; of an unknown code, trouble of OMDb."""
    kind = _STORED.get(code, UpstreamUnavailable)
    return kind(message, retry_after_seconds=retry_after_seconds)
