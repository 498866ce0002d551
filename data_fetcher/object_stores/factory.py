"""Factory that opens the object store of a URL."""

import datetime as dt
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from common.errors import InvalidSetting
from data_fetcher.object_stores.folder import Folder
from data_fetcher.object_stores.port import ObjectStore

FORMS = "dir:/path, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"

_FOLDER = "dir:"

_ALLOW_HTTP = {"s3": "AWS_ALLOW_HTTP", "gs": "GOOGLE_ALLOW_HTTP", "az": "AZURE_ALLOW_HTTP"}

_TIMEOUTS = {"connect_timeout": "5s", "read_timeout": "12s", "timeout": "60s"}
"""Timeouts of a connection, of a pause within a response, and of a whole request."""

_RETRY_TIMEOUT = dt.timedelta(seconds=10)
"""Time after which a request is not repeated; less than a hanging response takes."""


def normalized_url(url: str) -> str:
    """Return the URL in the form that names the store in the database.

    A folder's path becomes absolute, so that the form is independent of the working directory.
    """
    if not url.startswith(_FOLDER):
        return url.rstrip("/")
    return f"{_FOLDER}{Path(url.removeprefix(_FOLDER)).absolute()}"


def open_store(url: str) -> ObjectStore:
    """Return the folder or bucket of a URL.

    Credentials of buckets are read from the environment variables of the providers (`AWS_…`,
    `GOOGLE_…`, `AZURE_…`).

    Raises:
        InvalidSetting: The URL is unsupported, the folder does not exist, or credentials are
            missing.
    """
    if url.startswith(_FOLDER):
        path = Path(normalized_url(url).removeprefix(_FOLDER))
        if not path.is_dir():
            raise InvalidSetting("The folder with updates does not exist: create it first.")
        return Folder(path)
    parts = urlsplit(url)
    if parts.scheme not in _ALLOW_HTTP or not parts.netloc or parts.query or parts.username:
        raise InvalidSetting(f"The ingest source must be {FORMS}.")
    return _open_bucket(normalized_url(url), parts.scheme, parts.netloc, parts.path.strip("/"))


def _open_bucket(url: str, scheme: str, name: str, prefix: str) -> ObjectStore:
    # These imports cost half a second and 30 MB, so that only bucket users pay for them.
    from obstore.exceptions import BaseError  # noqa: PLC0415 - See above.
    from obstore.store import from_url  # noqa: PLC0415 - The same.

    from data_fetcher.object_stores.bucket import Bucket  # noqa: PLC0415 - The same.

    options: Any = {**_TIMEOUTS, **_without_tls(scheme)}
    retries: Any = {"max_retries": 2, "retry_timeout": _RETRY_TIMEOUT}
    try:
        store: Any = from_url(url, client_options=options, retry_config=retries)
    except BaseError as error:
        raise InvalidSetting(
            f"The bucket with updates can't be opened ({type(error).__name__}): check its URL, and"
            " the credentials in the environment."
        ) from None
    if scheme != "s3":
        return Bucket(url, store)
    from data_fetcher.object_stores.s3_client import S3Client  # noqa: PLC0415 - The same.

    return Bucket(url, store, S3Client(name, prefix))


def _without_tls(scheme: str) -> dict[str, str]:
    """Return the HTTP option of the environment, which explicit client options would override."""
    allowed = os.environ.get(_ALLOW_HTTP[scheme])
    return {} if allowed is None else {"allow_http": allowed}
