"""Conditional responses: a strong ETag, and a 304 if the client has the representation."""

from fastapi import Request, Response

from movies_service.http_semantics.etags import compute_etag, matches_if_none_match

CACHE_CONTROL = "public, max-age=0, must-revalidate"
"""Any cache may store the response, but must revalidate it before each use."""


def json_response(request: Request, body: bytes, headers: dict[str, str] | None = None) -> Response:
    """Return a 200 with the JSON `body`, or a 304 without it if `If-None-Match` names its ETag.

    Source: RFC 9110, sections 8.8 (validators) and 13.1.2 (If-None-Match).
    """
    etag = compute_etag(body)
    all_headers = {"ETag": etag, "Cache-Control": CACHE_CONTROL, **(headers or {})}
    if matches_if_none_match(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=all_headers)
    return Response(body, media_type="application/json", headers=all_headers)
