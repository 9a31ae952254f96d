"""The claims of a knowledge base: what each entry says, and the places that it cites for it.

Not claims, because they may hold knowledge from outside the reviews: caveats, inferences, `outside` and
`followed` of a discrepancy, why a trial is blocked, and the notes of the catalogue without a citation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from her2cds.knowledge.catalogue import Discrepancy, Drug, Regimen
from her2cds.knowledge.citations import Citation
from her2cds.knowledge.data import KnowledgeData
from her2cds.knowledge.evidence import Evidence, Outcome
from her2cds.knowledge.rules import Criterion, Rule, Target, Trial
from her2cds.provenance.figures import UNREACHED, named_figures
from her2cds.provenance.normalise import plain

# What may rest on an outside source alone: it restricts, warns, asks, or reads an assay; it never recommends.
KINDS_THAT_MAY_REST_OUTSIDE = frozenset({"caution", "request", "classification", "criterion", "toxicity"})

_ALTERATION = re.compile(r"([A-Z][A-Z0-9-]*):[a-z_]+")


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement and its citations.

    `texts` are read for figures and names. The other fields hold what the entry gives apart from its texts:

    - `figures` as printed, `measured` figures with their unit, `intervals` whose two ends must stand side by
      side, `p_value` with its sign;
    - `drugs` that the cited places must name, `drug_choices` of which they must name one each, and `subjects`,
      the drugs that the entry is about, for which a statement about their class can stand;
    - `genes` that the entry's condition tests, `study`, `phase`, `status`, and a registry `identifier`, to whose
      rows a table is narrowed.
    """

    entry: str
    kind: str
    part: str
    place: str
    cites: tuple[Citation, ...]
    texts: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    measured: tuple[tuple[str, str], ...] = ()
    intervals: tuple[tuple[str, str], ...] = ()
    p_value: str | None = None
    drugs: tuple[str, ...] = ()
    drug_choices: tuple[tuple[str, ...], ...] = ()
    subjects: tuple[str, ...] = ()
    genes: tuple[str, ...] = ()
    study: str | None = None
    phase: str | None = None
    status: str | None = None
    identifier: str | None = None

    @property
    def name(self) -> str:
        """Entry and part in words."""
        return f"{self.entry}, {self.part}" if self.part else self.entry

    @property
    def one_result(self) -> frozenset[str]:
        """The numbers of one outcome, which a review prints in one statement."""
        ends = (end for interval in self.intervals for end in interval)
        numbers = frozenset((*self.figures, *(figure for figure, _ in self.measured), *ends))
        return numbers - frozenset(UNREACHED) if self.kind == "outcome" else frozenset()

    @property
    def may_rest_outside(self) -> bool:
        """Whether an outside source alone may carry the claim."""
        return self.kind in KINDS_THAT_MAY_REST_OUTSIDE


def claims_of(data: KnowledgeData) -> Iterator[Claim]:
    """Every claim, in the order of drugs, evidence, criteria, rules, trials, discrepancies."""
    reader = _ClaimReader(data.places, {regimen.id: regimen for regimen in data.regimens})
    for drug in data.drugs:
        yield from reader.of_drug(drug)
    for study in data.evidence:
        yield from reader.of_evidence(study)
    for criterion in data.criteria:
        yield from reader.of_criterion(criterion)
    for rule in data.rules:
        yield reader.of_rule(rule)
    for trial in data.trials:
        yield from reader.of_trial(trial)
    for discrepancy in data.discrepancies:
        yield from reader.of_discrepancy(discrepancy)


def study_names(data: KnowledgeData) -> Iterator[str]:
    """The names of studies and the acronyms of trials, as written."""
    yield from (study.name for study in data.evidence)
    yield from (trial.acronym for trial in data.trials if trial.acronym)


