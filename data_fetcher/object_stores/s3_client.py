"""Requests to S3 through boto3, for what obstore does not support."""

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from common.errors import BucketUnavailable
from data_fetcher.object_stores.bucket_errors import (
    NO_CREDENTIALS,
    REFUSED,
    TIMEOUT,
    describe_other,
    error_of_response,
)
from data_fetcher.object_stores.port import REJECTED, ObjectVersion

UNSUPPORTED_MAX = 100
"""Maximum number of objects with unsupported keys in a listing, so that they block no others."""

_CONNECTIONS, _ATTEMPTS, _READ_TIMEOUT_SECONDS = 16, 2, 10.0
_CONTROL_CHARACTERS = frozenset(map(chr, [*range(32), 127]))
_NOT_DELETED = frozenset({"PreconditionFailed", "412", "NoSuchKey", "404"})
_BY_ERROR: tuple[tuple[type[BotoCoreError], str], ...] = (
    (NoCredentialsError, NO_CREDENTIALS),
    (EndpointConnectionError, REFUSED),
    (ConnectTimeoutError, TIMEOUT),
    (ReadTimeoutError, TIMEOUT),
)


class S3Client:
    """Listing of any key, and deletion with `If-Match`.

    Args:
        bucket: Name of the bucket.
        prefix: Prefix of all keys, without leading and trailing slash; may be empty.
    """

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._client: Any = boto3.client(
            "s3",
            region_name=os.environ.get("AWS_REGION"),
            config=Config(
                connect_timeout=5,
                read_timeout=_READ_TIMEOUT_SECONDS,
                retries={"total_max_attempts": _ATTEMPTS},
                max_pool_connections=_CONNECTIONS,
            ),
        )

    def list(self, limit: int) -> list[ObjectVersion]:
        """Return the objects of the first listing pages; takes ten times as long as obstore.

        Reading stops after the page that reaches the limit. Empty objects whose keys end in a
        slash, by which tools show folders, are left out. Of those whose keys obstore does not
        support, at most `UNSUPPORTED_MAX` are returned.

        Raises:
            BucketUnavailable: S3 cannot be reached or denies access.
        """
        supported: list[ObjectVersion] = []
        unsupported: list[ObjectVersion] = []
        pages = self._client.get_paginator("list_objects_v2")
        with _errors_translated():
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix):
                for listed in page.get("Contents", ()):
                    version = self._to_version(listed)
                    is_folder = version.key.endswith("/") and not version.size_bytes
                    if version.key and not is_folder and not version.key.startswith(REJECTED):
                        (supported if version.is_supported else unsupported).append(version)
                if len(supported) >= limit:
                    break
        return supported + unsupported[:UNSUPPORTED_MAX]

    def delete(self, key: str, etag: str) -> None:
        """Delete the object if it has this ETag; do nothing if it changed or does not exist.

        Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html.

        Raises:
            BucketUnavailable: S3 cannot be reached or denies access.
        """
        with _errors_translated(_NOT_DELETED):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key, IfMatch=etag)

    def _to_version(self, listed: dict[str, Any]) -> ObjectVersion:
        key = listed["Key"].removeprefix(self._prefix)
        return ObjectVersion(
            key,
            listed["ETag"],
            listed["Size"],
            listed["LastModified"].astimezone(dt.UTC),
            is_supported=_is_supported(key),
        )


def _is_supported(key: str) -> bool:
    """Return whether obstore can read an object with this key."""
    return not _CONTROL_CHARACTERS.intersection(key) and {"", ".", ".."}.isdisjoint(key.split("/"))


@contextmanager
def _errors_translated(ignored_codes: frozenset[str] = frozenset()) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response["Error"].get("Code") or ""
        if code not in ignored_codes:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise error_of_response(status, code) from None
    except BotoCoreError as error:
        message = next((text for kind, text in _BY_ERROR if isinstance(error, kind)), None)
        raise BucketUnavailable(message or describe_other(error)) from None
