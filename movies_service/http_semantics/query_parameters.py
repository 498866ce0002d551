"""Strict query parameters: few, only documented ones, each given once."""

from collections import Counter
from collections.abc import Sequence

from common.errors import InvalidInput
from common.invalid_values import describe_unknown

PARAMETERS_MAX = 32
"""Largest number of query parameters of a request; no endpoint has half as many."""

TOO_MANY = InvalidInput(f"Send at most {PARAMETERS_MAX} query parameters.", field="query")


def has_too_many(query_string: bytes) -> bool:
    """Return whether a query has more than `PARAMETERS_MAX` parameters, without parsing it."""
    return query_string.count(b"&") >= PARAMETERS_MAX


def require_known(pairs: Sequence[tuple[str, str]], documented: Sequence[str]) -> None:
    """Require that each parameter is documented and given once.

    Raises:
        InvalidInput: a parameter is unknown, and the message suggests the closest name; or a
            parameter is repeated.
    """
    for name, count in Counter(name for name, _value in pairs).items():
        if name not in documented:
            raise InvalidInput(_hint(name, documented), field="query")
        if count > 1:
            raise InvalidInput("This parameter must be given only once.", field=f"query.{name}")


def _hint(name: str, documented: Sequence[str]) -> str:
    if not documented:
        return "This path accepts no query parameters."
    return f"Unknown query parameter: {describe_unknown(name, documented)}."
