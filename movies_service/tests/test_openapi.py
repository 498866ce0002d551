"""OpenAPI document: examples and errors of the operations."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from common.errors import Conflict, DatabaseFull, DatabaseUnavailable, UpstreamQuotaExceeded
from movies_service.api.response_docs import errors
from movies_service.app import create_api

DOCUMENT = create_api().openapi()
COMPONENTS = {"components": DOCUMENT["components"]}
OPERATIONS = [
    pytest.param(operation, id=f"{method} {path}")
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


def find_examples(node: object) -> Iterator[tuple[dict[str, Any], object]]:
    """Yield each example at any depth, with its schema."""
    if isinstance(node, dict):
        if "schema" in node:
            named = [{"value": node["example"]}] if "example" in node else []
            named += node.get("examples", {}).values()
            yield from ((node["schema"], example["value"]) for example in named)
        elif isinstance(node.get("examples"), list):
            yield from ((node, example) for example in node["examples"])
    for child in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from find_examples(child)


def test_every_example_is_valid() -> None:
    examples = list(find_examples(DOCUMENT))
    assert len(examples) > 300
    for schema, example in examples:
        Draft202012Validator(schema | COMPONENTS).validate(example)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_body_has_an_example(operation: dict[str, Any]) -> None:
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    medias = [media for body in bodies for media in body.get("content", {}).values()]
    assert medias
    for media in medias:
        models = re.findall(r"'#/components/schemas/(\w+)'", str(media["schema"]))
        assert media.keys() & {"example", "examples"} or all(
            DOCUMENT["components"]["schemas"][model]["examples"] for model in models
        )


@pytest.mark.parametrize("operation", OPERATIONS)
def test_errors_are_documented_as_problems(operation: dict[str, Any]) -> None:
    failures = {
        status: response["content"]
        for status, response in operation["responses"].items()
        if status >= "400"
    }
    assert failures.keys() >= {"400", "401", "408", "422", "429", "431", "503"}
    assert {media for content in failures.values() for media in content} == {
        "application/problem+json"
    }


def test_examples_show_unknown_values() -> None:
    assert DOCUMENT["components"]["schemas"]["FetchOut"]["examples"][0]["error"] is None


def test_errors_of_one_status_share_a_response() -> None:
    documented = errors(
        DatabaseUnavailable,
        UpstreamQuotaExceeded("Used up."),
        UpstreamQuotaExceeded("A second example of this code."),
    )
    assert list(documented) == ["503"]
    assert documented["503"]["description"] == (
        "Service Unavailable: Database that is unreachable, locked for too long or without a"
        " usable schema. Used up."
    )
    examples = documented["503"]["content"]["application/problem+json"]["examples"]
    assert examples["upstream-quota-exceeded"]["value"]["detail"] == "Used up."
    assert list(examples) == ["database-unavailable", "upstream-quota-exceeded"]


def test_errors_have_the_status_of_their_class() -> None:
    assert list(errors(DatabaseFull, Conflict)) == ["507", "409"]
