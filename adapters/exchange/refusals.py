"""Refusals around integrations: each one clear Dutch sentence for the person at the command line."""

from __future__ import annotations

from milestones.refusal import Refusal


class IntegrationError(Refusal, ValueError):
    """Something that cannot be done as asked: one Dutch sentence."""
