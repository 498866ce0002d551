"""The description of the API, completed with what FastAPI does not put in by itself."""

import functools
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from movies_service.schemas.movies import MoviePatchIn
from movies_service.schemas.problem import ProblemOut
from movies_service.schemas.users import SignInIn

_MODELS: list[tuple[type[BaseModel], JsonSchemaMode]] = [
    (ProblemOut, "serialization"),
    (MoviePatchIn, "validation"),
    (SignInIn, "validation"),
]
"""What endpoints read or write past FastAPI."""

_REF = "#/components/schemas/{model}"


def complete_documentation(api: FastAPI) -> None:
    """Add the schemas of problems, and of bodies that endpoints read themselves."""
    generate = api.openapi

    @functools.cache
    def openapi() -> dict[str, Any]:
        document = generate()
        _, schemas = models_json_schema(_MODELS, ref_template=_REF)
        document["components"]["schemas"].update(schemas["$defs"])
        return document

    api.openapi = openapi  # type: ignore[method-assign]  # As FastAPI documents it.
