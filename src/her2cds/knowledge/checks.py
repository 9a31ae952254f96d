"""Checks across entries, one function each, listed at the end.

A check takes the loaded entries and yields faults; adding a check is adding a function and listing it. Any fault
keeps the knowledge base from loading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from pydantic import BaseModel

from her2cds.errors import KnowledgeFault
from her2cds.knowledge.catalogue import Combination, Discrepancy, Drug, Gene, Source
from her2cds.knowledge.citations import Citation
from her2cds.knowledge.conditions import (
    Condition,
    ConditionParser,
    Domains,
    Path,
    criteria_named,
    leaves,
)
from her2cds.knowledge.files import RULE_FOLDERS
from her2cds.knowledge.given_facts import GIVEN_FACTS
from her2cds.knowledge.names import folded
from her2cds.knowledge.normal_form import TooManyAlternativesError, alternatives, can_hold
from her2cds.knowledge.rules import Criterion, FactDefinition, Ranking, Rule, Trial
from her2cds.knowledge.validate import LocatedEntry
from her2cds.suggest import did_you_mean


class Entries:
    """The validated entries of all files, by kind and by id."""

    def __init__(
        self,
        located: Iterable[LocatedEntry],
        broken: Iterable[tuple[str, str]] = (),
        unread: Iterable[str] = (),
    ) -> None:
        """`broken` are kind and id of entries that failed validation: references to them still resolve.

        `unread` are the kinds of which a part could not be read: what refers to them is not judged.
        """
        self.all = tuple(located)
        self._unread = frozenset(unread)
        self._by_kind: dict[str, list[LocatedEntry]] = {}
        ids: dict[str, set[str]] = {}
        for one in self.all:
            self._by_kind.setdefault(one.kind, []).append(one)
            ids.setdefault(one.kind, set()).add(one.entry_id)
        for kind, entry_id in broken:
            ids.setdefault(kind, set()).add(entry_id)
        self._ids = {kind: frozenset(of_kind) for kind, of_kind in ids.items()}

    def of(self, kind: str) -> list[LocatedEntry]:
        """The entries of one kind of file."""
        return self._by_kind.get(kind, [])

    def ids(self, kind: str) -> frozenset[str]:
        """The ids of one kind."""
        return self._ids.get(kind, frozenset())

    def lacks(self, *kinds: str) -> bool:
        """Whether a part of one of these kinds could not be read."""
        return not self._unread.isdisjoint(kinds)

    def named(self, *kinds: str) -> frozenset[str] | None:
        """The ids that a reference to these kinds may name; None where that cannot be said."""
        return None if self.lacks(*kinds) else frozenset().union(*map(self.ids, kinds))

    @property
    def rules(self) -> Iterator[tuple[LocatedEntry, Rule]]:
        """All rules, in the order of the stages."""
        for folder in RULE_FOLDERS:
            for one in self.of(folder):
                yield one, cast(Rule, one.entry)

    def domains(self) -> Domains:
        """What conditions may name."""
        facts = {one.entry_id: cast(FactDefinition, one.entry) for one in self.of("vocabulary")}
        return Domains(facts, self.ids("criteria"), self.ids("drugs"), self.ids("drug_classes"), self.ids("genes"))


@dataclass(frozen=True, slots=True)
class LocatedCondition:
    """One condition, the entry it belongs to, and the field that holds it."""

    owner: LocatedEntry
    field: tuple[str | int, ...]
    raw: object


def conditions_of(entries: Entries) -> Iterator[LocatedCondition]:
    """Every condition in the knowledge base."""
    for one in entries.of("criteria"):
        yield LocatedCondition(one, ("when",), cast(Criterion, one.entry).when)
    for one, rule in entries.rules:
        yield LocatedCondition(one, ("when",), rule.when)
    for one in entries.of("trials"):
        when = cast(Trial, one.entry).when
        if when is not None:
            yield LocatedCondition(one, ("when",), when)
    for one in entries.of("ranking"):
        for index, situation in enumerate(cast(Ranking, one.entry).situations):
            yield LocatedCondition(one, ("situations", index, "when"), situation.when)


Check = Callable[[Entries], Iterator[KnowledgeFault]]
_NAMED_IN_CONDITIONS = ("vocabulary", "criteria", "drugs", "drug_classes", "genes")


def ids_are_unique(entries: Entries) -> Iterator[KnowledgeFault]:
    """No id stands twice within its kind; rules, criteria and trials share one space of ids."""
    shared = {*RULE_FOLDERS, "criteria", "trials"}
    seen: dict[tuple[str, str], LocatedEntry] = {}
    for one in entries.all:
        key = ("rules" if one.kind in shared else one.kind, one.entry_id)
        first = seen.setdefault(key, one)
        if first is not one:
            yield one.fault(f"duplicate id; it stands first at {first.document.file}:{first.line()}", "", "id")


def names_are_unambiguous(entries: Entries) -> Iterator[KnowledgeFault]:
    """No two drugs (or combinations of them), and no two genes, answer to the same name."""
    for kinds in (("drugs", "combinations"), ("genes",)):
        seen: dict[str, LocatedEntry] = {}
        for one in (entry for kind in kinds for entry in entries.of(kind)):
            for name in dict.fromkeys(folded(name) for name in _all_names(cast(Drug | Combination | Gene, one.entry))):
                first = seen.setdefault(name, one)
                if first is not one:
                    yield one.fault(f"the name '{name}' also belongs to {first.entry_id}", "drop it from one of them")


def _all_names(entry: Drug | Combination | Gene) -> tuple[str, ...]:
    return (entry.id, entry.name, *entry.synonyms)


def rules_stand_in_their_folder(entries: Entries) -> Iterator[KnowledgeFault]:
    """A rule's conclusion fits the folder that its file lies in."""
    for one, rule in entries.rules:
        if rule.kind != RULE_FOLDERS[one.kind]:
            yield one.fault(f"a {rule.kind} rule does not belong into {one.kind}/")


