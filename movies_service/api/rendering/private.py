"""Answers that are for nobody but who has asked."""

from http import HTTPStatus

from fastapi import Response
from pydantic import BaseModel


def answer_privately(
    document: BaseModel, status: HTTPStatus = HTTPStatus.OK, **headers: str
) -> Response:
    """Return a JSON answer that nobody keeps."""
    return Response(
        document.model_dump_json(),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **headers},
    )
