"""The small page behind the link in a message, where a receiver accepts or returns a hand-off.

Server-rendered, without script, made for a phone. Looking (GET, HEAD) changes nothing, because mail programs look at
links too; only the buttons do. The page shows the reference of the case and nothing else about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from adapters.api.page_parts import PersonRoute, html_page, notice, small_form
from adapters.messages.handoff_links import (
    ACCEPTED,
    PATH,
    RETURNED,
    LinkStatus,
    UnknownLinkError,
    return_reasons,
)
from adapters.runtime.clock import AMSTERDAM
from milestones.dutch import dutch_date
from milestones.process import InvalidData

if TYPE_CHECKING:
    from adapters.messages.handoff_links import HandoffLink, HandoffLinks
    from adapters.office import Office

_CHOICES = {"aannemen": ACCEPTED, "teruggeven": RETURNED}
_DONE = {
    ACCEPTED: (
        "Zaak {reference} is van jou",
        "Je hebt de zaak aangenomen. Je hoeft hier niets meer te doen.",
    ),
    RETURNED: ("Zaak {reference} is teruggegeven", "De coördinator zoekt iemand anders. Dank je wel."),
}
_RENEW = "nieuwe link"
_NEW_LINK = [
    "De link gaat naar wie de oude link kreeg, op dezelfde manier.",
    "Kwam er niets aan? Vraag het de coördinator.",
]


def handoff_router(office: Office) -> APIRouter:
    """Return the routes of the page."""
    router = APIRouter(
        prefix=PATH,
        include_in_schema=False,
        default_response_class=HTMLResponse,
        route_class=PersonRoute,
    )
    links = office.handoff_links

    @router.api_route("/{token}", methods=["GET", "HEAD"])
    def look(token: str) -> HTMLResponse:
        try:
            return _shown(links.look(token))
        except UnknownLinkError:
            return _unknown()

    @router.post("/{token}")
    def answer(token: str, form: Annotated[dict[str, str], Depends(small_form)]) -> HTMLResponse:
        try:
            before = links.look(token)
            choice = _CHOICES.get(form.get("keuze", ""))
            if before.status is not LinkStatus.OPEN:
                return _renewed(links, token) if form.get("keuze") == _RENEW else _shown(before)
            if choice is None:
                return _shown(before, "Kies eerst wat je wilt: aannemen of teruggeven.")
            after = links.use(token, choice, form.get("reden"))
        except UnknownLinkError:
            return _unknown()
        except InvalidData:
            return _shown(before, "Kies eerst een reden. Geef de zaak daarna terug.")
        if after.status is LinkStatus.USED and after.choice == choice:
            title, line = _DONE[choice]
            return notice(title.format(reference=after.reference), [line], 200)
        return _shown(after)

    return router


def _renewed(links: HandoffLinks, token: str) -> HTMLResponse:
    link = links.renew(token)
    if link.status is not LinkStatus.EXPIRED:
        return _shown(link)
    return notice(f"Zaak {link.reference}: een nieuwe link komt eraan", _NEW_LINK, 200)


def _shown(link: HandoffLink, error: str | None = None) -> HTMLResponse:
    if link.status is LinkStatus.OPEN:
        title = f"Overdracht van zaak {link.reference}"
        return html_page(
            "offered.html",
            422 if error else 200,
            title=f"Fout: {title}" if error else title,
            reference=link.reference,
            until=dutch_date(link.expires_at.astimezone(AMSTERDAM).date()),
            reasons=return_reasons(),
            error=error,
        )
    name = f"Zaak {link.reference}"
    if link.status is LinkStatus.EXPIRED:
        return html_page("expired.html", 410, title=f"{name}: de link werkt niet meer")
    lines = {
        ACCEPTED: "Met deze link is de zaak aangenomen.",
        RETURNED: "Met deze link is de zaak teruggegeven.",
    }
    said = lines.get(link.choice or "", "Iemand heeft al op deze overdracht geantwoord.")
    return notice(f"{name}: dit is al gedaan", [said, "Je hoeft niets meer te doen."], 410)


def _unknown() -> HTMLResponse:
    lines = [
        "Klopt het adres? Open de link uit het bericht nog een keer.",
        "Lukt het niet? Vraag het de coördinator.",
    ]
    return notice("Deze link kennen we niet", lines, 404)
