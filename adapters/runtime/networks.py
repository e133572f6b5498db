"""Loopback as this machine has it, and proxies that stay away from it."""

from __future__ import annotations

import errno
import os
import socket
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_IPV4, _IPV6 = "127.0.0.1", "::1"
_NEVER_BY_PROXY = ("localhost", _IPV4, _IPV6)
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


@cache
def loopback() -> str:
    """Return the address of this machine for itself: 127.0.0.1, or ::1 where there is no other."""
    with socket.socket() as probe:
        try:
            probe.bind((_IPV4, 0))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                return _IPV6
    return _IPV4


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine for itself, and nobody else reaches it."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def parts_of(url: str) -> SplitResult | None:
    """Return the parts of an address; None for what is none, such as half an IPv6 address or a port that cannot be."""
    try:
        parts = urlsplit(url)
        impossible = parts.port == 0
    except ValueError:
        return None
    return None if impossible else parts


def host_of(url: str) -> str | None:
    """Return the host that an address names; None when it names none, or is no address."""
    parts = parts_of(url)
    return parts.hostname if parts else None


def is_address(url: str) -> bool:
    """Whether this is an address that a browser or a client can ask."""
    parts = parts_of(url)
    return parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)


def in_url(host: str) -> str:
    """Return a host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def keep_proxies_away(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let no proxy stand between us, this machine and the Prefect server: they would answer in its place.

    What the user wrote in NO_PROXY stays.
    """
    if not any(environment.get(name) or environment.get(name.upper()) for name in _PROXIES):
        return
    prefect = host_of(environment.get("PREFECT_API_URL", ""))
    asked = ",".join(environment.get(name, "") for name in ("no_proxy", "NO_PROXY")).split(",")
    hosts = dict.fromkeys(host.strip() for host in (*asked, *_NEVER_BY_PROXY, prefect or "") if host.strip())
    environment["NO_PROXY"] = environment["no_proxy"] = ",".join(hosts)
