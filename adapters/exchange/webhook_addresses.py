"""Where a webhook may go: to the outside, or to a network inside that the municipality names; never anywhere else.

A name is looked up once for each call, every address of it is checked, and the call goes to the address that was
checked: a name that changes in between changes nothing. What goes through a proxy the proxy looks up, so it has to
guard; what goes past it (another scheme, NO_PROXY) is checked here.
"""

from __future__ import annotations

import socket
import threading
import urllib.request
from collections import deque
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx

from adapters.runtime import bounded_answers
from adapters.runtime.bounded_answers import NOT_PACKED, bound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Address: TypeAlias = IPv4Address | IPv6Address

_GLOBAL_UNICAST = IPv6Network("2000::/3")
# In their last four bytes an IPv4 address: NAT64, IPv4-compatible, IPv4-translated.
_WRAPPED = tuple(IPv6Network(network) for network in ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96"))
_NONE_OR_SELF = 1
_KEPT = 20  # connections of one client that may be open
# Where clouds tell a machine its secrets, beside link-local; some of these count as public.
_OF_CLOUDS = tuple(
    ip_network(network)
    for network in ("192.0.0.0/24", "168.63.129.16/32", "100.100.100.200/32", "fd00:ec2::254/128")
)


# Secrets go along, so they travel encrypted; on this machine they do not travel. A name before an @ hides the host.
HTTPS_OR_HERE = r"^(https://[^\s/?#@\\]+|http://(127\.0\.0\.1|localhost)(:[0-9]+)?)"


class ForbiddenAddressError(httpx.TransportError):
    """An address that no webhook may go to."""


def may_go_to(address: Address, networks: Sequence[str]) -> bool:
    """Whether a webhook may go to an address: a public one, or one within these networks."""
    address = _inner(address)
    if address.is_unspecified or address.is_multicast or address.is_link_local:
        return False
    if any(address in network for network in _OF_CLOUDS):
        return False
    return _is_public(address) or any(address in ip_network(network) for network in networks)


def _is_public(address: Address) -> bool:
    return address.is_global and (isinstance(address, IPv4Address) or address in _GLOBAL_UNICAST)


def _inner(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, however it is wrapped."""
    if isinstance(address, IPv4Address):
        return address
    if int(address) > _NONE_OR_SELF and any(address in network for network in _WRAPPED):
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
    return httpx.Client(
        timeout=timeout,
        follow_redirects=False,
        transport=CheckedTransport(networks),
        headers=NOT_PACKED,
        event_hooks={"response": [bound]},
    )


class CheckedTransport(httpx.BaseTransport):
    """Looks a name up, checks every address of it, and calls the first."""

    def __init__(self, networks: Sequence[str], inner: httpx.BaseTransport | None = None) -> None:
        self._networks = networks
        self._inner = inner or httpx.HTTPTransport()
        self._proxies: dict[str, httpx.BaseTransport] = {}
        self._connections: deque[socket.socket] = deque(maxlen=_KEPT)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to an address that was checked, under the name that it was meant for."""
        host = request.url.raw_host.decode("ascii")  # as it goes over the line, not as a person reads it
        proxies = urllib.request.getproxies()
        proxy = proxies.get(request.url.scheme) or proxies.get("all")
        if proxy and not urllib.request.proxy_bypass(host):
            address = literal(host)
            if address is not None and not may_go_to(address, self._networks):
                raise ForbiddenAddressError("no webhook may go there", request=request)
            return self._asked(self._by_proxy(proxy), request)
        try:
            found = socket.getaddrinfo(host, request.url.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, OverflowError):
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
        return self._asked(self._inner, checked)

    def _asked(self, line: httpx.BaseTransport, request: httpx.Request) -> httpx.Response:
        """Send a request, and cut the connection when no whole answer begins in time; its body is bounded too."""
        request.extensions["trace"] = self._connected
        timer = threading.Timer(bounded_answers.LONGEST_ANSWER_SECONDS, self._cut)
        timer.daemon = True
        timer.start()
        try:
            return line.handle_request(request)
        finally:
            timer.cancel()

    def _connected(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._connections.append(info["return_value"].get_extra_info("socket"))

    def _cut(self) -> None:
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _by_proxy(self, address: str) -> httpx.BaseTransport:
        if address not in self._proxies:
            shown = address if "://" in address else f"http://{address}"
            self._proxies[address] = httpx.HTTPTransport(proxy=shown)
        return self._proxies[address]

    def close(self) -> None:
        """Close the connections."""
        for line in (self._inner, *self._proxies.values()):
            line.close()