def conditions_are_sound(entries: Entries) -> Iterator[KnowledgeFault]:
    """Conditions use known facts, operators and values, can hold, and stay small enough to compile."""
    if entries.lacks(*_NAMED_IN_CONDITIONS):
        return
    domains = entries.domains()
    for located in conditions_of(entries):
        condition, faults = _parse(located, domains)
        yield from faults
        if condition is None:
            continue
        try:
            choices = alternatives(condition)
        except TooManyAlternativesError as error:
            yield located.owner.fault(str(error), "move part of it into a criterion", *located.field)
            continue
        if not any(can_hold(choice, domains.facts) for choice in choices):
            yield located.owner.fault("the condition can never hold", "", *located.field)


def _parse(located: LocatedCondition, domains: Domains) -> tuple[Condition | None, list[KnowledgeFault]]:
    parser = ConditionParser(domains)
    condition = parser.parse(located.raw)
    faults = [
        located.owner.fault(fault.message, fault.suggestion, *located.field, *fault.path) for fault in parser.faults
    ]
    return (None, faults) if faults else (condition, [])


def derivations_are_stratified(entries: Entries) -> Iterator[KnowledgeFault]:
    """Derived facts are derived, given facts are not, values fit, and nothing depends on itself."""
    if entries.lacks("classification", *_NAMED_IN_CONDITIONS):
        return
    domains = entries.domains()
    derived_by: dict[str, list[LocatedEntry]] = {}
    for one, rule in entries.rules:
        if rule.derive is None:
            continue
        definition = domains.facts.get(rule.derive.fact)
        if definition is None:
            hint = did_you_mean(rule.derive.fact, domains.facts)
            yield one.fault(f"unknown fact '{rule.derive.fact}'", hint, "derive", "fact")
            continue
        derived_by.setdefault(definition.id, []).append(one)
        if not definition.derived:
            yield one.fault(f"'{definition.id}' comes from the profile and cannot be derived", "", "derive", "fact")
        for value in (rule.derive.value, *rule.derive.one_of):
            if value is not None and value not in domain_values(definition):
                yield one.fault(f"'{value}' is outside the domain of '{definition.id}'", "", "derive")
    for one in entries.of("vocabulary"):
        definition = cast(FactDefinition, one.entry)
        if definition.derived and definition.id not in derived_by:
            yield one.fault("no classification rule derives this fact")
    yield from _cycles(entries, domains, derived_by)


def given_facts_are_made(entries: Entries) -> Iterator[KnowledgeFault]:
    """A fact that no rule derives is one that this software makes: any other would stay unknown for every patient."""
    for one in entries.of("vocabulary"):
        if not cast(FactDefinition, one.entry).derived and one.entry_id not in GIVEN_FACTS:
            hint = did_you_mean(one.entry_id, GIVEN_FACTS) or "write `derived: true` and a rule that derives it"
            yield one.fault("nothing in a profile gives this fact", hint, "id")


def domain_values(definition: FactDefinition) -> tuple[str, ...]:
    """The closed domain of a bool or enum fact, as text."""
    return ("true", "false") if definition.type == "bool" else definition.values


