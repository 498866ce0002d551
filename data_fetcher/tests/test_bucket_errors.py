"""Each cause of an unusable bucket has its own sentence, from obstore and from boto3."""

import datetime as dt
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import boto3
import pytest
from botocore.exceptions import BotoCoreError

from common.errors import BucketThrottled, BucketUnavailable
from data_fetcher.object_stores import factory, s3_client
from data_fetcher.object_stores.bucket import Bucket
from data_fetcher.object_stores.bucket_errors import translate_obstore_error
from data_fetcher.object_stores.factory import open_store
from data_fetcher.object_stores.port import ObjectVersion

pytestmark = pytest.mark.integration

VERSION = ObjectVersion("a.json", '"1"', 2, dt.datetime(2026, 11, 21, tzinfo=dt.UTC))
SECRET = "wJalrXUtnFEMI"


class Endpoint(BaseHTTPRequestHandler):
    """Endpoint of S3 that gives one response to all requests; without one it hangs."""

    status: ClassVar[int | None] = 403
    code: ClassVar[str] = ""
    is_over: ClassVar[threading.Event]

    def do_GET(self) -> None:
        if self.status is None:
            self.is_over.wait(30)
            return
        body = f"<Error><Code>{self.code}</Code><Message>{SECRET}</Message></Error>".encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_DELETE = do_GET  # noqa: N815 - The name that the base class calls.

    def log_message(self, *_arguments: object) -> None:
        """Print nothing."""


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Endpoint]]:
    """Yield the handler of an endpoint that the environment names; requests are not repeated."""
    Endpoint.is_over = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(factory, "_RETRY_TIMEOUT", dt.timedelta(0))
    monkeypatch.setattr(s3_client, "_ATTEMPTS", 1)
    yield Endpoint
    Endpoint.is_over.set()
    server.shutdown()
    thread.join()
    server.server_close()


def errors() -> list[BucketUnavailable]:
    """Return the errors of listing through obstore, and of deleting through boto3."""
    store = open_store("s3://bucket/movies")
    assert isinstance(store, Bucket)
    raised = []
    for call in (lambda: store.list(10), lambda: store.delete_if_unchanged(VERSION)):
        with pytest.raises(BucketUnavailable) as error:
            call()
        assert SECRET not in error.value.message
        raised.append(error.value)
    return raised


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, "AccessDenied", "denies access (403 AccessDenied): check that the credentials"),
        (403, "InvalidAccessKeyId", "rejects the credentials (403 InvalidAccessKeyId)"),
        (403, "SignatureDoesNotMatch", "rejects the credentials (403 SignatureDoesNotMatch)"),
        (403, "RequestTimeTooSkewed", "set the clock"),
        (401, "", "rejects the credentials (401)"),
        (400, "ExpiredToken", "rejects the credentials (400 ExpiredToken)"),
        (404, "NoSuchBucket", "does not exist (404 NoSuchBucket): check its name"),
        (400, "AuthorizationHeaderMalformed", "check AWS_REGION"),
        (301, "PermanentRedirect", "check AWS_REGION"),
        (418, "", "rejects the request (418)"),
        (500, "InternalError", "fails (500 InternalError)"),
        (503, "SlowDown", "limits its requests (503 SlowDown)"),
        (429, "TooManyRequests", "limits its requests (429 TooManyRequests)"),
    ],
)
def test_names_the_cause_of_a_response_by_status_and_code(
    endpoint: type[Endpoint], status: int, code: str, message: str
) -> None:
    endpoint.status, endpoint.code = status, code
    for error in errors():
        assert message in error.message
        assert isinstance(error, BucketThrottled) == (status in {429, 503})


def test_names_a_hanging_endpoint(
    endpoint: type[Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.status = None
    monkeypatch.setattr(factory, "_TIMEOUTS", {"read_timeout": "50ms"})
    monkeypatch.setattr(s3_client, "_READ_TIMEOUT_SECONDS", 0.05)
    for error in errors():
        assert "did not respond in time" in error.message


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:9", "can't be connected to"),
        ("http://no-such-host.invalid", "host of the bucket's endpoint is unknown"),
    ],
)
def test_names_an_endpoint_without_a_server(
    endpoint: type[Endpoint], monkeypatch: pytest.MonkeyPatch, url: str, message: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    listing, deleting = errors()
    assert message in listing.message
    assert "can't be connected to" in deleting.message


def test_names_wrong_use_of_tls(endpoint: type[Endpoint], monkeypatch: pytest.MonkeyPatch) -> None:
    url = os.environ["AWS_ENDPOINT_URL"]
    monkeypatch.setenv("AWS_ALLOW_HTTP", "false")
    with pytest.raises(BucketUnavailable, match="set AWS_ALLOW_HTTP"):
        open_store("s3://bucket/movies").list(10)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url.replace("http:", "https:"))
    with pytest.raises(BucketUnavailable, match="TLS with the endpoint"):
        open_store("s3://bucket/movies").list(10)


def test_names_missing_credentials(
    endpoint: type[Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "Error performing PUT http://169.254.169.254/latest/api/token - 403 inner: status: 403,"
    assert "No credentials" in translate_obstore_error(OSError(text)).message
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/not/there")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/not/there")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # It holds those of other tests.
    with pytest.raises(BucketUnavailable, match="No credentials of the bucket were found"):
        s3_client.S3Client("bucket", "movies").list(10)


def test_names_another_response_than_a_listing(endpoint: type[Endpoint]) -> None:
    endpoint.status, endpoint.code = 200, "<p>"
    with pytest.raises(BucketUnavailable, match="does not respond as an object store"):
        open_store("s3://bucket/movies").list(10)


def test_other_errors_are_named_by_their_class() -> None:
    assert "(OSError)" in translate_obstore_error(OSError("odd")).message
    with (
        pytest.raises(BucketUnavailable, match=r"\(BotoCoreError\)"),
        s3_client._errors_translated(),
    ):
        raise BotoCoreError
