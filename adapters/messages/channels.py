"""One call over one channel, with Apprise. An address never leaves this module: not in a result, not in a log."""

from __future__ import annotations

import logging
from urllib.parse import unquote_plus

import apprise

from adapters.messages.secrets_in_text import MissingSecretError, fill_in, is_block, without_blocks
from adapters.messages.text_rules import forbidden_to_residents

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 10.0

# Apprise writes addresses into its log lines.
logging.getLogger("apprise").addHandler(logging.NullHandler())
logging.getLogger("apprise").propagate = False


class ChannelError(RuntimeError):
    """A channel that did not take a message: a Dutch reason without an address.

    `hopeless`: trying this channel again would not help.
    """

    def __init__(self, reason: str, *, hopeless: bool = False) -> None:
        super().__init__(reason)
        self.hopeless = hopeless


def send_over(address: str, title: str, body: str, *, to_resident: bool = False) -> None:
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
    sender = apprise.Apprise()
    sender.add(plugin)
    try:
        answer = sender.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything; the message was not taken
        raise ChannelError(f"het kanaal gaf een fout ({type(error).__name__})") from None
    # None means that nobody matched: that is not a yes.
    if answer is not True:
        raise ChannelError("het kanaal nam het bericht niet aan")


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
    plugin = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    if not isinstance(plugin, apprise.NotifyBase):
        return None
    plugin.socket_connect_timeout = _CONNECT_SECONDS
    plugin.socket_read_timeout = _ANSWER_SECONDS
    return plugin
