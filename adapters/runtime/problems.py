"""What is wrong in a file that people write, with the place, so that it can be put right."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WrongLine:
    """One thing that is wrong: the file, the line where that is known, and a Dutch sentence."""

    file: str
    line: int | None
    sentence: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}, regel {self.line}"
        return f"{place}: {self.sentence}"
