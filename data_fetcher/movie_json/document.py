"""Models of a movie's JSON: all fields of `MovieFacts`, or changes of some of them."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model

from data_layer.entities.movie import MovieFacts
from data_layer.entities.movie_fields import MovieId, meaning

_Model = TypeVar("_Model", bound=BaseModel)

_TYPES = get_type_hints(MovieFacts, include_extras=True)
_DEFAULTS = {
    field.name: ... if field.default is dataclasses.MISSING else field.default
    for field in dataclasses.fields(MovieFacts)
}

MOVIE_FIELDS: dict[str, Any] = {name: (_TYPES[name], _DEFAULTS[name]) for name in _TYPES}
"""Type and default of each field of `MovieFacts`; `...` means required."""

CHANGE_TYPES: dict[str, Any] = {
    name: kind | None if default == () else kind for name, (kind, default) in MOVIE_FIELDS.items()
}
"""Type of each field in a change of a movie, where `null` clears a list too."""


def with_fields(fields: Mapping[str, Any]) -> Callable[[type[_Model]], type[_Model]]:
    """Return a class decorator that appends fields, given as type and default, to a model."""

    def decorate(model: type[_Model]) -> type[_Model]:
        return create_model(
            model.__name__,
            __base__=model,
            __doc__=model.__doc__,
            __module__=model.__module__,
            **fields,
        )

    return decorate


@with_fields(MOVIE_FIELDS)
class MovieDocument(BaseModel):
    """Movie with validated fields; see `MovieFacts`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: MovieId | None = None
    self_url: Annotated[str | None, meaning("Ignored; exported movies contain it.")] = None

    def to_facts(self) -> MovieFacts:
        """Return the movie's facts, which do not include its id."""
        return MovieFacts(**{name: getattr(self, name) for name in MOVIE_FIELDS})


def to_changes(document: Mapping[str, object]) -> dict[str, Any]:
    """Return the new values by field name of `MovieFacts`; `null` becomes the field's default."""
    return {
        name: _DEFAULTS[name] if value is None else value
        for name, value in document.items()
        if name in _DEFAULTS
    }
