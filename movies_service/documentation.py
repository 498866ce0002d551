"""The description of the API, completed with what FastAPI does not put in by itself."""

import functools
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from movies_service.schemas.problem import ProblemOut

_REF = "#/components/schemas/{model}"


def complete_documentation(api: FastAPI) -> None:
    """Add the schema of problems: FastAPI would document it as plain `application/json`."""
    generate = api.openapi

    @functools.cache
    def openapi() -> dict[str, Any]:
        document = generate()
        _, schemas = models_json_schema([(ProblemOut, "serialization")], ref_template=_REF)
        document["components"]["schemas"].update(schemas["$defs"])
        return document

    api.openapi = openapi  # type: ignore[method-assign]  # As FastAPI documents it.
