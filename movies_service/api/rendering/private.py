"""Private responses, which caches must not store."""

from http import HTTPStatus
from typing import Protocol

from fastapi import Response


class Document(Protocol):
    """Model of a response body."""

    def model_dump_json(self) -> str:
        """Return the body as JSON."""
        ...


class Resource(Document, Protocol):
    """Model of a resource with a URL."""

    self_url: str


def private_json_response(
    document: Document, status: HTTPStatus = HTTPStatus.OK, **headers: str
) -> Response:
    """Return a JSON response with `Cache-Control: no-store`."""
    return Response(
        document.model_dump_json(),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **headers},
    )


def created_response(resource: Resource) -> Response:
    """Return the private 201 of a new resource, with its URL in `Location`."""
    return private_json_response(resource, HTTPStatus.CREATED, Location=resource.self_url)
