"""Shared parts of the schemas: base models, fields, and the configuration with examples."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from common.invalid_values import pattern_with
from common.text import is_storable

NUMBER_PATTERN = pattern_with("42", "^[1-9][0-9]{0,15}$")
"""Regular expression of an id that the database has counted up."""

TEXT_TAG, OBJECT_TAG = "[text]", "[object]"
UNION_TAGS = (TEXT_TAG, OBJECT_TAG)
"""Tags of the kinds of a value that may be a text or an object; no field has such a name."""


def require_storable(value: str) -> str:
    """Return `value` if every database can store it, and thus look it up.

    Raises:
        ValueError: it contains NUL or an unpaired surrogate.
    """
    if not is_storable(value):
        raise ValueError("it must not contain NUL or an unpaired surrogate")
    return value


StorableText = Annotated[
    str, Field(json_schema_extra={"pattern": r"^[^\u0000]*$"}), AfterValidator(require_storable)
]
"""Text that is only compared with stored ones, and may be empty."""


def _require_digits(value: object) -> object:
    """Return the value if it is no text, or a text of the digits 0 to 9.

    Python and pydantic also accept `1_0`, ` 1`, `+1` and `1.0` as numbers.

    Raises:
        ValueError: the text contains other characters, or none.
    """
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("it must be a whole number, written with the digits 0 to 9")
    return value


Digits = BeforeValidator(_require_digits)
"""Converts a query parameter to a number strictly."""

NextUrl = Annotated[
    str | None, Field(description="URL of the next, older page; `null` on the last page.")
]


def examples(*documents: JsonDict) -> ConfigDict:
    """Return the configuration of a model whose JSON Schema contains these examples."""
    return ConfigDict(json_schema_extra={"examples": list(documents)})


class RequestBody(BaseModel):
    """JSON body of a request: without unknown fields and conversions between JSON types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class PageParameters(BaseModel):
    """Page of a list that is ordered by descending id."""

    model_config = ConfigDict(extra="forbid")

    before: Annotated[Annotated[int, Field(ge=1, le=2**53)] | None, Digits] = Field(
        default=None, description="Return items older than the one with this id."
    )
    limit: Annotated[int, Digits, Field(ge=1, le=100, description="Items per page.")] = 50
