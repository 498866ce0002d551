"""Errors of buckets: their causes, each with what to check."""

import re
from http import HTTPStatus

from common.errors import BucketThrottled, BucketUnavailable

NO_CREDENTIALS = (
    "No credentials of the bucket were found: set them in the environment (AWS_ACCESS_KEY_ID and"
    " AWS_SECRET_ACCESS_KEY, GOOGLE_APPLICATION_CREDENTIALS, or AZURE_STORAGE_ACCOUNT_NAME and"
    " AZURE_STORAGE_ACCOUNT_KEY)."
)
REFUSED = (
    "The endpoint of the bucket can't be connected to: check AWS_ENDPOINT_URL or the like, and that"
    " the server runs and no firewall is between."
)
TIMEOUT = (
    "The endpoint of the bucket did not respond in time: check AWS_ENDPOINT_URL or the like, the"
    " network, and the state of the provider."
)
_CREDENTIALS = "The bucket rejects the credentials: check the key and its secret."
_REGION = "The bucket is in another region or at another endpoint: check AWS_REGION."
_UNKNOWN_HOST = (
    "The host of the bucket's endpoint is unknown: check AWS_ENDPOINT_URL or the like, and the name"
    " server."
)
_NO_TLS = (
    "The endpoint of the bucket has no TLS: if that is intended, set AWS_ALLOW_HTTP,"
    " GOOGLE_ALLOW_HTTP or AZURE_ALLOW_HTTP to true."
)
_TLS_FAILED = (
    "TLS with the endpoint of the bucket failed: check its certificate, and whether the URL in"
    " AWS_ENDPOINT_URL or the like has to begin with http://."
)
_NO_STORE = (
    "The endpoint of the bucket does not respond as an object store: check AWS_ENDPOINT_URL or the"
    " like."
)
_METADATA_HOSTS = re.compile(r"169\.254\.\d+\.\d+|metadata\.google\.internal")
"""Hosts that a client asks for credentials if the environment has none."""

_BY_TEXT = tuple(
    (re.compile(pattern), message)
    for pattern, message in (
        (_METADATA_HOSTS.pattern, NO_CREDENTIALS),
        ("BadScheme", _NO_TLS),
        ("BareRedirect", _REGION),
        ("kind: Timeout", TIMEOUT),
        ("failed to lookup address", _UNKNOWN_HOST),
        ("kind: InvalidData", _TLS_FAILED),
        ("kind: (Connect|Request)", REFUSED),
        ("InvalidListResponse", _NO_STORE),
    )
)
"""Sentences by what the text of an obstore error contains; the first match counts."""

_BY_CODE = {
    "AuthorizationHeaderMalformed": _REGION,
    "RequestTimeTooSkewed": "The bucket rejects the time of the request: set the clock.",
    **dict.fromkeys(
        (
            "AuthenticationFailed",
            "ExpiredToken",
            "InvalidAccessKeyId",
            "InvalidToken",
            "SignatureDoesNotMatch",
        ),
        _CREDENTIALS,
    ),
}
"""Sentences by S3's and Azure's error codes."""

_BY_STATUS: dict[int, str] = {
    HTTPStatus.MOVED_PERMANENTLY: _REGION,
    HTTPStatus.TEMPORARY_REDIRECT: _REGION,
    HTTPStatus.UNAUTHORIZED: _CREDENTIALS,
    HTTPStatus.FORBIDDEN: (
        "The bucket denies access: check that the credentials permit list, read, write and delete."
    ),
    HTTPStatus.NOT_FOUND: (
        "The bucket does not exist: check its name, its region and its endpoint."
    ),
}
_FAILING = "The server of the bucket fails: check the state of the provider."
_REJECTED = "The bucket rejects the request: check its URL and its endpoint."
_THROTTLED = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_STATUS = re.compile(r"\bstatus: (\d{3}),")
_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")


def translate_obstore_error(error: Exception) -> BucketUnavailable:
    """Return the cause of an obstore error; its text, which may hold credentials, is left out."""
    text = str(error)
    status, code = _STATUS.search(text), _CODE.search(text)
    if status and not _METADATA_HOSTS.search(text):
        return error_of_response(int(status[1]), code[1] if code else "")
    message = next((message for pattern, message in _BY_TEXT if pattern.search(text)), None)
    return BucketUnavailable(message or describe_other(error))


def error_of_response(status: int, code: str) -> BucketUnavailable:
    """Return the cause of an HTTP response.

    Args:
        status: Its status.
        code: The code in its body, as `AccessDenied`; may be missing.
    """
    shown = f"{status} {code}" if code.isalpha() else str(status)
    if status in _THROTTLED:
        return BucketThrottled(
            f"The bucket limits its requests ({shown}): they are repeated more slowly. If"
            " that persists, check the limits of the provider."
        )
    is_failing = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    other = _FAILING if is_failing else _BY_STATUS.get(status, _REJECTED)
    message = _BY_CODE.get(code, other)
    return BucketUnavailable(message.replace(":", f" ({shown}):", 1))


def describe_other(error: Exception) -> str:
    """Return a sentence about an error without a known cause."""
    return (
        f"The bucket with updates is unavailable ({type(error).__name__}): check its name, its"
        " endpoint, and that the credentials permit list, read, write and delete."
    )