class _ClaimReader:
    def __init__(self, places: Mapping[str, tuple[str, int]], regimens: Mapping[str, Regimen]) -> None:
        self._places = places
        self._regimens = regimens

    def of_drug(self, drug: Drug) -> Iterator[Claim]:
        place, own = self._place("drugs", drug.id), (drug.id,)
        fields = _given(drug.target, drug.payload, drug.linker, drug.drug_to_antibody_ratio, drug.mechanism)
        if drug.cites or fields:
            yield Claim(drug.id, "drug", "", place, drug.cites, fields, subjects=own)
        for one in drug.approvals:
            yield Claim(
                drug.id,
                "approval",
                f"approval {one.regulator} {one.year or ''}".strip(),
                place,
                one.cites,
                _given(one.indication, one.note),
                figures=(str(one.year),) if one.year else (),
                drugs=own,
            )
        for kind, title, statements in (
            ("drug", "brain activity", drug.brain_activity),
            ("toxicity", "toxicity", drug.toxicities),
        ):
            for number, said in enumerate(statements, start=1):
                yield Claim(drug.id, kind, f"{title} {number}", place, said.cites, (said.text,), subjects=own)

    def of_evidence(self, study: Evidence) -> Iterator[Claim]:
        place = self._place("evidence", study.id)
        yield Claim(
            study.id,
            "evidence",
            "",
            place,
            study.reported_by,
            (study.design, study.population, study.summary, *_given(study.registry)),
            figures=tuple(str(arm.patients) for arm in study.arms if arm.patients is not None),
            drugs=tuple(dict.fromkeys(drug for arm in study.arms for drug in arm.drugs)),
            study=study.name,
            phase=study.phase,
        )
        for number, outcome in enumerate(study.outcomes, start=1):
            yield _of_outcome(study.id, number, outcome, place)

    def of_criterion(self, criterion: Criterion) -> Iterator[Claim]:
        """A criterion without citation is a definition of ours, unless it names a figure."""
        texts = (criterion.title, criterion.because)
        if criterion.cites or named_figures(plain(" ; ".join(texts))):
            place = self._place("criteria", criterion.id)
            yield Claim(criterion.id, "criterion", "", place, criterion.cites, texts)

    def of_rule(self, rule: Rule) -> Claim:
        texts: tuple[str, ...] = ()
        drugs: tuple[str, ...] = ()
        choices: tuple[tuple[str, ...], ...] = ()
        subjects: tuple[str, ...] = ()
        genes: tuple[str, ...] = ()
        if rule.offer:
            texts = _given(rule.offer.because, rule.offer.despite_progression_because)
            drugs, choices = self._components(rule.offer.regimen)
        elif rule.caution:
            texts = _given(rule.caution.because, rule.caution.action)
            subjects = self._targeted(rule.caution.on)
        elif rule.modifies:
            texts = _given(rule.modifies.because, rule.modifies.marker)
            subjects = self._targeted(rule.modifies.on)
            genes = tuple(dict.fromkeys(_genes_tested(rule.when)))
        elif rule.request:
            texts = _given(rule.request.test, rule.request.because)
        return Claim(
            rule.id,
            rule.kind,
            "",
            self._place(rule.kind, rule.id),
            rule.cites,
            (rule.title, *texts),
            drugs=drugs,
            drug_choices=choices,
            subjects=subjects,
            genes=genes,
        )

    def of_trial(self, trial: Trial) -> Iterator[Claim]:
        place = self._place("trials", trial.id)
        yield Claim(
            trial.id,
            "trial",
            "",
            place,
            trial.cites,
            (trial.title, trial.population),
            drugs=trial.drugs,
            identifier=trial.id,
            study=trial.acronym,
            phase=trial.phase,
        )
        for one in trial.status:
            part = f"status as of {one.as_of}"
            yield Claim(trial.id, "status", part, place, one.cites, identifier=trial.id, status=one.status)

    def of_discrepancy(self, discrepancy: Discrepancy) -> Iterator[Claim]:
        place = self._place("discrepancies", discrepancy.id)
        for one in discrepancy.readings:
            cites = (Citation(source=one.source, at=one.at, reference=one.reference),)
            yield Claim(discrepancy.id, "discrepancy", f"reading of {one.source}", place, cites, (one.says,))

    def _place(self, kind: str, entry_id: str) -> str:
        place = self._places.get(entry_id) or self._places.get(f"{kind}:{entry_id}")
        return "{}:{}".format(*place) if place else kind

    def _components(self, regimen_id: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        """The drugs that a regimen always holds, and its choices among several."""
        regimen = self._regimens.get(regimen_id)
        options = [component.options for component in regimen.components] if regimen else []
        fixed = tuple(one[0] for one in options if len(one) == 1)
        return fixed, tuple(one for one in options if len(one) > 1)

    def _targeted(self, target: Target) -> tuple[str, ...]:
        """The drugs that a caution or a biomarker effect is about, those of whole regimens included."""
        fixed = [drug for regimen in target.regimens for drug in self._components(regimen)[0]]
        return tuple(dict.fromkeys((*target.drugs, *fixed)))


def _of_outcome(study: str, number: int, outcome: Outcome, place: str) -> Claim:
    intervals = [value.ci for value in outcome.values] + [outcome.ci]
    unit = outcome.unit or ""
    return Claim(
        study,
        "outcome",
        f"outcome {number} ({outcome.label or outcome.endpoint})",
        place,
        outcome.cites,
        _given(outcome.label, outcome.population, outcome.at_time, outcome.as_printed),
        figures=_given(outcome.hazard_ratio),
        measured=tuple((value.value, unit) for value in outcome.values),
        intervals=tuple(interval for interval in intervals if interval is not None),
        p_value=outcome.p,
    )


def _genes_tested(condition: object) -> Iterator[str]:
    """The genes whose alterations a condition tests."""
    if isinstance(condition, str):
        if (alteration := _ALTERATION.fullmatch(condition)) is not None:
            yield alteration[1]
    elif isinstance(condition, Mapping):
        for part in condition.values():
            yield from _genes_tested(part)
    elif isinstance(condition, list):
        for part in condition:
            yield from _genes_tested(part)


def _given(*values: str | None) -> tuple[str, ...]:
    return tuple(value for value in values if value)
