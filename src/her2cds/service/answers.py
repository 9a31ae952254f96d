"""What each kind of request answers, from the JSON of its body to JSON text: for the routes, and for a replay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date as Date
from typing import Any, Protocol

from her2cds.errors import ProfileError, ProfileFault
from her2cds.evaluation import Case, KnowledgeBase, evaluate, examine, explain, explain_order
from her2cds.exploration.change import Changes, what_if
from her2cds.exploration.effects import what_is_missing
from her2cds.interop.fhir.export import to_fhir_json
from her2cds.service.bodies import LABEL, imported, only_parts, part, patient_in
from her2cds.service.bundles import ReadBundle
from her2cds.service.hooks.answer import cards_for
from her2cds.service.hooks.discovery import ServiceId
from her2cds.service.problems import ProblemError

Json = dict[str, Any]
MOST_CHANGES = 200


class Answer(Protocol):
    """Anything that can be written as JSON."""

    def to_json(self, indent: int | None = 2) -> str:
        """The answer as JSON."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers bodies with one knowledge base. All methods raise ProfileError, and ProblemError for a malformed body.

    `today` is the latest date that a profile may hold, and the day on which `read_bundle` reads.
    """

    knowledge: KnowledgeBase
    read_bundle: ReadBundle
    base_url: str
    today: Date

    def report(self, body: Json) -> str:
        """The report for a profile or a FHIR Bundle."""
        return evaluate(self._patient(body), self.knowledge, today=self.today).to_json(indent=None)

    def proposals(self, body: Json) -> str:
        """The report for a profile or a FHIR Bundle, as a FHIR Bundle of proposals."""
        return to_fhir_json(evaluate(self._patient(body), self.knowledge, today=self.today))

    def questions(self, body: Json) -> str:
        """What is missing, and what each possible answer would change."""
        return what_is_missing(self._case(body), self.knowledge).to_json(indent=None)

    def explanation(self, body: Json) -> str:
        """Why, or why not: one name, or with `over` one ranked regimen over another."""
        only_parts(body, "patient", "name", "over")
        name, patient = part(body, "name", str), self._within(body)
        answer: Answer
        if "over" in body:
            answer = explain_order(patient, name, part(body, "over", str), self.knowledge, today=self.today)
        else:
            answer = explain(patient, name, self.knowledge, today=self.today)
        return answer.to_json(indent=None)

    def comparison(self, body: Json) -> str:
        """What changes of the profile would change."""
        only_parts(body, "patient", "set", "remove", "append", "progresses_on")
        return what_if(self._within(body), changes_in(body), self.knowledge, today=self.today).to_json(indent=None)

    def import_report(self, body: Json) -> str:
        """What became of every record of a FHIR Bundle."""
        return imported(body, self.read_bundle).report.to_json(indent=None)

    def cards(self, service: ServiceId, body: Json) -> str:
        """The cards of one CDS Hooks service."""
        found = cards_for(service, body, self.knowledge, self.read_bundle, self.base_url, today=self.today)
        return found.model_dump_json(exclude_none=True, by_alias=True)

    def _patient(self, body: Json) -> Json:
        return patient_in(body, self.read_bundle)

    def _within(self, body: Json) -> Json:
        return self._patient(part(body, "patient", dict))

    def _case(self, body: Json) -> Case:
        return examine(self._patient(body), self.knowledge, today=self.today)


def changes_in(body: Mapping[str, Any]) -> Changes:
    """The changes of a what-if request. Raises ProfileError for what are none, and where there are too many."""
    _bounded(body)
    changes = Changes(
        set=part(body, "set", dict, {}),
        remove=tuple(part(body, "remove", list, [])),
        append=part(body, "append", dict, {}),
        progresses_on=tuple(part(body, "progresses_on", list, [])),
    )
    if not changes.in_words:
        raise ProblemError(422, "no-change", "Give at least one of set, remove, append, progresses_on.")
    return changes


def _bounded(body: Mapping[str, Any]) -> None:
    """Changes are made one after the other, each on what those before it made."""
    for name in ("set", "remove", "append", "progresses_on"):
        given = body.get(name)
        if isinstance(given, (dict, list)) and len(given) > MOST_CHANGES:
            fault = ProfileFault(f"$.{name}", f"{len(given)} changes", f"at most {MOST_CHANGES}")
            raise ProfileError([fault], LABEL)
