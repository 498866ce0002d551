"""Command `openapi`: print the OpenAPI document."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from movies_service.app import create_api


class Form(StrEnum):
    """Formats of the document."""

    JSON = "json"
    YAML = "yaml"


def openapi(
    form: Annotated[Form, typer.Option("--format", help="Format of the document.")] = Form.JSON,
) -> None:
    """Print the OpenAPI document, which the service also returns at GET /openapi.json."""
    print(write_openapi(form), end="")


def write_openapi(form: Form) -> str:
    """Return the OpenAPI document as text, with a final line feed."""
    document = create_api().openapi()
    if form is Form.JSON:
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    import yaml  # noqa: PLC0415 - Only this command needs it, and `serve` imports this module.

    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
