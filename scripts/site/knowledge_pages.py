"""The knowledge base as pages: each entry with its sources, and everything that refers to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from her2cds.interop.ctml import words
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.catalogue import Discrepancy, Drug, Regimen, Source
from her2cds.knowledge.citations import Citation
from her2cds.knowledge.evidence import Evidence
from her2cds.knowledge.rules import Rule, RuleKind, Trial
from her2cds.rendering.markdown import escape
from her2cds.rendering.words import outcome_words

_RULE_PAGES: dict[RuleKind, tuple[str, str]] = {
    "therapy": ("therapies", "Therapy rules"),
    "caution": ("cautions", "Cautions"),
    "biomarker": ("biomarkers", "Findings and what they say"),
    "request": ("tests", "Tests to request"),
    "classification": ("classification", "Classification"),
}


def pages(knowledge: Knowledge) -> dict[str, str]:
    """All pages of the knowledge base."""
    site = _Site(knowledge)
    found = {f"knowledge/{name}.md": text for name, text in site.pages()}
    found["knowledge/index.md"] = site.index()
    return found


def anchor(identifier: str) -> str:
    """The anchor of an entry: its id, with dots and plus signs as hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", identifier.casefold()).strip("-")


class _Site:
    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._pages: dict[str, str] = {}
        for kind, (page, _) in _RULE_PAGES.items():
            self._pages.update(dict.fromkeys((one.id for one in knowledge.rules_of(kind)), page))
        for page, entries in (
            ("drugs", (one.id for one in self._described_drugs())),
            ("studies", knowledge.evidence),
            ("trials", knowledge.trials),
            ("discrepancies", (one.id for one in knowledge.data.discrepancies)),
            ("sources", knowledge.sources),
        ):
            self._pages.update(dict.fromkeys(entries, page))
        self._regimen_ids = set(knowledge.regimens)

    def pages(self) -> Iterator[tuple[str, str]]:
        data = self._knowledge.data
        yield "regimens", self._page("Regimens", (self._regimen(one) for one in data.regimens))
        yield "drugs", self._page("Drugs", (self._drug(one) for one in self._described_drugs()), self._listed())
        for kind, (page, title) in _RULE_PAGES.items():
            rules = self._knowledge.rules_of(kind)
            yield page, self._page(title, (self._rule(one) for one in rules))
        yield "studies", self._page("Studies", (self._study(one) for one in data.evidence))
        by_strategy = sorted(data.trials, key=lambda one: (one.strategy, one.id))
        sections = (
            f"## {escape(strategy)}\n\n" + "\n".join(self._trial(one) for one in trials)
            for strategy, trials in groupby(by_strategy, key=lambda one: one.strategy)
        )
        yield "trials", self._page("Trials", sections)
        yield (
            "discrepancies",
            self._page("Where the sources err or disagree", (self._discrepancy(one) for one in data.discrepancies)),
        )
        yield "sources", self._page("Sources", (self._source(one) for one in data.sources))

    def index(self) -> str:
        data = self._knowledge.data
        lines = [f"# {data.manifest.title}", "", data.manifest.intended_use, "", data.manifest.evidence_cut_off, ""]
        lines += ["| what | how many |", "|---|---|"]
        for kind, (page, title) in _RULE_PAGES.items():
            lines.append(f"| [{title}]({page}.md) | {len(self._knowledge.rules_of(kind))} |")
        for page, title, entries in (
            ("regimens", "Regimens", data.regimens),
            ("drugs", "Drugs", data.drugs),
            ("studies", "Studies", data.evidence),
            ("trials", "Trials", data.trials),
            ("discrepancies", "Discrepancies of the sources", data.discrepancies),
        ):
            lines.append(f"| [{title}]({page}.md) | {len(entries)} |")
        return "\n".join([*lines, "", f"Version {data.manifest.version}.", ""])

    # --- Entries ------------------------------------------------------------------------------------

    def _regimen(self, one: Regimen) -> str:
        rules = [rule.id for rule in self._knowledge.rules_of("therapy") if rule.offer and rule.offer.regimen == one.id]
        parts = [" or ".join(self._link(drug) for drug in part.options) for part in one.components]
        return self._entry(
            f"regimen-{one.id}",
            one.name,
            [("Id", f"`{one.id}`"), ("Drugs", " + ".join(parts)), ("Offered by", self._links(rules))],
        )

    def _described_drugs(self) -> list[Drug]:
        return [one for one in self._knowledge.data.drugs if one.status != "listed"]

    def _drug(self, one: Drug) -> str:
        data, targets = self._knowledge.data, self._knowledge.target_drugs
        rules = [rule.id for rule in data.rules if one.id in targets.get(rule.id, ())]
        studies = [study.id for study in data.evidence if any(one.id in arm.drugs for arm in study.arms)]
        trials = [trial.id for trial in data.trials if one.id in trial.drugs]
        facts = [
            ("Id", f"`{one.id}`, {one.status}"),
            ("Also called", escape(", ".join(one.synonyms))),
            ("Classes", ", ".join(one.classes)),
            ("Target", escape(one.target or "")),
            ("Payload and linker", escape("; ".join(text for text in (one.payload, one.linker) if text))),
            ("Drug-to-antibody ratio", escape(one.drug_to_antibody_ratio or "")),
            ("Mechanism", escape(one.mechanism or "")),
        ]
        for approval in one.approvals:
            year = f" {approval.year}" if approval.year else ""
            note = f" ({approval.note})" if approval.note else ""
            text = f"{approval.regulator}{year}: {approval.indication}{note}"
            facts.append(("Approval as reported", f"{escape(text)} {self._cite(approval.cites)}"))
        facts += [("Brain", f"{escape(said.text)} {self._cite(said.cites)}") for said in one.brain_activity]
        facts += [("Toxicity", f"{escape(said.text)} {self._cite(said.cites)}") for said in one.toxicities]
        facts += [("Caveat", escape(text)) for text in one.caveats]
        facts += [
            ("Sources", self._cite(one.cites)),
            ("Rules about it", self._links(rules)),
            ("Studies", self._links(studies)),
            ("Trials", self._links(trials)),
        ]
        return self._entry(one.id, one.name, facts)

    def _listed(self) -> str:
        names = sorted(one.name for one in self._knowledge.data.drugs if one.status == "listed")
        return f"## Listed only\n\nKnown by name, so that charts are understood: {escape(', '.join(names))}.\n"

    def _rule(self, one: Rule) -> str:
        condition = words(self._knowledge.conditions[one.id], self._knowledge)
        facts = [("Id", f"`{one.id}`"), ("When", escape(condition))]
        if one.derive:
            value = one.derive.value or " or ".join(one.derive.one_of)
            facts.append(("Then", f"`{one.derive.fact}` is {value}"))
        elif one.offer:
            facts.append(("Offers", f"[{escape(one.offer.regimen)}](regimens.md#regimen-{anchor(one.offer.regimen)})"))
            facts += [("Category", one.offer.category.replace("_", " ")), ("Because", escape(one.offer.because))]
            facts += [("Caveat", escape(text)) for text in one.offer.caveats]
        elif one.caution:
            action = f" {one.caution.action}" if one.caution.action else ""
            facts += [("Effect", one.caution.effect), ("Because", escape(one.caution.because + action))]
        elif one.modifies:
            effect = f"{one.modifies.effect.replace('_', ' ')}, level {one.modifies.level}, {one.modifies.kind}"
            facts += [("Effect", effect), ("Because", escape(one.modifies.because))]
        elif one.request:
            facts += [("Test", escape(one.request.test)), ("Because", escape(one.request.because))]
        facts += [
            ("Studies", self._links(one.evidence)),
            ("Trials", self._links(one.see_trials)),
            ("Read differently by", self._links(one.conflicts_with)),
            ("Sources err or disagree", self._links(self._touching(one.id))),
            ("Sources", self._cite(one.cites)),
        ]
        return self._entry(one.id, one.title, facts)

    def _study(self, one: Evidence) -> str:
        rules = [rule.id for rule in self._knowledge.data.rules if one.id in rule.evidence]
        facts = [
            ("Id", f"`{one.id}`, phase {one.phase}, level {one.level}"),
            ("Design", escape(one.design)),
            ("Population", escape(one.population)),
            ("Arms", escape("; ".join(arm.name for arm in one.arms))),
            ("Summary", escape(one.summary)),
        ]
        facts += [("Figure", f"{escape(outcome_words(each))} {self._cite(each.cites)}") for each in one.outcomes]
        facts += [("Caveat", escape(text)) for text in one.caveats]
        facts += [
            ("Primary reference", escape(one.primary or "") + (f" doi:{one.doi}" if one.doi else "")),
            ("Registry", escape(one.registry or "")),
            ("Reported by", self._cite(one.reported_by)),
            ("Rules that rest on it", self._links(rules) or escape(one.no_rule_because or "")),
            ("Sources err or disagree", self._links(self._touching(one.id))),
        ]
        return self._entry(one.id, one.name, facts)

    def _trial(self, one: Trial) -> str:
        title = f"{one.id}{f' {one.acronym}' if one.acronym else ''}"
        facts = [("What", escape(one.title)), ("Phase", one.phase or "not stated")]
        facts.append(("Population", escape(one.population)))
        facts += [("Arm", escape(text)) for text in one.arms]
        facts.append(("Scope", one.scope + (f": {escape(one.blocked_because)}" if one.blocked_because else "")))
        if one.id in self._knowledge.conditions:
            facts.append(("Eligible when", escape(words(self._knowledge.conditions[one.id], self._knowledge))))
        facts += [("Inferred", escape(text)) for text in one.inferred]
        facts += [("Status", f"{escape(each.status)}, {each.as_of} {self._cite(each.cites)}") for each in one.status]
        facts += [("Caveat", escape(text)) for text in one.caveats]
        facts += [
            ("Drugs", self._links(one.drugs)),
            ("Pointed to by", self._links(self._knowledge.rules_by_trial.get(one.id, ()))),
            ("Sources err or disagree", self._links(self._touching(one.id))),
            ("Sources", self._cite(one.cites)),
        ]
        return self._entry(one.id, title, facts, level=3)

    def _discrepancy(self, one: Discrepancy) -> str:
        facts = [("Severity", one.severity)]
        facts += [
            (each.source, f"{escape(each.says)} ({escape(each.at)}{_references(each.reference)})")
            for each in one.readings
        ]
        touches = one.touches
        touched = (*touches.rules, *touches.evidence, *touches.drugs, *touches.trials)
        facts += [
            ("Followed", escape(one.followed)),
            ("From outside the reviews", escape(one.outside or "")),
            ("Shown with", self._links(touched)),
        ]
        return self._entry(one.id, f"{one.id} {one.title}", facts)

    def _source(self, one: Source) -> str:
        doi = f" [doi:{one.doi}](https://doi.org/{one.doi})" if one.doi else ""
        facts = [("Citation", escape(one.citation) + doi), ("Role", one.role)]
        facts.append(("How far to trust it", escape(one.reliability)))
        return self._entry(one.id, one.id, facts)

    # --- Parts --------------------------------------------------------------------------------------

    def _page(self, title: str, entries: Iterable[str], after: str = "") -> str:
        return "\n".join([f"# {title}", "", *entries, after])

    def _entry(self, identifier: str, title: str, facts: Iterable[tuple[str, str]], level: int = 2) -> str:
        lines = [f"{'#' * level} {escape(title)} {{ #{anchor(identifier)} }}", ""]
        lines += [f"- **{label}:** {text}" for label, text in facts if text]
        return "\n".join([*lines, ""])

    def _touching(self, identifier: str) -> list[str]:
        return [one.id for one in self._knowledge.discrepancies_by_entry.get(identifier, ())]

    def _links(self, identifiers: Iterable[str]) -> str:
        return ", ".join(self._link(one) for one in dict.fromkeys(identifiers))

    def _link(self, identifier: str) -> str:
        page = self._pages.get(identifier)
        return f"[{escape(identifier)}]({page}.md#{anchor(identifier)})" if page else escape(identifier)

    def _cite(self, citations: Iterable[Citation]) -> str:
        parts = (f"{self._link(one.source)} {escape(one.at)}{_references(one.reference)}" for one in citations)
        text = "; ".join(parts)
        return f"({text})" if text else ""


def _references(numbers: tuple[int, ...]) -> str:
    return f", ref. {', '.join(map(str, numbers))}" if numbers else ""
