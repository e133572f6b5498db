"""Messages to the coordinator about the machinery itself: a failed run, a missing worker, a dead letter."""

from __future__ import annotations

import hashlib
import hmac
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from adapters.messages.announcements import Announcement, announce
from adapters.messages.text_rules import forbidden_to_all, looks_like_amount, looks_like_bsn
from adapters.runtime.privacy import may_tell_of_a_person

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.messages.message_office import MessageOffice
    from adapters.runtime.settings import Settings

FAILED_RUN, LATE_WORKER, DEAD_LETTER = "run-mislukt", "worker-te-laat", "niet-bezorgd"
_ROLE = "coordinator"
_SUBJECT = re.compile(r"(?!.*(?:://|www\.))[\w ·#()'.:,-]{1,100}", re.IGNORECASE)

# For each kind: the title, and what to do.
TEXTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        FAILED_RUN: (
            "Een run is mislukt",
            (
                "De run {onderwerp} is mislukt. De zaak staat veilig: zij komt vanzelf terug, of na een herstart "
                "van de worker. Gebeurt dit vaker, laat dan de beheerder in het logboek van de worker kijken."
            ),
        ),
        LATE_WORKER: (
            "Er is geen worker",
            (
                "Geen worker werkt zaken bij in {onderwerp}. Meldingen en termijnen blijven bewaard, maar de lijsten "
                "lopen achter. Vraag de beheerder om de worker te starten."
            ),
        ),
        DEAD_LETTER: (
            "Een bericht is niet bezorgd",
            (
                "Een bericht kwam over geen enkel kanaal aan ({onderwerp}). Kijk of de ontvangers kloppen, en vertel "
                "het de collega op een andere manier."
            ),
        ),
    }
)


def operator_key(settings: Settings) -> str:
    """Return the key with which Prefect's server may ask for such a message: one for all machines of a database."""
    return hmac.new(settings.secret("integration"), b"beheersleutel", hashlib.sha256).hexdigest()


def _shown(subject: str) -> str:
    """Return what a message may say of its subject: the name of a run or a worker, and nothing that leads elsewhere."""
    refused = (
        _SUBJECT.fullmatch(subject) is None
        or may_tell_of_a_person(subject)
        or looks_like_bsn(subject)
        or looks_like_amount(subject)
        or forbidden_to_all(subject) is not None
    )
    return "(weggelaten)" if refused else subject


def tell_coordinator(office: MessageOffice, kind: str, subject: str, message_id: str) -> str:
    """Send a message of a kind to the coordinator; a kind without a text is a KeyError."""
    title, body = TEXTS[kind]
    told = announce(
        office,
        Announcement(
            message_id,
            _ROLE,
            office.settings.municipality,
            f"routekaart: {title}",
            body.format(onderwerp=_shown(subject)),
        ),
    )
    return "verstuurd" if told else "niet bezorgd"
