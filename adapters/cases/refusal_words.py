"""A refusal in the words of people: labels where the sentence for other systems has codes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from milestones.definitions import definition_of
from milestones.events import SPECS
from milestones.steering import reportable

if TYPE_CHECKING:
    from milestones.definition import EventSpec
    from milestones.process import Snapshot

_QUOTED = re.compile(r"'(\w+)'")
_STATE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*\b")
_OF_COMMANDS = (("kies er een met --mijlpaal", "kies een mijlpaal"),)


def in_labels(sentence: str, process: Snapshot | None = None, spec: EventSpec | None = None) -> str:
    """Return a sentence with labels of events, fields and steps for their codes; other words stay.

    With a process the words of its own definition go first, and before these the words of the event that was reported.
    """
    names: dict[str, str] = {item.name: item.label for spec in reversed(SPECS) for item in spec.fields}
    names |= {spec.name: spec.label for spec in reversed(SPECS)}
    states: dict[str, str] = {}
    if process is not None:
        definition = definition_of(process)
        own = reportable(definition)
        names |= {item.name: item.label for spec in own for item in spec.fields}
        names |= {spec.name: spec.label for spec in own}
        states = {state.code: f"'{state.waits_for}'" for state in definition.states}
    if spec is not None:
        names |= {item.name: item.label for item in spec.fields} | {spec.name: spec.label}
    for command, said in _OF_COMMANDS:
        sentence = sentence.replace(command, said)
    said = _QUOTED.sub(lambda found: f"'{names.get(found[1], found[1])}'", sentence)
    return _STATE.sub(lambda found: states.get(found[0], found[0]), said)
