"""The colours of a theme of NL Design System on our pages: a file of tokens, as a package with design tokens brings it.

Only colours are taken, by name, and only what reads as a colour: nothing else of the file comes into a page.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from adapters.runtime.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Our names, each with the tokens that may say it, the first that is there.
_TOKENS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ink": ("utrecht-document-color", "basis-color-default-color-document"),
        "paper": ("utrecht-document-background-color", "basis-color-default-bg-document"),
        "quiet": ("basis-color-default-color-subtle", "utrecht-document-color"),
        "line": ("basis-form-control-border-color", "utrecht-form-control-border-color"),
        "link": ("utrecht-link-color", "nl-link-color"),
        "action": ("utrecht-button-primary-action-background-color", "nl-button-primary-background-color"),
        "on-action": ("utrecht-button-primary-action-color", "nl-button-primary-color"),
        "alert": ("basis-color-negative-color-default", "utrecht-form-field-error-message-color"),
        "focus": ("basis-focus-outline-color", "utrecht-focus-outline-color"),
    }
)
_OURS = MappingProxyType({"quiet": "#4a4a55", "line": "#6b6b76", "alert": "#a3160c", "focus": "#b35900"})
_NEEDED = ("ink", "paper", "action", "on-action")
_DECLARED = re.compile(r"--([a-zA-Z0-9_-]+)\s*:\s*([^;{}]+);")
_REFERENCE = re.compile(r"var\(\s*--([a-zA-Z0-9_-]+)\s*(?:,.*)?\)")
_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}|(?:rgb|hsl)a?\([0-9.,%/ deg]+\)|[a-zA-Z]{3,20}")
_DEEPEST = 20


def theme_of(file: Path | None) -> dict[str, str]:
    """Return the colours of a file of tokens by our names; SettingsError when it does not say them."""
    if file is None:
        return {}
    try:
        declared = dict(_DECLARED.findall(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"ROUTEKAART_THEME_FILE: {file} is niet te lezen.") from None
    found = {
        name: colour
        for name, tokens in _TOKENS.items()
        if (colour := next((one for token in tokens if (one := _colour(declared, token))), ""))
    }
    missing = [_TOKENS[name][0] for name in _NEEDED if name not in found]
    if missing:
        raise SettingsError(
            f"ROUTEKAART_THEME_FILE: in {file} ontbreekt een kleur voor: {', '.join(missing)}."
        )
    return {**_OURS, "link": found["action"], **found}


def _colour(declared: Mapping[str, str], token: str) -> str:
    """Return the colour that a token stands for, through the tokens to which it points; nothing when it is none."""
    value = declared.get(token, "").strip()
    for _ in range(_DEEPEST):
        pointed = _REFERENCE.fullmatch(value)
        if pointed is None:
            return value if _COLOUR.fullmatch(value) else ""
        value = declared.get(pointed[1], "").strip()
    return ""
