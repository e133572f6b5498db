"""A file of tokens that is no theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from adapters.api.theme import theme_of
from adapters.runtime.settings import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_without_colours_is_no_theme(tmp_path: Path) -> None:
    """What is no token of a colour is named, and nothing of the file comes into a page."""
    file = tmp_path / "theme.css"
    file.write_text(
        ":root { --utrecht-document-color: url(https://elders.example); --utrecht-link-color: red; }"
    )
    with pytest.raises(SettingsError, match="ontbreekt een kleur voor: utrecht-document-color, "):
        theme_of(file)
    with pytest.raises(SettingsError, match="is niet te lezen"):
        theme_of(tmp_path / "weg.css")
