"""Client address of a request, from the connection or from trusted proxies."""

import ipaddress
import re
from collections.abc import Sequence

from starlette.types import Scope

from common.memoization import memoized_if_short

_FORWARDED_FOR, _FORWARDED = b"x-forwarded-for", b"forwarded"
_FOR = re.compile(r'(?:^|[;,])\s*for\s*=\s*"?([^",;\s]*)', re.IGNORECASE)
"""Parameter `for` of `Forwarded`. A quote that a client left open ends at the next comma."""
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\w+)?|([0-9.]+):\w+")
"""IPv6 address in brackets, or IPv4 address and port."""
_CUSTOMER_PREFIX_BITS = 64
"""Length of the IPv6 prefix that a provider assigns to one customer."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ClientAddresses:
    """Resolver of client addresses.

    `X-Forwarded-For`, and without it `Forwarded`, is evaluated only if the peer is a trusted
    proxy: from its end, up to and including the first address that is not a trusted proxy.
    Addresses may have ports, and IPv6 addresses brackets.
    """

    def __init__(self, trusted_proxies: Sequence[Network] = ()) -> None:
        self._trusted = trusted_proxies
        self._is_trusted = memoized_if_short(self._is_in_trusted_networks)

    @property
    def trusts_proxies(self) -> bool:
        """Whether requests on one connection may come from several clients."""
        return bool(self._trusted)

    def of(self, scope: Scope) -> str:
        """Return the identity of the client for rate limits; see `rate_limit_identity`."""
        peer: str = scope["client"][0] if scope["client"] else ""
        if not self._trusted or not self._is_trusted(peer):
            return rate_limit_identity(peer)
        for hop in reversed(_hops(scope)):
            peer = hop
            if not self._is_trusted(hop):
                break
        return rate_limit_identity(peer)

    def _is_in_trusted_networks(self, text: str) -> bool:
        address = _parse(text)
        return address is not None and any(address in network for network in self._trusted)


@memoized_if_short
def rate_limit_identity(text: str) -> str:
    """Return the identity that rate limits count: an IPv4 address or an IPv6 network.

    Of IPv6 it is the /64 network, such as `2001:db8::/64`, since one customer has all addresses of
    it. Text that is no address gives `unknown`.
    """
    address = _parse(text)
    if address is None:
        return "unknown"
    if address.version == 4:  # noqa: PLR2004 - The name of IPv4.
        return str(address)
    return str(ipaddress.ip_network((address, _CUSTOMER_PREFIX_BITS), strict=False))


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if (match := _WITH_PORT.fullmatch(text)) is not None:
        text = match[1] or match[2] or ""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _hops(scope: Scope) -> list[str]:
    """Return the hops of all `X-Forwarded-For` or else `Forwarded` headers, the nearest one last.

    Source: RFC 7239, section 5.2.
    """
    if hops := _header(scope, _FORWARDED_FOR):
        return [hop.strip() for hop in hops.split(",") if hop.strip()]
    return _FOR.findall(_header(scope, _FORWARDED))


def _header(scope: Scope, header: bytes) -> str:
    values = [value for name, value in scope["headers"] if name == header]
    return b",".join(values).decode("latin-1")
