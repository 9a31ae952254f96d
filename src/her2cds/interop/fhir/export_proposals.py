"""The suggestions of a report as a RequestGroup, with a proposal for each drug, trial and test.

A RequestGroup action holds either further actions or a resource. Its `textEquivalent` says all that the report in
text says of it, in the same words, with the sources: a reader of either knows the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from her2cds.interop.fhir.codes import code_map
from her2cds.interop.fhir.export_parts import Documents, Json, filled, notes, sentences, study, subject, text_of
from her2cds.knowledge.citations import Citation
from her2cds.rendering.blocks import cite
from her2cds.rendering.candidates import investigational_lines, ruled_out_line, therapy_lines
from her2cds.rendering.trials import RULED_OUT_HEADING, ruled_out_trials_line, trial_in_full
from her2cds.rendering.words import category_words, facts_in_words, registry_url, trial_name
from her2cds.report.model import DrugShown, Investigational, Report, TestToRequest, Therapy
from her2cds.report.trial_model import TrialShown

_REGIMENS = "urn:her2cds:regimen"


class Proposals:
    """Writes the RequestGroup; `add` takes each proposal of it and returns the URL to refer to it."""

    def __init__(self, report: Report, add: Callable[[Json], str]) -> None:
        self._report = report
        self._add = add
        self._documents = Documents(report.sources)

    def request_group(self) -> Json:
        """The RequestGroup of all suggestions; what is ruled out stands in its notes."""
        report = self._report
        actions = [
            _group(
                "Candidate therapies, ranked; a shared rank is a tie", map(self._therapy, report.therapies), one_of=True
            ),
            _group(
                "Investigational: for trials, not ranked as care", map(self._investigational, report.investigational)
            ),
            _group(
                "Clinical trials to consider", (self._trial(one) for group in report.trials for one in group.trials)
            ),
            _group("Tests to request", map(self._test, report.tests_to_request)),
        ]
        ruled_out = (("Not recommended", *ruled_out_line(one)) for one in report.not_recommended)
        trials = ((RULED_OUT_HEADING, *ruled_out_trials_line(one)) for one in report.trials_ruled_out)
        return filled(
            {
                "resourceType": "RequestGroup",
                "status": "draft",
                "intent": "proposal",
                "code": {"text": "Candidate therapies for HER2 breast cancer: decision support, not an order"},
                "subject": subject(report),
                "authoredOn": report.profile_date,
                "note": notes(text_of([(f"{kind}: {name}", words)]) for kind, name, words in (*ruled_out, *trials)),
                "action": [one for one in actions if one is not None],
            }
        )

    def _therapy(self, therapy: Therapy) -> Json:
        return filled(
            {
                "prefix": f"{therapy.rank}.",
                "title": therapy.name,
                "description": sentences(self._why(therapy)),
                "textEquivalent": text_of(therapy_lines(therapy, self._report.questions)),
                "code": [_regimen_code(therapy.regimen, therapy.name)],
                "documentation": [
                    *self._documents.of(_cited_by(therapy)),
                    *(study(one) for one in therapy.evidence),
                ],
                **self._steps(therapy),
            }
        )

    def _why(self, therapy: Therapy) -> Iterable[str]:
        yield f"Rank {therapy.rank}{', tied' if therapy.tied else ''}, {category_words(therapy)}."
        if therapy.conditional_on:
            yield f"Only if: {facts_in_words(therapy.conditional_on, self._report.questions)}."
        yield from (one.because for one in therapy.because)

    def _steps(self, therapy: Therapy) -> Json:
        """The drugs of a regimen; one without drugs (surgery, radiotherapy) is a service."""
        if not therapy.drugs:
            return self._service(therapy.name)
        parts = [self._part(part) for part in therapy.drugs]
        return {"groupingBehavior": "logical-group", "selectionBehavior": "all", "action": parts}

    def _part(self, part: DrugShown) -> Json:
        """One drug of a regimen, or the drugs of which one is chosen."""
        drugs = [self._drug(drug, name) for drug, name in zip(part.options, part.names, strict=True)]
        if len(drugs) == 1:
            return drugs[0]
        return {"title": " or ".join(part.names), "selectionBehavior": "exactly-one", "action": drugs}

    def _drug(self, drug: str, name: str) -> Json:
        medication = _drug_code(drug, name)
        proposal = {"medicationCodeableConcept": medication, **self._proposal("MedicationRequest")}
        return {"title": name, "resource": {"reference": self._add(proposal)}}

    def _proposal(self, kind: str) -> Json:
        return {"resourceType": kind, "status": "draft", "intent": "proposal", "subject": subject(self._report)}

    def _service(self, text: str) -> Json:
        proposal = {"code": {"text": text}, **self._proposal("ServiceRequest")}
        return {"resource": {"reference": self._add(proposal)}}

    def _investigational(self, one: Investigational) -> Json:
        return filled(
            {
                "title": one.name,
                "description": sentences([*(reason.because for reason in one.because), *one.caveats]),
                "textEquivalent": text_of(investigational_lines(one, self._report.questions)),
                "code": [_regimen_code(one.regimen, one.name)],
                "documentation": [
                    *self._documents.of(_cited_by(one)),
                    *(study(each) for each in one.evidence),
                ],
                **self._service(f"Look for a trial of {one.name}"),
            }
        )

    def _trial(self, trial: TrialShown) -> Json:
        return filled(
            {
                "title": f"{trial_name(trial)}: {trial.title}",
                "description": trial_in_full(trial, self._report.questions),
                "documentation": [
                    filled({"type": "documentation", "display": trial.id, "url": registry_url(trial.id)}),
                    *self._documents.of(trial.citations),
                ],
                **self._service(f"Check eligibility for {trial.id}"),
            }
        )

    def _test(self, one: TestToRequest) -> Json:
        return filled(
            {
                "title": one.test + (" (for trials only)" if one.for_trials_only else ""),
                "description": f"{one.because} {cite(one.citations)}".strip(),
                "documentation": self._documents.of(one.citations),
                **self._service(one.test),
            }
        )


def _group(title: str, actions: Iterable[Json], *, one_of: bool = False) -> Json | None:
    listed = list(actions)
    if not listed:
        return None
    selection = {"groupingBehavior": "logical-group", "selectionBehavior": "at-most-one" if one_of else "any"}
    return {"title": title, **selection, "action": listed}


def _cited_by(one: Therapy | Investigational) -> Iterator[Citation]:
    """The sources of the reasons, the cautions, and (for a ranked candidate) the findings and approvals."""
    yield from (citation for reason in one.because for citation in reason.citations)
    yield from (citation for warning in one.warnings for citation in warning.citations)
    yield from (citation for check in one.open_checks for citation in check.citations)
    yield from (citation for option in one.options_ruled_out for citation in option.citations)
    if isinstance(one, Therapy):
        yield from (citation for finding in one.modifiers for citation in finding.citations)
        yield from (citation for each in one.regulatory for citation in each.approval.cites)


def _regimen_code(regimen: str, name: str) -> Json:
    return {"coding": [{"system": _REGIMENS, "code": regimen, "display": name}], "text": name}


def _drug_code(drug: str, name: str) -> Json:
    """A drug by name, with its RxNorm ingredient where the code map holds one."""
    codes = code_map()
    first = next((one for one in codes.drug_codes(drug) if one.system == "rxnorm"), None)
    if first is None:
        return {"text": name}
    return {"coding": [{"system": codes.uris["rxnorm"], "code": first.code, "display": first.display}], "text": name}