def _cycles(entries: Entries, domains: Domains, derived_by: dict[str, list[LocatedEntry]]) -> Iterator[KnowledgeFault]:
    needs: dict[str, set[str]] = {}
    owners: dict[str, LocatedEntry] = {}
    for located in conditions_of(entries):
        condition, faults = _parse(located, domains)
        if faults or condition is None:
            continue
        node = f"criterion {located.owner.entry_id}" if located.owner.kind == "criteria" else located.owner.entry_id
        owners[node] = located.owner
        facts = {test.fact for test in leaves(condition)}
        needs[node] = {producer.entry_id for fact in facts for producer in derived_by.get(fact, ())}
        needs[node] |= {f"criterion {name}" for name in criteria_named(condition)}
    done: set[str] = set()
    for start in needs:
        cycle = _find_cycle(start, needs, done, [])
        if cycle:
            yield owners[cycle[0]].fault(f"depends on itself: {' → '.join(cycle)}")
            return


def _find_cycle(node: str, needs: dict[str, set[str]], done: set[str], trail: list[str]) -> list[str]:
    if node in trail:
        return [*trail[trail.index(node) :], node]
    if node in done:
        return []
    for below in sorted(needs.get(node, ())):
        cycle = _find_cycle(below, needs, done, [*trail, node])
        if cycle:
            return cycle
    done.add(node)
    return []


def citations_of(entry: BaseModel) -> Iterator[Citation]:
    """Every citation anywhere inside an entry."""
    for _, citation in _citations_in(entry, ()):
        yield citation


def _citations_in(value: object, path: Path) -> Iterator[tuple[Path, Citation]]:
    """Every citation with the path of its field."""
    if isinstance(value, Citation):
        yield path, value
    elif isinstance(value, BaseModel):
        for field, inner in value.__dict__.items():
            yield from _citations_in(inner, (*path, field))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _citations_in(item, (*path, index))


def citations_lead_somewhere(entries: Entries) -> Iterator[KnowledgeFault]:
    """Each citation names a known source and one of its sections; qi2024 has no usable references."""
    sources = _sources(entries)
    for one in entries.all:
        for path, citation in _citations_in(one.entry, ()):
            yield from _place_faults(sources, one, citation.source, citation.at, path)
            source = sources.get(citation.source) if sources else None
            if citation.reference and source is not None and source.references_restart_per_section:
                message = f"{citation.source} restarts its reference numbers in every section"
                yield one.fault(message, "cite without `reference`", *path, "reference")
    for one in entries.of("discrepancies"):
        for index, reading in enumerate(cast(Discrepancy, one.entry).readings):
            yield from _place_faults(sources, one, reading.source, reading.at, ("readings", index))


def _sources(entries: Entries) -> dict[str, Source] | None:
    """The sources by id; None where a part of them could not be read."""
    return (
        None if entries.lacks("sources") else {one.entry_id: cast(Source, one.entry) for one in entries.of("sources")}
    )


def _place_faults(
    sources: dict[str, Source] | None, one: LocatedEntry, source_id: str, at: str, path: Path
) -> Iterator[KnowledgeFault]:
    if sources is None:
        return
    source = sources.get(source_id)
    if source is None:
        yield one.fault(f"unknown source '{source_id}'", did_you_mean(source_id, sources), *path, "source")
    elif at not in source.sections:
        yield one.fault(f"{source_id} has no section '{at}'", did_you_mean(at, source.sections), *path, "at")


def outside_sources_only_restrict(entries: Entries) -> Iterator[KnowledgeFault]:
    """What the reviews do not say is not recommended: offers and biomarkers need a review, or a site's own source."""
    if entries.lacks("sources"):
        return
    roles = ("review", "site")
    reviews = {one.entry_id for one in entries.of("sources") if cast(Source, one.entry).role in roles}
    for one, rule in entries.rules:
        if rule.kind in ("therapy", "biomarker") and not any(cite.source in reviews for cite in rule.cites):
            yield one.fault(f"a {rule.kind} rule needs a citation from one of the reviews", "", "cites")
        weak = rule.offer and rule.evidence and all(cite.source == "qi2024" for cite in rule.cites)
        if weak:
            yield one.fault("qi2024 may not be the only support of an offer of drugs", "", "cites")


CHECKS: tuple[Check, ...] = (
    ids_are_unique,
    names_are_unambiguous,
    rules_stand_in_their_folder,
    conditions_are_sound,
    derivations_are_stratified,
    given_facts_are_made,
    citations_lead_somewhere,
    outside_sources_only_restrict,
)
