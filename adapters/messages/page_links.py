"""Addresses of our pages in messages. Each is signed, and knows its receiver by a code for a month."""

from __future__ import annotations

from urllib.parse import urlencode

from itsdangerous import BadSignature, URLSafeTimedSerializer

_SALT = "routekaart.bezoek"
WHO = "wie"  # the parameter that says who the receiver of a message is
PAGE_LINK_DAYS = 31


class PageLinks:
    """Makes addresses of pages, and reads who came with one."""

    def __init__(self, key: bytes, base_url: str) -> None:
        self._signer = URLSafeTimedSerializer(key, salt=_SALT)
        self._base_url = base_url.rstrip("/")

    def case(self, reference: str, recipient: str | None = None) -> str:
        """Return the page of a case, for a recipient."""
        return self.page(f"/zaak/{reference}", recipient)

    def mine(self, recipient: str | None = None) -> str:
        """Return the page with somebody's own work."""
        return self.page("/mijn", recipient)

    def page(self, path: str, recipient: str | None = None) -> str:
        """Return one of our pages by its path, for a recipient."""
        known = f"?{urlencode({WHO: self._signer.dumps(recipient)})}" if recipient else ""
        return f"{self._base_url}{path}{known}"

    def receiver(self, token: str) -> str | None:
        """Return the code of the receiver of a link; None when it is forged or too old."""
        try:
            code = self._signer.loads(token, max_age=PAGE_LINK_DAYS * 24 * 3600)
        except BadSignature:
            return None
        return code if isinstance(code, str) else None
