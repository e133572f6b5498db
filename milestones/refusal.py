"""The one base of every refusal: what cannot be done as asked, in one Dutch sentence."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """One Dutch sentence for who asked, and what can be done instead. Nothing was written."""

    allowed: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """The sentence alone."""
        return str(self.args[0]) if self.args else ""

    @property
    def sentence(self) -> str:
        """The sentence, with what is allowed now when there is something."""
        return f"{self.reason} Nu kan: {', '.join(self.allowed)}." if self.allowed else self.reason


class CaseRefusal(Refusal):
    """What a case does not take up. Who asked can put it right; a machine that is down is no such refusal."""
