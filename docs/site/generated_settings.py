"""Reference of the settings, from the classes in `common.settings`."""

import typing

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from common.settings import Settings, setting_names
from docs.site.tables import attribute_docstrings, code, first_sentence, table

_DEFAULTS = {
    "MOVIES_INGEST_SOURCE": "`dir:updates` if the working folder has a folder `updates`, else `off`"
}
"""Defaults that depend on the surroundings of the process."""


_TITLES = {"Omdb": "OMDb", "Limit": "Limits", "Cache": "Response cache"}


def describe_settings() -> str:
    """Render a table of settings for each topic, with the docstring of each one."""
    names = dict(zip(Settings.model_fields, setting_names(), strict=True))
    return "\n\n".join(_describe_topic(topic, names) for topic in reversed(Settings.__bases__))


def _describe_topic(topic: type, names: dict[str, str]) -> str:
    name_of_topic = topic.__name__.removesuffix("Settings")
    title = _TITLES.get(name_of_topic, name_of_topic)
    docstrings = attribute_docstrings(topic)
    rows = [
        (
            f"`{names[name]}`",
            _DEFAULTS.get(names[name]) or _default(Settings.model_fields[name]),
            _meaning(Settings.model_fields[name], docstring),
        )
        for name, docstring in docstrings.items()
        if name in names
    ]
    about = first_sentence(topic.__doc__)
    return f"## {title}\n\n{about}\n\n{table(('setting', 'default', 'meaning'), rows)}"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value in {None, ()} or value is PydanticUndefined:
        return "none"
    return code([",".join(value) if isinstance(value, tuple) else value])


def _meaning(field: FieldInfo, docstring: str) -> str:
    """Return what a setting means, with the values of an enumeration that the docstring lacks."""
    is_enumeration = typing.get_origin(field.annotation) is typing.Literal
    choices = typing.get_args(field.annotation) if is_enumeration else ()
    if all(f"`{choice}`" in docstring for choice in choices):
        return docstring
    return f"{docstring} One of {code(choices)}."
