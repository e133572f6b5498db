"""Cookies of the door. Over https the browser itself keeps other sites of the same domain from setting them."""

from __future__ import annotations

_ONLY_THIS_HOST = "__Host-"  # RFC 6265bis: Secure, Path=/ and no Domain, or the browser refuses the cookie
_MOST_HEADER = 8_000
_OURS = (b"routekaart_", b"__Host-routekaart_")


def name_for(name: str, port: int | None, *, secure: bool) -> str:
    """Return the name of a cookie; the port follows, since a browser keeps one jar for all ports of a machine."""
    return f"{_ONLY_THIS_HOST if secure else ''}{name}{'' if port is None else f'_{port}'}"


def value_of(cookie_header: bytes, name: str) -> str | None:
    """Return the value of a cookie; None when it is not there, or comes twice: one of two is somebody else's."""
    if len(cookie_header) > _MOST_HEADER:
        return None
    pairs = [part.partition("=") for part in cookie_header.decode("latin-1").split(";")]
    values = [value.strip() for given, _, value in pairs if given.strip() == name]
    return values[0] if len(values) == 1 else None


def set_cookie(name: str, value: str, seconds: int, same_site: str) -> bytes:
    """Return the header `Set-Cookie` of a cookie that no script reads."""
    secure = "; Secure" if name.startswith(_ONLY_THIS_HOST) else ""
    return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite={same_site}{secure}".encode()


def without_ours(cookie_header: bytes) -> list[tuple[bytes, bytes]]:
    """Return the header `Cookie` with the others: the UI remembers its version in one."""
    kept = [part for part in cookie_header.split(b";") if not part.strip().startswith(_OURS)]
    return [(b"cookie", b";".join(kept).strip())] if kept else []
