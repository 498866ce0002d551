"""Conditional delete of S3 objects by ETag."""

import os
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from common.errors import BucketUnavailable

_CONNECTIONS = 16
_NOT_DELETED = frozenset({"PreconditionFailed", "412", "NoSuchKey", "404"})


class S3ConditionalDelete:
    """Deletion of objects with `If-Match`, which obstore does not support.

    Args:
        bucket: Name of the bucket.
        prefix: Prefix of all keys, without leading and trailing slash; may be empty.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html.
    """

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._client: Any = boto3.client(
            "s3",
            region_name=os.environ.get("AWS_REGION"),
            config=Config(
                connect_timeout=5,
                read_timeout=10,
                retries={"total_max_attempts": 2},
                max_pool_connections=_CONNECTIONS,
            ),
        )

    def __call__(self, key: str, etag: str) -> None:
        """Delete the object if it has this ETag; do nothing if it changed or does not exist.

        Raises:
            BucketUnavailable: S3 cannot be reached or denies access.
        """
        try:
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key, IfMatch=etag)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _NOT_DELETED:
                raise _unusable(error) from None
        except BotoCoreError as error:
            raise _unusable(error) from None


def _unusable(error: Exception) -> BucketUnavailable:
    return BucketUnavailable(
        f"Objects of the bucket with updates can't be deleted ({type(error).__name__}): check that"
        " the credentials permit it."
    )
