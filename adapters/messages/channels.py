"""One call over one channel, with Apprise. An address never leaves this module: not in a result, not in a log."""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from adapters.messages.secrets_in_text import MissingSecretError, fill_in, is_block, without_blocks
from adapters.messages.text_rules import forbidden_to_residents
from adapters.runtime.deadlines import OutOfTimeError, within

if TYPE_CHECKING:
    import apprise

    from adapters.messages.letters import Written

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 10.0
_SECONDS_IN_ALL = 60.0
_SMALL = 500  # signs: a channel that takes no more and has no title is a telephone
ID_HEADER = "X-Routekaart-Bericht"  # a receiver can drop a repeat by it
_TOO_LARGE = re.compile(r"error=413|\(552,|\b5\.3\.4\b|message (?:size|too (?:long|large))", re.IGNORECASE)

_apprise_log = logging.getLogger("apprise")


class _Heard(logging.Handler):
    """Keeps whether Apprise said in this thread that a message was too large. It keeps no line: they hold addresses."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.here = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one line."""
        if _TOO_LARGE.search(record.getMessage()):
            self.here.too_large = True


_heard = _Heard()


def _listen() -> None:
    """Hear what Apprise says, and let nobody else hear it, whoever set up logs meanwhile."""
    _apprise_log.setLevel(logging.DEBUG)
    _apprise_log.propagate = False
    _apprise_log.addHandler(_heard)  # once, however often


_listen()


class ChannelError(RuntimeError):
    """A channel that did not take a message: a Dutch reason without an address.

    `hopeless`: trying this channel again would not help. `too_large`: the same message will never be taken.
    """

    def __init__(self, reason: str, *, hopeless: bool = False, too_large: bool = False) -> None:
        super().__init__(reason)
        self.hopeless = hopeless
        self.too_large = too_large


@dataclass(frozen=True, slots=True)
class Room:
    """How much a channel takes: signs of text, whether it is a small screen, and whether the text goes as HTML."""

    most: int
    small: bool = False
    html: bool = False

    def takes(self, message: Written) -> bool:
        """Whether a message goes out whole."""
        text = message.html if self.html else message.body
        return not self.small and len(message.title) + len(text) + 2 <= self.most


def room_of(address: str) -> Room:
    """Return how much the channel of an address takes; what cannot be used takes anything, and is refused later."""
    try:
        plugin = _plugin(fill_in(address))
    except MissingSecretError:
        plugin = None
    if plugin is None:
        return Room(1_000_000)
    small = plugin.title_maxlen <= 0 and plugin.body_maxlen <= _SMALL
    return Room(plugin.body_maxlen, small=small, html=_is_mail(plugin))


def send_over(address: str, message: Written, *, to_resident: bool = False) -> None:
    """Send one message to one address; anything but a clear yes is a ChannelError."""
    try:
        filled = fill_in(address)
    except MissingSecretError as error:
        raise ChannelError(str(error)) from None
    if to_resident and (word := revealing_word(filled)):
        raise ChannelError(f"de afzender toont het woord '{word}' aan een inwoner", hopeless=True)
    plugin = _plugin(filled)
    if plugin is None:
        raise ChannelError("het adres is niet bruikbaar")
    room = room_of(address)
    if not room.takes(message):
        message = message.shortened(room.most)
    _listen()
    try:
        answer, too_large = within(_SECONDS_IN_ALL, partial(_notify, plugin, message))
    except OutOfTimeError:
        raise ChannelError("het kanaal was niet op tijd klaar") from None
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything; the message was not taken
        raise ChannelError(f"het kanaal gaf een fout ({type(error).__name__})") from None
    # None means that nobody matched: that is not a yes.
    if answer is not True:
        reason = (
            "het bericht is te groot voor het kanaal" if too_large else "het kanaal nam het bericht niet aan"
        )
        raise ChannelError(reason, too_large=too_large)


def _is_mail(plugin: apprise.NotifyBase) -> bool:
    import apprise  # noqa: PLC0415 - most processes send nothing

    return isinstance(plugin, apprise.plugins.N_MGR["mailto"])


def _notify(plugin: apprise.NotifyBase, message: Written) -> tuple[bool | None, bool]:
    """Hand a message to Apprise: mail in HTML with the text beside it, anything else as text.

    Returns what it answers, and whether it said in this thread that the message was too large.
    """
    import apprise  # noqa: PLC0415 - most processes send nothing

    form, body = apprise.NotifyFormat.TEXT, message.body
    headers = getattr(plugin, "headers", None)
    if isinstance(headers, dict):
        headers[ID_HEADER] = _in_header(message.id)
        if _is_mail(plugin):
            headers["List-Id"] = (
                f"Berichten over zaken <{message.municipality or 'alle'}.routekaart.localhost>"
            )
            headers["Auto-Submitted"] = "auto-generated"
            form, body = apprise.NotifyFormat.HTML, message.html
            plugin.notify_format = form
    sender = apprise.Apprise()
    sender.add(plugin)
    _heard.here.too_large = False
    answer: bool | None = sender.notify(title=_in_header(message.title), body=body, body_format=form)
    return answer, bool(_heard.here.too_large)


def _in_header(text: str) -> str:
    """Return a text on one line, so that it ends no header and begins no other."""
    return " ".join(text.split())


def channel_defect(address: str) -> str | None:
    """Say what is wrong with an address, or None. Secrets of the environment must be there already."""
    try:
        filled = fill_in(without_blocks(address))
    except MissingSecretError as error:
        return f"kan niet worden gebruikt: {error}"
    if is_block(address):
        return None  # its form is only known when Prefect gives it
    return None if is_usable(filled) else "is geen bruikbaar Apprise-adres"


def is_usable(address: str) -> bool:
    """Whether Apprise can use an address whose secrets are filled in."""
    return _plugin(address) is not None


def revealing_word(address: str) -> str | None:
    """Return a word in an address, such as the sender's name, that a resident's phone must not show."""
    return forbidden_to_residents(unquote_plus(address))


def _plugin(address: str) -> apprise.NotifyBase | None:
    import apprise  # noqa: PLC0415 - most processes send nothing

    # A receiver that sends a message on elsewhere is no receiver; who wants it says so (`?redirect=yes`).
    asset = apprise.AppriseAsset(http_redirects=False)
    plugin = apprise.Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
    if not isinstance(plugin, apprise.NotifyBase):
        return None
    plugin.socket_connect_timeout = _CONNECT_SECONDS
    plugin.socket_read_timeout = _ANSWER_SECONDS
    return plugin
