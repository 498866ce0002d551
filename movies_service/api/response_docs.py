"""OpenAPI documentation of responses: errors by class, and headers of writes."""

from http import HTTPStatus
from typing import Any, NamedTuple

from common.errors import MoviesError
from movies_service.api.schemas.problem import ProblemOut
from movies_service.http_semantics.headers import REVISION_HEADER
from movies_service.http_semantics.problem_details import MEDIA_TYPE, problem_document, status_for

Responses = dict[int | str, dict[str, Any]]

REVISION = {
    "headers": {
        REVISION_HEADER: {
            "description": (
                "Revision of the catalogue after this write. Send it with a read to get this"
                " revision or a newer one, whichever process serves the read."
            ),
            "schema": {"type": "integer"},
        }
    }
}
"""Documentation of the header that responses to writes of movies have."""


class HttpError(NamedTuple):
    """Error of the protocol, which no class of `common.errors` stands for."""

    status: HTTPStatus
    code: str
    detail: str


DeclaredError = HttpError | MoviesError | type[MoviesError]
"""An instance is documented with its message, a class with the first line of its docstring."""


def errors(*declared: DeclaredError) -> Responses:
    """Return the documentation of error responses: status, description and an example for each."""
    responses: Responses = {}
    add_errors(responses, *declared)
    return responses


def add_errors(responses: dict[Any, Any], *declared: DeclaredError) -> None:
    """Add errors to documented responses; of several errors with one code the first is shown."""
    for status, code, detail in map(_to_http_error, declared):
        content = {"schema": {"$ref": f"#/components/schemas/{ProblemOut.__name__}"}}
        response = responses.setdefault(
            str(status.value),
            {"description": f"{status.phrase}:", "content": {MEDIA_TYPE: content}},
        )
        examples = response["content"][MEDIA_TYPE].setdefault("examples", {})
        if code not in examples:
            response["description"] += f" {detail}"
            examples[code] = {"value": problem_document(status, code, detail, "9f2c1d7a5b3e4f60")}


def _to_http_error(declared: DeclaredError) -> HttpError:
    if isinstance(declared, HttpError):
        return declared
    if isinstance(declared, type):
        declared = declared(str(declared.__doc__).partition("\n")[0])
    return HttpError(status_for(declared), declared.code, declared.message)
