"""Reference of the API: its calls, the fields of a movie, the format of updates."""

import re
from typing import Any

from data_fetcher.ingest.movie_update import UPDATE_DOCUMENT, UpdateDocument
from docs.site.tables import attribute_docstrings, first_sentence, table
from movies_service.app import create_api

_ACCESS = re.compile(
    r" ?(Public|Requires the scope `[a-z:]+`[^.]*|Requires any valid credential)\."
)
_METHODS = ("get", "post", "patch", "delete", "put")


def describe_calls() -> str:
    """Render a table of all calls, by tag and in the order of the OpenAPI document."""
    by_tag: dict[str, list[tuple[str, str, str]]] = {}
    for path, item in create_api().openapi()["paths"].items():
        for method in _METHODS:
            if call := item.get(method):
                row = f"`{method.upper()} {path}`", _description(call), _access(call)
                by_tag.setdefault(call["tags"][0], []).append(row)
    return "\n\n".join(
        f"### {tag[0].upper()}{tag[1:]}\n\n{table(('call', 'effect', 'credential'), rows)}"
        for tag, rows in by_tag.items()
    )


def _description(call: dict[str, Any]) -> str:
    """Return summary and first paragraph of a call, without what the last column says."""
    about = first_sentence(call.get("description"))
    return f"**{call['summary']}.** {_ACCESS.sub('', about)}"


def _access(call: dict[str, Any]) -> str:
    """Return the scope that a call needs, or that it is public, or that any credential will do."""
    scope = re.search(r"[Rr]equires? (?:the|any of the) scopes? (`[a-z:]+`)", _words(call))
    if {} in call["security"]:
        return f"public, or {scope[1]} where restricted" if scope else "public"
    return scope[1] if scope else "any"


def _words(call: dict[str, Any]) -> str:
    return re.sub(r"\s+", " ", call.get("description", ""))


def describe_fields() -> str:
    """Render a table of the fields of a movie."""
    schema = create_api().openapi()["components"]["schemas"]["MovieOut"]
    rows = [
        (f"`{name}`", _type(field), field.get("description", ""))
        for name, field in schema["properties"].items()
    ]
    return table(("field", "type", "meaning"), rows)


def describe_updates() -> str:
    """Render a table of the fields of an update."""
    schema = UPDATE_DOCUMENT.json_schema()
    meanings = attribute_docstrings(UpdateDocument)
    rows = [
        (
            f"`{name}`",
            _type(field),
            _limits(field),
            field.get("description", meanings.get(name, "")),
        )
        for name, field in schema["properties"].items()
    ]
    return table(("field", "type", "limits", "meaning"), rows)


def _type(field: dict[str, Any]) -> str:
    """Return the JSON type of a field in words."""
    if "anyOf" in field:
        kinds = [_type(each) for each in field["anyOf"]]
        return " or ".join(kinds)
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array":
        return f"array of {_type(field['items'])}s"
    if "$ref" in field:
        return "`{source, value}` object"
    kind = str(field.get("type", ""))
    formats = {"date": "string (ISO date)", "date-time": "string (ISO time with offset)"}
    return formats.get(field.get("format", ""), "`null`" if kind == "null" else kind)


def _limits(field: dict[str, Any]) -> str:
    """Return the limits of a field in words, of the first of its types."""
    kind = next(iter(field.get("anyOf", [field])))
    if "minimum" in kind and "maximum" in kind:
        return f"{kind['minimum']:,} to {kind['maximum']:,}"
    if "maxItems" in kind:
        return f"at most {kind['maxItems']:,} items"
    if "maxLength" in kind:
        return f"at most {kind['maxLength']:,} characters"
    return f"`{kind['pattern']}`" if "pattern" in kind else ""
