"""Mail as a mail program reads it: HTML that fits a phone, text beside it, its headings; and nothing too large."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from playwright.sync_api import sync_playwright
from support.stack import free_port

from adapters.messages.channels import ChannelError, room_of, send_over
from adapters.messages.letters import Point, Written, as_list

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

LINK = "https://routekaart.example.org/zaak/FZ-2026-7K2M9QX?wie=InAxIg.awrwUQ.Pl4OzZTXa77EphmNSdxdRBDnLP0"
LETTER = Written(
    "3f1c", "Zaak FZ-2026-7K2M9QX: één taak voor jou", f"Wat vragen we je? Bel de inwoner.\nKijk <hier>: {LINK}",
    LINK, municipality="0518",
)  # fmt: skip


@contextmanager
def _mail_server(largest: int = 1_000_000) -> Iterator[tuple[str, list[EmailMessage]]]:
    """Run a mail server that says how large a message may be, and keeps what it takes."""
    taken: list[EmailMessage] = []

    class Handler:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
            taken.append(message_from_bytes(envelope.content, policy=policy.default))
            return "250 OK"

    class Small(Controller):
        def factory(self) -> SMTP:
            return SMTP(self.handler, data_size_limit=largest, enable_SMTPUTF8=True)

    port = free_port()
    controller = Small(Handler(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield (
            f"mailto://127.0.0.1:{port}?from=zaken@example.org&name=Zorgen+Coördinatie&mode=insecure&to=a@example.org",
            taken,
        )
    finally:
        controller.stop()


def test_mail_has_html_and_text_and_says_what_list_it_is() -> None:
    """Both parts hold the link, the subject and the sender keep their accents, and List-Id names the municipality."""
    with _mail_server() as (address, taken):
        send_over(address, LETTER)
    (mail,) = taken
    assert mail["Subject"] == LETTER.title
    assert "Coördinatie" in str(mail["From"])
    assert "<0518.routekaart.localhost>" in mail["List-Id"]
    assert mail["X-Routekaart-Bericht"] == LETTER.id
    plain, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    assert f"Kijk <hier>: {LINK}" in plain.get_content()
    assert f'<a href="{LINK}"' in html.get_content()
    assert "<hier>" not in html.get_content()


def test_mail_fits_a_phone() -> None:
    """At 390 px nothing of a message or a digest is wider than the screen, and each link can be followed."""
    of_many = [
        Point(
            f"FZ-2026-{n:07}",
            "er is een taak",
            date(2026, 3, 9),
            "ma 9 maart 2026",
            f"{LINK}{n}",
            urgent=n == 1,
        )
        for n in range(25)
    ]
    digest = Written("1", "25 berichten over jouw zaken", as_list(of_many))
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        for letter, links in ((LETTER, {LINK}), (digest, {point.link for point in of_many})):
            page.set_content(letter.html)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            assert {link.get_attribute("href") for link in page.get_by_role("link").all()} == links
        browser.close()


def test_a_mail_server_that_finds_a_message_too_large_says_so_to_us() -> None:
    """A refusal for the size is known as one, so that the same message is not tried again."""
    with _mail_server(largest=2_000) as (address, taken):
        with pytest.raises(ChannelError) as refused:
            send_over(address, Written("1", "Titel", "woord " * 2_000))
        assert refused.value.too_large
        send_over(address, Written("1", "Titel", "woord " * 2_000, LINK).shortened(160))
    assert len(taken) == 1


@pytest.mark.parametrize(
    ("address", "small"),
    [
        ("mailto://127.0.0.1?from=a@example.org&to=b@example.org", False),
        ("twilio://AC0123456789012345678901234567890a:0123456789012345678901234567890a@31612345678", True),
        ("msgbird://abcdefghijklmnopqrstuvwxy/31612345678/31687654321", True),
    ],
)
def test_a_telephone_is_known_by_what_it_takes(address: str, small: bool) -> None:
    """Apprise says how much a channel takes; what goes to a telephone fits on it and keeps the link where it can."""
    room = room_of(address)
    assert room.small is small
    if small:
        said = LETTER.shortened(room.most)
        assert len(said.title) + len(said.body) <= room.most
        assert LETTER.title in said.body


def test_a_digest_is_a_list_in_order_of_urgency_with_one_line_a_case() -> None:
    """A crisis comes first, then what ends first; a case stands there once, with the link that asks to accept."""
    accept = "https://routekaart.example.org/overdracht/abc"
    lines = as_list(
        [
            Point("C", "iets gebeurd", None, "", "https://r/zaak/C", urgent=False),
            Point("A", "te laat", date(2026, 3, 2), "ma 2 maart 2026", "https://r/zaak/A", urgent=False),
            Point(
                "B", "er is een crisis", date(2026, 3, 5), "do 5 maart 2026", "https://r/zaak/B", urgent=True
            ),
            Point("A", "overdracht voor jou", date(2026, 3, 9), "ma 9 maart 2026", accept, urgent=False),
        ]
    ).splitlines()
    assert [line.split(":")[0] for line in lines] == ["- Zaak B", "- Zaak A", "- Zaak C"]
    assert lines[0].startswith("- Zaak B: SPOED. er is een crisis.")
    assert lines[1].endswith(f"te laat; overdracht voor jou. Tot wanneer: ma 2 maart 2026. {accept}")


@pytest.mark.parametrize(
    "evil", ["x\r\nBcc: iemand@evil.example", "x\nSubject: anders\n\n<script>", "x\r\n\r\ntekst", "\u2028x"]
)
def test_a_title_adds_no_header_to_a_mail(evil: str) -> None:
    """Whatever a subject holds, the mail has one subject, no other receiver, and the body that we wrote."""
    refused = []
    with _mail_server() as (address, taken):
        try:
            send_over(address, replace(LETTER, title=evil, id=evil))
        except ChannelError as refusal:
            refused.append(refusal)
    assert len(taken) + len(refused) == 1
    for mail in taken:
        assert mail["Bcc"] is None
        assert len(mail.get_all("Subject") or []) == 1
        assert "evil.example" not in str(mail["To"])
        body = mail.get_body(("plain",))
        assert body is not None
        assert LINK in body.get_content()
