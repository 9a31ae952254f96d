"""Variants, the regions a test studied, and genomic reports, to genomic tests.

A gene counts as covered only where a region-studied Observation of the same report lists it, or where "no variant" is
said of the whole gene. A gene in which something is present that cannot be read leaves the coverage of its test and of
every test not known to be later: its absence from the alterations would otherwise say that it is unaltered. A finding
without a gene that can be read does so for all genes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date as Date
from typing import Any

from her2cds.interop.fhir.elements import Answer, Reading, answer_of, codings, words_for
from her2cds.interop.fhir.resources import Json, Resource, listed
from her2cds.knowledge.protein_change import normalise_change

_SYMBOL = re.compile(r"^[A-Z][A-Z0-9-]{1,14}$")
_CLINVAR_PROTEIN = re.compile(r"\(p\.([A-Za-z0-9_*=]+)\)\s*$")
_SMALL = re.compile(
    r"\b[cg]\.[-*]?(?P<first>\d+)(?P<into>[+-]\d+)?(?:_[-*]?(?P<last>\d+)(?P<until>[+-]\d+)?)?"
    r"(?:[ACGT]+>[ACGT]+|del|ins|dup)"
)
_SILENT = re.compile(r"(?:^|[\s:])p\.\(?=\)?\s*$")
_LARGEST_SMALL_CHANGE = 50  # bases: the usual border between small and structural variants
_SPLICE_SITE = 2  # bases into the intron: a change farther from the exon does not say what it does to the protein
_HGVS_PARTS = ("component.coding_change", "component.genomic_change", "component.variation")


@dataclass(slots=True)
class Test:
    """One genomic test in the making."""

    day: Date | None
    covered: dict[str, str] = field(default_factory=dict)
    alterations: list[tuple[Json, str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Unread:
    """A finding that cannot be read: its gene (None: any), its test, its day, and whether a report holds it."""

    gene: str | None
    test: str
    day: Date | None
    held: bool

    def is_of(self, test: str, day: Date | None) -> bool:
        """Whether a test may have met the finding, so that the gene does not count as unaltered in it."""
        if test == self.test or (self.day is not None and day == self.day):
            return True
        if self.gene is None and self.held:
            return False
        return self.day is None or day is None or day < self.day


@dataclass(slots=True)
class GenomicTests:
    """Genomic findings by report, or by day where no report holds them."""

    reading: Reading
    report_of: dict[str, Resource] = field(default_factory=dict)
    tests: dict[str, Test] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)
    withdrawn: set[str] = field(default_factory=set)

    def note_withdrawn(self, report: Resource) -> None:
        """Remember which Observations a report holds that takes itself back."""
        for reference in listed(report.content.get("result")):
            found = self.reading.resources.follow(reference, report)
            if found is not None:
                self.withdrawn.add(found.label)

    def note_report(self, report: Resource, day: Date | None) -> None:
        """Remember which Observations a report holds."""
        for reference in listed(report.content.get("result")):
            found = self.reading.resources.follow(reference, report)
            if found is not None:
                self.report_of[found.label] = report
        self.tests.setdefault(report.label, Test(day))

    def _test(self, resource: Resource, day: Date | None) -> Test:
        return self.tests.setdefault(self._key(resource, day), Test(day))

    def _key(self, resource: Resource, day: Date | None) -> str:
        report = self.report_of.get(resource.label)
        return report.label if report else f"day {day}"

    def _is_withdrawn(self, resource: Resource) -> bool:
        """Whether the only report that holds an Observation takes itself back."""
        return resource.label in self.withdrawn and resource.label not in self.report_of

    def note_unread(self, resource: Resource, said: str, day: Date | None) -> None:
        """A variant whose answer cannot be read or is not shown: its gene does not count as unaltered."""
        parts = _by_meaning(resource, self.reading)
        genes = self._named_genes(parts, resource)
        self.reading.draft.unread(resource.label, f"variant: {said}", "it may be an alteration")
        self._leave_open(genes, resource, day)

    def _leave_open(self, genes: Iterable[str | None], resource: Resource, day: Date | None) -> None:
        key, held = self._key(resource, day), resource.label in self.report_of
        test_day = self._test(resource, day).day
        latest = max((one for one in (day, test_day) if one is not None), default=None)
        self.unread += [Unread(gene, key, latest, held) for gene in (set(genes) or {None})]

    def read_region(self, resource: Resource, day: Date | None) -> None:
        """The genes that a test studied."""
        if self._is_withdrawn(resource):
            self.reading.draft.aside(resource.label, "region studied", "its report takes itself back")
            return
        test = self._test(resource, day)
        found = self._named_genes(_by_meaning(resource, self.reading), resource)
        genes = [gene for gene in found if gene is not None]
        for gene in genes:
            test.covered.setdefault(gene, resource.label)
        if not genes:
            self.reading.draft.unread(resource.label, "region studied", "no gene that can be read")

    def read_variant(self, resource: Resource, answer: Answer, day: Date | None) -> None:
        """One variant, present or absent."""
        if self._is_withdrawn(resource):
            self.note_unread(resource, "its report takes itself back", day)
            return
        parts = _by_meaning(resource, self.reading)
        genes = self._named_genes(parts, resource)
        if "absent" in answer.tokens and "present" not in answer.tokens:
            self._absent(resource, genes, parts, self._test(resource, day))
        elif "present" not in answer.tokens or "absent" in answer.tokens:
            self._leave_open(genes, resource, day)
            self.reading.draft.unread(resource.label, f"variant: {answer.said}", "neither present nor absent")
        elif len(genes) != 1 or genes[0] is None:
            self._leave_open(genes, resource, day)
            number = len(genes) - (None in genes)
            self.reading.draft.unread(resource.label, f"variant in {number} genes", "exactly one gene is needed")
        elif not self._present(resource, genes[0], parts, self._test(resource, day)):
            self._leave_open(genes, resource, day)

    def _absent(self, resource: Resource, genes: list[str | None], parts: dict[str, list[Json]], test: Test) -> None:
        """No variant: of the whole gene where nothing but the gene is named, and no kind of variant."""
        of_the_gene = set(parts) <= {"component.gene", "component.source_class"}
        named = sum(map(len, parts.values())) < len(listed(resource.content.get("component")))
        kinds = {one.token for one in self.reading.meanings(resource.content.get("interpretation"), resource)}
        if not of_the_gene or named or "amplification" in kinds or not genes:
            self.reading.draft.aside(
                resource.label, "a named variant that is absent", "says nothing about the rest of the gene"
            )
            return
        for gene in genes:
            if gene is not None:
                test.covered.setdefault(gene, resource.label)

    def _present(self, resource: Resource, gene: str, parts: dict[str, list[Json]], test: Test) -> bool:
        """A variant that is present; false where what it is cannot be told, so that the gene stays open."""
        draft = self.reading.draft
        change, how = self._protein_change(parts, resource)
        said = [text for one in parts.get("component.protein_change", []) for text in _texts(one)]
        if change is not None and change.endswith("="):
            draft.aside(resource.label, f"{gene} {change}", "a silent change alters no protein")
            return True
        if change is None and said and all(map(_SILENT.search, said)):
            draft.aside(resource.label, f"{gene} {said[0]}", "a silent change alters no protein")
            return True
        if "change.wild_type" in self._change_types(resource, parts):
            draft.aside(resource.label, f"{gene}: wild type", "no alteration")
            return True
        kind = self._kind(resource, parts, change)
        if kind is None:
            copies = (
                "a copy number without its interpretation" if "component.copy_number" in parts else "no change named"
            )
            draft.unread(
                resource.label, f"{gene}: present, {copies}", "the kind of alteration is not said; the gene stays open"
            )
            return False
        alteration = {"gene": gene, "kind": kind, **({"protein_change": change} if change else {})}
        test.alterations.append((alteration, resource.label, how))
        if any("germline" in self._tokens(one, resource) for one in parts.get("component.source_class", [])):
            draft.aside(resource.label, f"{gene}: germline", "a profile does not tell germline from somatic")
        return True

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
        if said and not all(map(_SILENT.search, said)):
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

    def _named_genes(self, parts: dict[str, list[Json]], resource: Resource) -> list[str | None]:
        components = parts.get("component.gene", [])
        return list(dict.fromkeys(gene for one in components for gene in self._genes(one, resource)))

    def _genes(self, component: Json, resource: Resource) -> list[str | None]:
        """The genes of a gene-studied component: by HGNC id, else by symbol; None where that leads to no gene."""
        concept = component.get("valueCodeableConcept")
        coded = [self._coded_gene(one, resource) for one in codings(concept)]
        texts = [one.get("text") for one in listed(concept)] + [component.get("valueString")]
        written = [self._symbol(text) for text in texts if isinstance(text, str)]
        found = [gene for gene in coded if gene is not None] or [gene for gene in written if gene is not None]
        if not found:
            said = words_for(concept) if concept else str(component.get("valueString") or "not named")
            self.reading.draft.unread(resource.label, f"gene {said}", "no gene of this code or symbol is known")
        return [*dict.fromkeys(found)] or [None]

    def _coded_gene(self, coding: Json, resource: Resource) -> str | None:
        meanings = self.reading.meanings(coding, resource)
        if meanings and meanings[0].token.startswith("gene."):
            return meanings[0].token.removeprefix("gene.")
        display, code = coding.get("display"), coding.get("code")
        if isinstance(display, str) and (gene := self._symbol(display)) is not None:
            return gene
        return self.reading.knowledge.gene_names.find(code) if isinstance(code, str) else None

    def _symbol(self, text: str) -> str | None:
        known = self.reading.knowledge.gene_names.find(text)
        return known or (text if _SYMBOL.match(text) else None)

    def put(self) -> None:
        """Write the tests into the draft, the oldest first, the undated last."""
        draft = self.reading.draft
        open_genes = {key: self._open(key, test) for key, test in self.tests.items()}
        for key, test in self.tests.items():
            for gene in sorted(open_genes[key]):
                draft.ask(f"{gene}: a finding in it could not be read, so it does not count as unaltered.")
                del test.covered[gene]
        made = [one for one in self.tests.values() if one.alterations or one.covered]
        made.sort(key=lambda one: (one.day or Date.max, sorted(one.covered)))
        if not made:
            return
        draft.tree["genomic_tests"] = [{} for _ in made]
        for index, test in enumerate(made):
            self._put_one(f"genomic_tests[{index}]", test)

    def _open(self, key: str, test: Test) -> set[str]:
        """The genes of a test that do not count as unaltered in it, because a finding cannot be read."""
        unread = {one.gene for one in self.unread if one.is_of(key, test.day)}
        return set(test.covered) if None in unread else set(test.covered) & unread

    def _put_one(self, path: str, test: Test) -> None:
        draft = self.reading.draft
        sources = [*test.covered.values(), *(source for _, source, _ in test.alterations)]
        if test.day is not None:
            draft.put(f"{path}.date", test.day.isoformat(), sources)
        if test.covered:
            draft.put(f"{path}.genes_covered", sorted(test.covered), list(test.covered.values()))
        if test.alterations:
            draft.tree["genomic_tests"][int(path[14:-1])]["alterations"] = [{} for _ in test.alterations]
        in_order = sorted(test.alterations, key=lambda one: (sorted(one[0].items()), one[1]))
        for index, (alteration, source, how) in enumerate(in_order):
            draft.put(f"{path}.alterations[{index}]", alteration, [source], how)


def is_small_change(text: str) -> bool:
    """Whether a text holds a small change of the sequence in HGVS (c. or g.).

    A loss or gain of whole exons is none, nor is a change that lies in an intron beyond the splice site.
    """
    match = _SMALL.search(text)
    if match is None:
        return False
    first, last = match.group("first"), match.group("last")
    depths = [abs(int(one)) for one in (match.group("into"), match.group("until")) if one]
    if depths and min(depths) > _SPLICE_SITE and len(depths) == (2 if last else 1):
        return False
    return last is None or abs(int(last) - int(first)) < _LARGEST_SMALL_CHANGE


def _by_meaning(resource: Resource, reading: Reading) -> dict[str, list[Json]]:
    """The components of a variant by meaning."""
    parts: dict[str, list[Json]] = {}
    for part, component in _parts(resource, reading):
        parts.setdefault(part, []).append(component)
    return parts


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
