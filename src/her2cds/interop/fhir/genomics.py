"""Variants, the regions a test studied, and genomic reports, to genomic tests.

A gene counts as covered only where a region-studied Observation of the same report lists it, or where "no variant" is
said of the whole gene. A gene in which something is present that cannot be read leaves the coverage: its absence from
the alterations would otherwise say that it is unaltered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date as Date
from typing import Any

from her2cds.interop.fhir.elements import Answer, Reading, answer_of, codings
from her2cds.interop.fhir.resources import Json, Resource, listed
from her2cds.profile.protein_change import normalise_change

_SYMBOL = re.compile(r"^[A-Z][A-Z0-9-]{1,14}$")
_CLINVAR_PROTEIN = re.compile(r"\(p\.([A-Za-z0-9_*=]+)\)\s*$")
_SMALL = re.compile(
    r"\b[cg]\.[-*]?(?P<first>\d+)(?:[+-]\d+)?(?:_[-*]?(?P<last>\d+)(?:[+-]\d+)?)?(?:[ACGT]+>[ACGT]+|del|ins|dup)"
)
_LARGEST_SMALL_CHANGE = 50  # bases: the usual border between small and structural variants
_HGVS_PARTS = ("component.coding_change", "component.genomic_change", "component.variation")


@dataclass(slots=True)
class Test:
    """One genomic test in the making."""

    day: Date | None
    covered: dict[str, str] = field(default_factory=dict)
    unclear: set[str] = field(default_factory=set)
    alterations: list[tuple[Json, str, str]] = field(default_factory=list)


@dataclass(slots=True)
class GenomicTests:
    """Genomic findings by report, or by day where no report holds them."""

    reading: Reading
    report_of: dict[str, Resource] = field(default_factory=dict)
    tests: dict[str, Test] = field(default_factory=dict)

    def note_report(self, report: Resource, day: Date | None) -> None:
        """Remember which Observations a report holds."""
        for reference in listed(report.content.get("result")):
            found = self.reading.resources.follow(reference, report)
            if found is not None:
                self.report_of[found.label] = report
        self.tests.setdefault(report.label, Test(day))

    def _test(self, resource: Resource, day: Date | None) -> Test:
        report = self.report_of.get(resource.label)
        key = report.label if report else f"day {day}"
        return self.tests.setdefault(key, Test(day))

    def read_region(self, resource: Resource, day: Date | None) -> None:
        """The genes that a test studied."""
        test = self._test(resource, day)
        genes = [gene for part, answer in _parts(resource, self.reading) if part == "component.gene"
                 for gene in self._genes(answer, resource)]  # fmt: skip
        for gene in genes:
            test.covered.setdefault(gene, resource.label)
        if not genes:
            self.reading.draft.unread(resource.label, "region studied", "no gene that can be read")

    def read_variant(self, resource: Resource, answer: Answer, day: Date | None) -> None:
        """One variant, present or absent."""
        parts: dict[str, list[Json]] = {}
        for part, component in _parts(resource, self.reading):
            parts.setdefault(part, []).append(component)
        genes = [gene for one in parts.get("component.gene", []) for gene in self._genes(one, resource)]
        test = self._test(resource, day)
        if "absent" in answer.tokens:
            self._absent(resource, genes, parts, test)
        elif "present" not in answer.tokens:
            test.unclear |= set(genes)
            self.reading.draft.unread(resource.label, f"variant: {answer.said}", "neither present nor absent")
        elif len(genes) != 1:
            test.unclear |= set(genes)
            self.reading.draft.unread(resource.label, f"variant in {len(genes)} genes", "exactly one gene is needed")
        else:
            self._present(resource, genes[0], parts, test)

    def _absent(self, resource: Resource, genes: list[str], parts: dict[str, list[Json]], test: Test) -> None:
        if set(parts) - {"component.gene", "component.source_class"} or not genes:
            self.reading.draft.aside(
                resource.label, "a named variant that is absent", "says nothing about the rest of the gene"
            )
            return
        for gene in genes:
            test.covered.setdefault(gene, resource.label)

    def _present(self, resource: Resource, gene: str, parts: dict[str, list[Json]], test: Test) -> None:
        change, how = self._protein_change(parts, resource)
        if change is not None and change.endswith("="):
            self.reading.draft.aside(resource.label, f"{gene} {change}", "a silent change alters no protein")
            return
        if "change.wild_type" in self._change_types(resource, parts):
            self.reading.draft.aside(resource.label, f"{gene}: wild type", "no alteration")
            return
        kind = self._kind(resource, parts, change)
        if kind is None:
            test.unclear.add(gene)
            copies = (
                "a copy number without its interpretation" if "component.copy_number" in parts else "no change named"
            )
            self.reading.draft.unread(
                resource.label, f"{gene}: present, {copies}", "the kind of alteration is not said; the gene stays open"
            )
            return
        alteration = {"gene": gene, "kind": kind, **({"protein_change": change} if change else {})}
        test.alterations.append((alteration, resource.label, how))
        germline = any("germline" in self._tokens(one, resource) for one in parts.get("component.source_class", []))
        if germline:
            self.reading.draft.aside(
                resource.label, f"{gene}: germline", "a profile does not tell germline from somatic"
            )

    def _kind(self, resource: Resource, parts: dict[str, list[Json]], change: str | None) -> str | None:
        """Amplification where the interpretation says so; mutation for a readable small change of the sequence."""
        interpretations = self.reading.meanings(resource.content.get("interpretation"), resource)
        if any(one.token == "amplification" for one in interpretations):
            return "amplification"
        if "change.structural" in self._change_types(resource, parts):
            return None
        written = [text for name in _HGVS_PARTS for one in parts.get(name, []) for text in _texts(one)]
        return "mutation" if change or any(map(is_small_change, written)) else None

    def _change_types(self, resource: Resource, parts: dict[str, list[Json]]) -> set[str]:
        return {token for one in parts.get("component.change_type", []) for token in self._tokens(one, resource)}

    def _protein_change(self, parts: dict[str, list[Json]], resource: Resource) -> tuple[str | None, str]:
        """The protein change and how it was read; from ClinVar's own name of the variant where no other is given."""
        said = [text for one in parts.get("component.protein_change", []) for text in _texts(one)]
        for text in said:
            change = normalise_change(text)
            if change is not None:
                return change, ""
        if said:
            self.reading.draft.unread(resource.label, f"protein change {said[0]}", "not a form that can be read")
        for one in parts.get("component.variation", []):
            for text in _texts(one):
                match = _CLINVAR_PROTEIN.search(text)
                change = normalise_change(match.group(1)) if match else None
                if change is not None:
                    return change, "protein change from the ClinVar name of the variant"
        return None, ""

    def _tokens(self, component: Json, resource: Resource) -> set[str]:
        return answer_of(component, resource, self.reading).tokens

    def _genes(self, component: Json, resource: Resource) -> list[str]:
        """Gene symbols of a gene-studied component: by HGNC id, else by a symbol that stands as display or text."""
        genes: list[str] = []
        concept = component.get("valueCodeableConcept")
        for coding in codings(concept):
            meanings = self.reading.meanings(coding, resource)
            display = str(coding.get("display") or "")
            known = self.reading.knowledge.gene_names.find(display)
            if meanings and meanings[0].token.startswith("gene."):
                genes.append(meanings[0].token.removeprefix("gene."))
            elif known is not None or _SYMBOL.match(display):
                genes.append(known or display)
            else:
                self.reading.draft.unread(
                    resource.label,
                    f"gene {coding.get('code')} {display}".strip(),
                    "no gene of this code or symbol is known",
                )
        return list(dict.fromkeys(genes))

    def put(self) -> None:
        """Write the tests into the draft, the oldest first, the undated last."""
        draft = self.reading.draft
        made = [one for one in self.tests.values() if one.alterations or set(one.covered) - one.unclear]
        made.sort(key=lambda one: (one.day or Date.max, sorted(one.covered)))
        if not made:
            return
        draft.tree["genomic_tests"] = [{} for _ in made]
        for index, test in enumerate(made):
            self._put_one(f"genomic_tests[{index}]", test)

    def _put_one(self, path: str, test: Test) -> None:
        draft = self.reading.draft
        sources = [*test.covered.values(), *(source for _, source, _ in test.alterations)]
        if test.day is not None:
            draft.put(f"{path}.date", test.day.isoformat(), sources)
        covered = sorted(set(test.covered) - test.unclear)
        if covered:
            draft.put(f"{path}.genes_covered", covered, list(test.covered.values()))
        for gene in sorted(set(test.covered) & test.unclear):
            draft.ask(f"{gene}: a finding in it could not be read, so it does not count as unaltered.")
        if test.alterations:
            draft.tree["genomic_tests"][int(path[14:-1])]["alterations"] = [{} for _ in test.alterations]
        in_order = sorted(test.alterations, key=lambda one: (sorted(one[0].items()), one[1]))
        for index, (alteration, source, how) in enumerate(in_order):
            draft.put(f"{path}.alterations[{index}]", alteration, [source], how)


