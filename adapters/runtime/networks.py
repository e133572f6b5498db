"""Loopback as this machine has it, and proxies that stay away from it."""

from __future__ import annotations

import errno
import os
import socket
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

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


def in_url(host: str) -> str:
    """Return a host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def keep_proxies_away(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let no proxy stand between us, this machine and the Prefect server: they would answer in its place.

    What the user wrote in NO_PROXY stays.
    """
    if not any(environment.get(name) or environment.get(name.upper()) for name in _PROXIES):
        return
    prefect = urlsplit(environment.get("PREFECT_API_URL", "")).hostname
    asked = ",".join(environment.get(name, "") for name in ("no_proxy", "NO_PROXY")).split(",")
    hosts = dict.fromkeys(host.strip() for host in (*asked, *_NEVER_BY_PROXY, prefect or "") if host.strip())
    environment["NO_PROXY"] = environment["no_proxy"] = ",".join(hosts)
