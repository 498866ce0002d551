"""The command `openapi`: the description of the API as a document."""

import json
from enum import StrEnum
from typing import Annotated

import typer
import yaml

from movies_service.app import create_api


class Form(StrEnum):
    """How the document is written."""

    JSON = "json"
    YAML = "yaml"


def openapi(
    form: Annotated[Form, typer.Option("--format", help="How it is written.")] = Form.JSON,
) -> None:
    """Print the OpenAPI document; it is the same as GET /openapi.json."""
    print(write_openapi(form), end="")


def write_openapi(form: Form) -> str:
    """Return the document, ending in a line feed."""
    document = create_api().openapi()
    if form is Form.JSON:
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
