"""From where a request comes, as far as that can be believed."""

import functools
import ipaddress
from collections.abc import Sequence

from starlette.types import Scope

_FORWARDED_FOR = b"x-forwarded-for"
_ADDRESSES_KEPT = 10_000
_HOME_BITS = 64
"""Of an IPv6 address, the part that one customer of a provider has."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ClientAddresses:
    """Finds out who is at the other end.

    What `X-Forwarded-For` says is believed only of proxies that are trusted: from its end, as far
    as each address is one of theirs.

    Args:
        trusted_proxies: their networks.
    """

    def __init__(self, trusted_proxies: Sequence[Network] = ()) -> None:
        self._trusted = trusted_proxies
        self._is_trusted = functools.lru_cache(_ADDRESSES_KEPT)(self._look_up)

    @property
    def trusts_proxies(self) -> bool:
        """Whether requests on one connection may be of several clients."""
        return bool(self._trusted)

    def of(self, scope: Scope) -> str:
        """Return the address of the client; of IPv6 the network of its home, `2001:db8::/64`."""
        peer: str = scope["client"][0] if scope["client"] else ""
        if not self._trusted or not self._is_trusted(peer):
            return home_of(peer)
        for hop in reversed(_forwarded_for(scope)):
            peer = hop
            if not self._is_trusted(hop):
                break
        return home_of(peer)

    def _look_up(self, text: str) -> bool:
        address = _parse(text)
        return address is not None and any(address in network for network in self._trusted)


@functools.lru_cache(_ADDRESSES_KEPT)
def home_of(text: str) -> str:
    """Return an address as limits count it; `unknown` where it is none."""
    address = _parse(text)
    if address is None:
        return "unknown"
    if address.version == 4:  # noqa: PLR2004 - It is its name.
        return str(address)
    return str(ipaddress.ip_network((address, _HOME_BITS), strict=False))


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _forwarded_for(scope: Scope) -> list[str]:
    """Return the hops, the last one last; proxies may add a header of their own."""
    values = [value for name, value in scope["headers"] if name == _FORWARDED_FOR]
    return [hop.strip() for hop in b",".join(values).decode("latin-1").split(",") if hop.strip()]
