"""Which folder or bucket a URL means."""

import datetime as dt
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from common.errors import InvalidSetting
from data_fetcher.object_stores.folder import Folder
from data_fetcher.object_stores.port import UpdateStore

FORMS = "dir:/path, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"

_FOLDER = "dir:"

_ALLOW_HTTP = {"s3": "AWS_ALLOW_HTTP", "gs": "GOOGLE_ALLOW_HTTP", "az": "AZURE_ALLOW_HTTP"}


def name_of(url: str) -> str:
    """Return what all processes call it, from whatever folder they were started."""
    if not url.startswith(_FOLDER):
        return url.rstrip("/")
    return f"{_FOLDER}{Path(url.removeprefix(_FOLDER)).absolute()}"


def open_store(url: str) -> UpdateStore:
    """Return the folder or bucket.

    Credentials of buckets come from the environment, as their providers' own programs take them
    (`AWS_…`, `GOOGLE_…`, `AZURE_…`).

    Raises:
        InvalidSetting: the URL is none of these, the folder is not there, or credentials are
            missing.
    """
    if url.startswith(_FOLDER):
        path = Path(name_of(url).removeprefix(_FOLDER))
        if not path.is_dir():
            raise InvalidSetting("The folder with updates is not there: make it first.")
        return Folder(path)
    parts = urlsplit(url)
    if parts.scheme not in _ALLOW_HTTP or not parts.netloc or parts.query or parts.username:
        raise InvalidSetting(f"Updates come from {FORMS}.")
    return _open_bucket(name_of(url), parts.scheme, parts.netloc, parts.path.strip("/"))


def _open_bucket(url: str, scheme: str, name: str, prefix: str) -> UpdateStore:
    # Half a second and 30 MB, for those who have a bucket.
    from obstore.exceptions import BaseError  # noqa: PLC0415 - See above.
    from obstore.store import from_url  # noqa: PLC0415 - The same.

    from data_fetcher.object_stores.bucket import Bucket  # noqa: PLC0415 - The same.

    options: Any = {"connect_timeout": "5s", "timeout": "60s", **_without_tls(scheme)}
    retries: Any = {"max_retries": 2, "retry_timeout": dt.timedelta(seconds=10)}
    try:
        store: Any = from_url(url, client_options=options, retry_config=retries)
    except BaseError as error:
        raise InvalidSetting(
            f"The bucket with updates can't be opened ({type(error).__name__}): check its URL and"
            " the credentials in the environment."
        ) from None
    if scheme != "s3":
        return Bucket(url, store)
    from data_fetcher.object_stores.s3_conditional_delete import S3Removal  # noqa: PLC0415 - The same.

    return Bucket(url, store, S3Removal(name, prefix))


def _without_tls(scheme: str) -> dict[str, str]:
    """Return the option that the environment sets, which others would hide."""
    allowed = os.environ.get(_ALLOW_HTTP[scheme])
    return {} if allowed is None else {"allow_http": allowed}
