"""Assembles the report from ranked candidates and verdicts. Selection and wording only: nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterable

from her2cds.engine.compiled import Outcome
from her2cds.engine.explain import Explanation, explain, shown
from her2cds.engine.strata import derivers
from her2cds.facts.truth import Truth
from her2cds.facts.values import ScalarFact
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.citations import Citation
from her2cds.knowledge.rules import Rule
from her2cds.profile.normalise import Chart
from her2cds.recommendation.candidates import AppliedCaution, Candidate, Exclusion, Gathered
from her2cds.recommendation.order import Ranked, ranks
from her2cds.report.missing import MissingFacts
from her2cds.report.model import (
    SCHEMA_VERSION,
    Classified,
    DrugShown,
    EvidenceShown,
    FactShown,
    Investigational,
    KnowledgeIdentity,
    Modifier,
    Notice,
    NotRecommended,
    OpenCheck,
    Question,
    Reason,
    Regulatory,
    Report,
    RuledOutReason,
    SourceShown,
    TestToRequest,
    Therapy,
    Warning,
)
from her2cds.report.statement import statement_for
from her2cds.version import __version__

_EFFECT_ORDER = ("conditional", "demote", "warn", "monitor")


def assemble(
    chart: Chart,
    knowledge: Knowledge,
    outcome: Outcome,
    gathered: Gathered,
    ranked: tuple[Ranked, ...],
    deferred: tuple[str, ...],
) -> Report:
    """The report. `deferred` are facts so open that no therapy is listed until they are known."""
    return _Assembler(chart, knowledge, outcome, gathered, ranked, deferred).report()


class _Assembler:
    def __init__(
        self,
        chart: Chart,
        knowledge: Knowledge,
        outcome: Outcome,
        gathered: Gathered,
        ranked: tuple[Ranked, ...],
        deferred: tuple[str, ...],
    ) -> None:
        self._chart = chart
        self._knowledge = knowledge
        self._outcome = outcome
        self._gathered = gathered
        self._ranked = ranked
        self._deferred = deferred
        self._missing = MissingFacts(knowledge, outcome)
        self._touched: dict[str, None] = {}
        self._cited: dict[str, None] = {}

    def report(self) -> Report:
        knowledge, manifest = self._knowledge, self._knowledge.data.manifest
        therapies = tuple(self._therapy(one) for one in self._ranked)
        not_recommended = tuple(self._not_recommended(one) for one in self._gathered.excluded)
        investigational = tuple(self._investigational(one) for one in self._gathered.investigational)
        findings = tuple(self._finding(rule) for rule in self._satisfied("biomarker"))
        tests = tuple(self._test(rule) for rule in self._satisfied("request"))
        profile = self._chart.profile
        # Every field is made by typed code of our own: building the validators would only cost start-up time.
        return Report.model_construct(
            schema_version=SCHEMA_VERSION,
            patient_id=profile.id,
            profile_date=profile.date.isoformat() if profile.date else None,
            software_version=__version__,
            knowledge=KnowledgeIdentity(
                id=manifest.id,
                version=manifest.version,
                content_hash=knowledge.data.content_hash,
                evidence_cut_off=manifest.evidence_cut_off,
            ),
            intended_use=manifest.intended_use,
            statement=statement_for(knowledge, self._outcome, self._gathered, self._deferred),
            classification=self._classification(),
            therapies=therapies,
            not_recommended=not_recommended,
            investigational=investigational,
            findings=findings,
            tests_to_request=tests,
            questions=self._questions(),
            notices=self._notices(),
            discrepancies=tuple(one for one in knowledge.data.discrepancies if one.id in self._touched),
            sources=self._sources(),
        )

    def _satisfied(self, kind: str) -> Iterable[Rule]:
        rules = (rule for rule in self._knowledge.data.rules if rule.kind == kind)
        return (rule for rule in rules if self._outcome.verdicts[rule.id] is Truth.TRUE)

    def _cite(self, citations: Iterable[Citation]) -> tuple[Citation, ...]:
        unique = tuple(dict.fromkeys(citations))
        self._cited.update(dict.fromkeys(one.source for one in unique))
        return unique

    def _discrepancies(self, *entry_ids: str) -> tuple[str, ...]:
        found = {one.id: None for entry in entry_ids for one in self._knowledge.discrepancies_by_entry.get(entry, ())}
        self._touched.update(found)
        return tuple(sorted(found))

    # --- Classification ---------------------------------------------------------------------------

    def _classification(self) -> tuple[Classified, ...]:
        result = []
        for fact, rules in derivers(self._knowledge).items():
            value = self._outcome.facts[fact]
            definition = self._knowledge.facts[fact]
            satisfied = tuple(rule for rule in rules if self._outcome.verdicts[rule] is Truth.TRUE)
            because = "; ".join(self._knowledge.rules[rule].title for rule in satisfied)
            if not because and isinstance(value, ScalarFact) and not value.is_known:
                because = "facts are missing"
            result.append(
                Classified(
                    fact=fact,
                    meaning=definition.meaning,
                    value=shown(value),
                    because=because or "no classification rule applies",
                    rules=satisfied,
                )
            )
        return tuple(sorted(result, key=lambda one: one.fact))

    # --- Therapies --------------------------------------------------------------------------------

    def _therapy(self, ranked: Ranked) -> Therapy:
        candidate = ranked.candidate
        offers = candidate.offer_parts
        evidence = self._evidence(candidate.offers)
        category = candidate.best_category(self._knowledge.data.ranking.categories)
        return Therapy(
            rank=ranked.rank,
            tied=ranked.tied,
            regimen=candidate.regimen.id,
            name=candidate.regimen.name,
            drugs=self._drugs(candidate),
            category=category,
            lowered_for_safety=bool(candidate.steps_down),
            status="determined" if candidate.determined else "conditional",
            conditional_on=self._conditional_on(candidate),
            because=tuple(self._reason(rule) for rule in candidate.offers),
            above_the_next_because=ranked.above_next,
            rechallenge=tuple(
                dict.fromkeys(
                    offer.despite_progression_because for offer in offers if offer.despite_progression_because
                )
            ),
            evidence=evidence,
            modifiers=tuple(self._modifier(one.rule, one.drugs) for one in candidate.modifiers),
            warnings=self._warnings(candidate),
            open_checks=self._open_checks(candidate),
            options_ruled_out=tuple(f"{self._drug_name(one.drug)}: {one.because}" for one in candidate.dropped_options),
            regulatory=self._regulatory(candidate),
            caveats=self._caveats(candidate),
            discrepancies=self._discrepancies(
                candidate.regimen.id, *candidate.drugs, *(rule.id for rule in candidate.offers)
            ),
        )

    def _drug_name(self, drug: str) -> str:
        entry = self._knowledge.drugs.get(drug)
        return entry.name if entry else drug

    def _drugs(self, candidate: Candidate) -> tuple[DrugShown, ...]:
        return tuple(
            DrugShown(options=part, names=tuple(self._drug_name(drug) for drug in part))
            for part in candidate.components
        )

    def _caveats(self, candidate: Candidate) -> tuple[str, ...]:
        notes = [candidate.regimen.note] if candidate.regimen.note else []
        return tuple(dict.fromkeys([*(text for offer in candidate.offer_parts for text in offer.caveats), *notes]))

    def _conditional_on(self, candidate: Candidate) -> tuple[str, ...]:
        if candidate.determined:
            return ()
        facts = [fact for rule in candidate.offers for fact in self._missing.of(rule.id)]
        if candidate.unclear_progression:
            facts.append("prior.progressed_on")
        return tuple(dict.fromkeys(facts))

    def _reason(self, rule: Rule) -> Reason:
        assert rule.offer is not None
        tree = explain(self._knowledge.conditions[rule.id], self._outcome.facts, self._knowledge)
        return Reason(
            rule=rule.id,
            title=rule.title,
            because=rule.offer.because,
            facts=_true_facts(tree),
            citations=self._cite(rule.cites),
        )

    def _evidence(self, rules: Iterable[Rule]) -> tuple[EvidenceShown, ...]:
        ids = dict.fromkeys(one for rule in rules for one in rule.evidence)
        entries = [self._knowledge.evidence[one] for one in ids]
        for entry in entries:
            self._cite(entry.citations)
        return tuple(EvidenceShown(study=entry, discrepancies=self._discrepancies(entry.id)) for entry in entries)

    def _modifier(self, rule: Rule, drugs: tuple[str, ...]) -> Modifier:
        modifies = rule.modifies
        assert modifies is not None
        self._discrepancies(rule.id)
        return Modifier(
            rule=rule.id,
            marker=modifies.marker,
            drugs=drugs,
            effect=modifies.effect,
            kind=modifies.kind,
            level=modifies.level,
            changes_rank=ranks(modifies),
            because=modifies.because,
            see_trials=rule.see_trials,
            conflicts_with=rule.conflicts_with,
            citations=self._cite(rule.cites),
        )

    def _finding(self, rule: Rule) -> Modifier:
        assert rule.modifies is not None
        target = rule.modifies.on
        return self._modifier(rule, (*target.drugs, *target.classes, *target.regimens))

    def _warnings(self, candidate: Candidate) -> tuple[Warning, ...]:
        warnings = [self._warning(one) for one in candidate.cautions]
        for one in candidate.intolerances:
            warnings.append(
                Warning(
                    rule="",
                    title=f"{self._drug_name(one.drug)} was stopped for toxicity before",
                    effect="conditional",
                    drugs=(one.drug,),
                    because=self._knowledge.data.ranking.intolerance,
                    action=None,
                    origin=one.origin,
                    citations=(),
                )
            )
        return tuple(sorted(warnings, key=lambda one: (_EFFECT_ORDER.index(one.effect), one.rule, one.drugs)))

    def _warning(self, applied: AppliedCaution) -> Warning:
        caution = applied.rule.caution
        assert caution is not None
        assert caution.effect != "exclude"
        return Warning(
            rule=applied.rule.id,
            title=applied.rule.title,
            effect=caution.effect,
            drugs=applied.drugs,
            because=caution.because,
            action=caution.action,
            origin="",
            citations=self._cite(applied.rule.cites),
        )

    def _open_checks(self, candidate: Candidate) -> tuple[OpenCheck, ...]:
        result = []
        for applied in candidate.open_checks:
            caution = applied.rule.caution
            assert caution is not None
            assert caution.effect in ("exclude", "conditional")
            result.append(
                OpenCheck(
                    rule=applied.rule.id,
                    title=applied.rule.title,
                    effect=caution.effect,
                    drugs=applied.drugs,
                    missing=self._missing.of(applied.rule.id),
                )
            )
        return tuple(sorted(result, key=lambda one: (one.effect != "exclude", one.rule)))

    def _regulatory(self, candidate: Candidate) -> tuple[Regulatory, ...]:
        found = []
        for drug in candidate.drugs:
            entry = self._knowledge.drugs.get(drug)
            for approval in entry.approvals if entry else ():
                self._cite(approval.cites)
                found.append(Regulatory(drug=drug, approval=approval))
        return tuple(found)

    # --- Ruled out, investigational, tests -----------------------------------------------------------

    def _not_recommended(self, candidate: Candidate) -> NotRecommended:
        return NotRecommended(
            regimen=candidate.regimen.id,
            name=candidate.regimen.name,
            offered_by=tuple(rule.id for rule in candidate.offers),
            reasons=tuple(self._exclusion(one) for one in dict.fromkeys(candidate.exclusions)),
        )

    def _exclusion(self, exclusion: Exclusion) -> RuledOutReason:
        rule = exclusion.rule
        return RuledOutReason(
            drug=exclusion.drug,
            because=exclusion.because,
            rule=rule.id if rule else "",
            origin=exclusion.origin,
            citations=self._cite(rule.cites) if rule else (),
        )

    def _investigational(self, candidate: Candidate) -> Investigational:
        return Investigational(
            regimen=candidate.regimen.id,
            name=candidate.regimen.name,
            status="determined" if candidate.determined else "conditional",
            conditional_on=self._conditional_on(candidate),
            because=tuple(self._reason(rule) for rule in candidate.offers),
            see_trials=tuple(dict.fromkeys(trial for rule in candidate.offers for trial in rule.see_trials)),
            evidence=self._evidence(candidate.offers),
            warnings=self._warnings(candidate),
            caveats=self._caveats(candidate),
        )

    def _test(self, rule: Rule) -> TestToRequest:
        request = rule.request
        assert request is not None
        return TestToRequest(
            rule=rule.id,
            test=request.test,
            because=request.because,
            for_trials_only=request.for_trials_only,
            answers=request.answers,
            citations=self._cite(rule.cites),
        )

    # --- Questions, notices, sources -------------------------------------------------------------------

    def _questions(self) -> tuple[Question, ...]:
        decides: dict[str, set[str]] = {fact: set() for fact in self._deferred}
        safety: dict[str, set[str]] = {}
        if not self._deferred:
            for one in self._ranked:
                for fact in self._conditional_on(one.candidate):
                    decides.setdefault(fact, set()).add(one.candidate.regimen.id)
                for check in self._open_checks(one.candidate):
                    for fact in check.missing:
                        safety.setdefault(fact, set()).add(one.candidate.regimen.id)
        order = sorted(
            {*decides, *safety},
            key=lambda fact: (-len(decides.get(fact, ())), -len(safety.get(fact, ())), fact),
        )
        return tuple(self._question(fact, decides.get(fact, set()), safety.get(fact, set())) for fact in order)

    def _question(self, fact: str, decides: set[str], safety: set[str]) -> Question:
        definition = self._knowledge.facts[fact]
        return Question(
            fact=fact,
            question=definition.ask or f"{definition.meaning}?",
            obtain=definition.obtain,
            decides=tuple(sorted(decides)),
            safety_of=tuple(sorted(safety)),
        )

    def _notices(self) -> tuple[Notice, ...]:
        notices = [Notice(text=text, rule="", citations=()) for text in self._chart.notices]
        for rule in self._knowledge.data.rules:
            if rule.notice and self._outcome.verdicts[rule.id] is Truth.TRUE:
                notices.append(Notice(text=rule.notice, rule=rule.id, citations=self._cite(rule.cites)))
        return tuple(notices)

    def _sources(self) -> tuple[SourceShown, ...]:
        return tuple(
            SourceShown(id=one.id, citation=one.citation, doi=one.doi, reliability=one.reliability)
            for one in self._knowledge.data.sources
            if one.id in self._cited
        )


def _true_facts(tree: Explanation) -> tuple[FactShown, ...]:
    """The leaves that make a rule true (or, for an undetermined rule, those of them that are known)."""
    wanted = (Truth.TRUE,) if tree.truth is Truth.TRUE else (Truth.TRUE, Truth.UNKNOWN)
    found: dict[tuple[str, str], FactShown] = {}
    for truth in wanted:
        for leaf in tree.responsible(truth) if truth is tree.truth else _known_leaves(tree):
            if leaf.test is not None:
                fact = FactShown(fact=leaf.test.fact, test=leaf.says, value=leaf.value, origin=leaf.origin)
                found.setdefault((fact.fact, fact.test), fact)
    return tuple(found.values())


def _known_leaves(tree: Explanation) -> Iterable[Explanation]:
    return (leaf for leaf in tree.leaves() if leaf.truth is Truth.TRUE)
