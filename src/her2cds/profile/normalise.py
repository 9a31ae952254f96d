"""Names in a profile to the knowledge base's ids.

A known name, however punctuated, becomes its id; the name of a combination (Phesgo, TCHP) becomes its drugs. A drug
name close to a known one could be a slip that changes the answer, so it is a fault with the suggestion; so is one that
holds a known name beside other words ("Enhertu 100 mg", "trastuzumab/pertuzumab"), as what is beside it may make it
another drug. A drug or gene that nothing resembles is kept as written, named in a notice, and used by no rule; a drug
can be said to be such a one (`unrecognised: trastuzumab xyz`). Gene symbols lie close together by nature (AKT1, AKT2):
there the suggestion goes into the notice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel

from her2cds.errors import ProfileFault
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.names import NamesWithin, names_within, without_padding
from her2cds.knowledge.protein_change import normalise_change
from her2cds.profile.model import Alteration, GenomicTest, Health, Profile, Treatment
from her2cds.suggest import did_you_mean

# Looking for the nearest symbol takes a millisecond each, and a list of thousands is no slip of the pen.
_MOST_HINTS = 50
# What imports write before the name of a drug that they could not tell; a person may write it as well.
_UNRECOGNISED = "unrecognised:"
_SHORTEST_TO_COMPARE = 5  # what is left of a name without dose and form; a few letters are like anything
_SEPARATOR = re.compile(r"[/+,;&]|\sand\s", re.IGNORECASE)
P = TypeVar("P", bound=BaseModel)
_COUNTS = {2: "two", 3: "three", 4: "four", 5: "five"}


def is_unrecognised(name: str) -> bool:
    """Whether a name is marked as one that nobody could read, as imports write it: it may be any drug."""
    return name.casefold().startswith(_UNRECOGNISED)


@dataclass(slots=True)
class Chart:
    """A profile whose names are ids, with what was noticed on the way.

    `unknown_drugs` and `unknown_genes` are names kept as written.
    """

    profile: Profile
    notices: list[str] = field(default_factory=list)
    faults: list[ProfileFault] = field(default_factory=list)
    unknown_drugs: set[str] = field(default_factory=set)
    unknown_genes: set[str] = field(default_factory=set)


def normalise(profile: Profile, knowledge: Knowledge) -> Chart:
    """The chart of a profile; faults are collected in it, not raised."""
    return _Normaliser(profile, knowledge).run()


class _Normaliser:
    def __init__(self, profile: Profile, knowledge: Knowledge) -> None:
        self._profile = profile
        self._knowledge = knowledge
        self._chart = Chart(profile)

    def run(self) -> Chart:
        profile = self._profile
        changes: dict[str, object] = {"health": self._health(profile.health)}
        if profile.treatments is not None:
            changes["treatments"] = tuple(self._treatment(one, i) for i, one in enumerate(profile.treatments))
        if profile.genomic_tests is not None:
            changes["genomic_tests"] = tuple(self._test(one, i) for i, one in enumerate(profile.genomic_tests))
        self._chart.profile = profile.model_copy(update=changes)
        self._chart.notices += self._unknown_notices()
        return self._chart

    def _unknown_notices(self) -> Iterable[str]:
        if self._profile.treatments_complete is False and self._profile.treatments is not None:
            yield (
                "The list of treatments may have gaps: a drug that is not listed may have been given. Add what is "
                "missing and set treatments_complete to true to settle what depends on it."
            )
        for name in sorted(self._chart.unknown_drugs):
            yield f"The knowledge base does not know the drug '{name}': it is kept in the history and used by no rule."
        if not self._chart.unknown_genes:
            return
        known = [gene.id for gene in self._knowledge.data.genes]
        for number, name in enumerate(sorted(self._chart.unknown_genes)):
            hint = did_you_mean(name, known if number < _MOST_HINTS else ())
            ending = f" ({hint})" if hint else ""
            yield f"The knowledge base does not know the gene '{name}': no rule reads it{ending}."

    def _drugs(self, names: tuple[str, ...], path: str) -> tuple[str, ...]:
        found = (drug for i, name in enumerate(names) for drug in self._drug(name, f"{path}[{i}]"))
        return tuple(dict.fromkeys(found))

    def _drug(self, name: str, path: str) -> tuple[str, ...]:
        known = self._known_as(name)
        if known:
            return known
        if is_unrecognised(name):
            self._chart.unknown_drugs.add(name)
            return (name,)
        within = names_within(name, self._known_as)
        if within.names_one_thing_only:
            self._chart.notices.append(
                f"The drug '{name}' is read as {', '.join(within.ids)}: all of the name stands for that."
            )
            return within.ids
        remedy = self._remedy(name, within)
        if remedy:
            self._chart.faults.append(ProfileFault(path, repr(name), "the name of a drug", remedy))
        else:
            self._chart.unknown_drugs.add(name)
        return (name,)

    def _known_as(self, name: str) -> tuple[str, ...]:
        """The drugs that go by this name; none where nobody knows it."""
        known = self._knowledge.drug_names.find(name)
        if known is not None:
            return (known,)
        combination = self._knowledge.combination_names.find(name)
        return self._knowledge.combinations[combination].drugs if combination is not None else ()

    def _remedy(self, name: str, within: NamesWithin) -> str:
        """How to write a name that is not known and could stand for a known drug; empty where it could not."""
        if within.meanings and not within.left:
            return _write(within.ids, name)
        close = self._close_to(name)
        if close:
            return "Did you mean " + " or ".join(repr(other) for other in close) + "?"
        return _if_meant(within, name) if within.meanings else ""

    def _close_to(self, name: str) -> list[str]:
        """Known names of which this one, or this one without dose and form, may be a slip."""
        drugs, combinations = self._knowledge.drug_names, self._knowledge.combination_names
        close = drugs.close_to(name) or combinations.close_to(name)
        bare = without_padding(name)
        return close or (drugs.close_to(bare) if len(bare) >= _SHORTEST_TO_COMPARE else [])

    def _gene(self, name: str) -> str:
        known = self._knowledge.gene_names.find(name)
        if known is None:
            self._chart.unknown_genes.add(name)
        return known or name

    def _treatment(self, treatment: Treatment, index: int) -> Treatment:
        path = f"$.treatments[{index}]"
        agents = self._drugs(treatment.agents, f"{path}.agents")
        stopped = self._drugs(treatment.stopped_agents, f"{path}.stopped_agents")
        return _with(treatment, {"agents": agents, "stopped_agents": stopped})

    def _test(self, test: GenomicTest, index: int) -> GenomicTest:
        covered = test.genes_covered
        if covered is not None:
            # A panel lists hundreds of genes; those that no rule can read need no notice each.
            covered = tuple(self._knowledge.gene_names.find(name) or name for name in covered)
        alterations = tuple(
            self._alteration(one, f"$.genomic_tests[{index}].alterations[{i}]")
            for i, one in enumerate(test.alterations)
        )
        return _with(test, {"genes_covered": covered, "alterations": alterations})

    def _alteration(self, alteration: Alteration, path: str) -> Alteration:
        change = alteration.protein_change
        if change is not None:
            normal = normalise_change(change)
            if normal is None:
                self._chart.notices.append(
                    f"{path}.protein_change: '{change}' is not a protein change that can be read; no rule uses it."
                )
            change = normal or change
        return _with(alteration, {"gene": self._gene(alteration.gene), "protein_change": change})

    def _health(self, health: Health) -> Health:
        changes: dict[str, object] = {}
        if health.hypersensitivity_to is not None:
            changes["hypersensitivity_to"] = self._drugs(health.hypersensitivity_to, "$.health.hypersensitivity_to")
        if health.concomitant_drugs is not None:
            changes["concomitant_drugs"] = self._drugs(health.concomitant_drugs, "$.health.concomitant_drugs")
        if health.unsuitable_for is not None:
            self._check_classes(health.unsuitable_for)
        ild = health.interstitial_lung_disease
        if ild is not None and ild.caused_by:
            caused_by = self._drugs(ild.caused_by, "$.health.interstitial_lung_disease.caused_by")
            changes["interstitial_lung_disease"] = ild.model_copy(update={"caused_by": caused_by})
        return _with(health, changes)

    def _check_classes(self, names: tuple[str, ...]) -> None:
        valid = self._knowledge.domains.drug_classes
        for index, name in enumerate(names):
            if name not in valid:
                hint = did_you_mean(name, valid) or f"One of: {', '.join(sorted(valid))}"
                path = f"$.health.unsuitable_for[{index}]"
                self._chart.faults.append(ProfileFault(path, repr(name), "the id of a drug class", hint))


def _with(part: P, changes: dict[str, object]) -> P:
    """The part with these fields; itself where they are so already, as where the names were ids."""
    if all(getattr(part, name) == value for name, value in changes.items()):
        return part
    return part.model_copy(update=changes)


def _write(drugs: tuple[str, ...], name: str) -> str:
    """How to write a name that holds known drugs and nothing else of weight."""
    listed = ", ".join(drugs)
    if len(drugs) == 1:
        return f"Write it as: {listed}."
    if "(" in name or "[" in name:  # a brand in brackets may say what the words before it do not
        return f"Write the one that was given, or each as an agent of its own: {listed}."
    return f"Write {_COUNTS.get(len(drugs), len(drugs))} agents: {listed}."


def _if_meant(within: NamesWithin, name: str) -> str:
    """How to write a name that holds known drugs beside words that nobody knows: they may make it another drug."""
    listed = ", ".join(within.ids)
    several = " Write each of several drugs as an agent of its own." if _SEPARATOR.search(name) else ""
    return (
        f"It holds {listed} beside words that are not known ({' '.join(within.left)}).{several} "
        f"Where {listed} is meant, write: {listed}. Where it is another drug, write: {_UNRECOGNISED} {name}."
    )