def is_small_change(text: str) -> bool:
    """Whether a text holds a small change of the sequence in HGVS (c. or g.): not a loss or gain of whole exons."""
    match = _SMALL.search(text)
    if match is None:
        return False
    first, last = match.group("first"), match.group("last")
    return last is None or abs(int(last) - int(first)) < _LARGEST_SMALL_CHANGE


def _parts(resource: Resource, reading: Reading) -> Iterable[tuple[str, Any]]:
    """The components by meaning; one that no meaning is known for is noted."""
    for component in listed(resource.content.get("component")):
        meanings = reading.meanings(component.get("code"), resource)
        if meanings and meanings[0].token == "component.detail":
            reading.draft.aside(resource.label, meanings[0].display, "a detail that the profile has no field for")
        elif meanings and meanings[0].token.startswith("component."):
            yield meanings[0].token, component
        else:
            shown = ", ".join(
                f"{one.get('code')} {one.get('display', '')}".strip() for one in codings(component.get("code"))
            )
            reading.draft.unread(f"{resource.label}", f"component {shown}", "no component that the import reads")


def _texts(component: Json) -> Iterable[str]:
    """The texts in which a component may carry a change."""
    concept = component.get("valueCodeableConcept")
    for coding in codings(concept):
        yield from (str(coding[key]) for key in ("code", "display") if isinstance(coding.get(key), str))
    if isinstance(concept, dict) and not list(codings(concept)) and isinstance(concept.get("text"), str):
        yield str(concept["text"])
    if isinstance(component.get("valueString"), str):
        yield str(component["valueString"])
