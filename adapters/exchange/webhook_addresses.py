"""Where a webhook may go: to the outside, or to a network inside that the municipality names; never anywhere else.

A name is looked up once for each call, every address of it is checked, and the call goes to the address that was
checked: a name that changes in between changes nothing. Behind a proxy the proxy looks names up, so it has to guard.
"""

from __future__ import annotations

import socket
import urllib.request
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, TypeAlias

import httpx

from adapters.runtime.bounded_answers import NOT_PACKED, bound

if TYPE_CHECKING:
    from collections.abc import Sequence

Address: TypeAlias = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")


class ForbiddenAddressError(httpx.TransportError):
    """An address that no webhook may go to."""


def may_go_to(address: Address, networks: Sequence[str]) -> bool:
    """Whether a webhook may go to an address: a public one, or one within these networks."""
    address = _inner(address)
    if address.is_unspecified or address.is_multicast or address.is_link_local:
        return False
    return address.is_global or any(address in ip_network(network) for network in networks)


def _inner(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, however it is wrapped."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def literal(host: str) -> Address | None:
    """Return the address that a host is, in whatever spelling (127.1, 0x7f000001, 2130706433); None for a name."""
    try:
        found = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None
    return _address(found[0][4][0])


def _address(text: str | int) -> Address:
    return ip_address(str(text).partition("%")[0])


def webhook_client(networks: Sequence[str], timeout: float) -> httpx.Client:
    """Return a client that calls checked addresses only, follows nobody, reads no answer without end, and gives up."""
    proxied = urllib.request.getproxies().get("https")
    transport = None if proxied else CheckedTransport(networks)
    return httpx.Client(
        timeout=timeout,
        follow_redirects=False,
        transport=transport,
        headers=NOT_PACKED,
        event_hooks={"response": [bound]},
    )


class CheckedTransport(httpx.BaseTransport):
    """Looks a name up, checks every address of it, and calls the first."""

    def __init__(self, networks: Sequence[str], inner: httpx.BaseTransport | None = None) -> None:
        self._networks = networks
        self._inner = inner or httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to an address that was checked, under the name that it was meant for."""
        host = request.url.host
        try:
            found = socket.getaddrinfo(host, request.url.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise httpx.ConnectError("the name has no address", request=request) from None
        addresses = [_address(entry[4][0]) for entry in found]
        if not addresses or not all(may_go_to(address, self._networks) for address in addresses):
            raise ForbiddenAddressError("no webhook may go there", request=request)
        checked = httpx.Request(
            request.method,
            request.url.copy_with(host=str(addresses[0])),
            headers=request.headers,  # among them Host, with the name
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        return self._inner.handle_request(checked)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()
