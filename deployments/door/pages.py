"""The few pages of the door itself, on the same base page as all our pages."""

from __future__ import annotations

import secrets
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, select_autoescape

import adapters

_pages = Environment(
    loader=FileSystemLoader(
        [Path(__file__).with_name("pages"), Path(adapters.__path__[0]) / "api" / "pages"]
    ),
    autoescape=select_autoescape(),
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(template: str, **values: object) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Return a page and its headers."""
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    body = _pages.get_template(template).render(nonce=nonce, **values).encode()
    return body, [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", policy.encode()),
        (b"referrer-policy", b"same-origin"),  # else a form would come from no page at all
    ]
