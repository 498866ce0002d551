"""Content negotiation by `Accept-Encoding`."""

IDENTITY, GZIP, BR = b"identity", b"gzip", b"br"


def negotiate_encoding(accept_encoding: bytes) -> bytes:
    """Return the most compact encoding that the client accepts: `br`, else `gzip`, else `identity`.

    A weight above 0 accepts an encoding, regardless of its size; a weight that is no number counts
    as 0.

    Source: RFC 9110, section 12.5.3.
    """
    weights: dict[bytes, float] = {}
    for part in accept_encoding.lower().split(b","):
        name, _, parameter = part.strip().partition(b";")
        try:
            weights[name.strip()] = float(parameter.strip().removeprefix(b"q=") or 1)
        except ValueError:
            weights[name.strip()] = 0
    default_weight = weights.get(b"*", 0)
    for encoding in (BR, GZIP):
        if weights.get(encoding, default_weight) > 0:
            return encoding
    return IDENTITY
