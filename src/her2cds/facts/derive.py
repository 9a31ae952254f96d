"""From a chart to the facts that the rules may test. Arithmetic and aggregation over lists happen here."""

from __future__ import annotations

from her2cds.facts.history import history_facts
from her2cds.facts.receptors import receptor_facts
from her2cds.facts.values import NOT_KNOWN, FactBase, ScalarFact, SetFact, given, known, not_applicable
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import ALTERATION_KINDS
from her2cds.knowledge.protein_change import normalise_change
from her2cds.profile.model import GenomicTest, InterstitialLungDisease, Profile
from her2cds.profile.normalise import Chart, is_unrecognised


def derive_facts(chart: Chart, knowledge: Knowledge) -> FactBase:
    """The given facts of a chart. What the profile does not say is not in the result, or is unknown there."""
    profile = chart.profile
    facts: FactBase = {
        **_person_facts(profile),
        **_disease_facts(profile),
        **_brain_facts(profile),
        **receptor_facts(profile),
        **_alteration_facts(profile.genomic_tests, knowledge),
        **_biomarker_facts(profile),
        **history_facts(profile, knowledge, chart.unknown_drugs),
        **_health_facts(profile),
    }
    return {
        name: fact for name, fact in facts.items() if not (isinstance(fact, ScalarFact) and fact.candidates is None)
    }


def _person_facts(profile: Profile) -> FactBase:
    person = profile.patient
    facts: FactBase = {
        "patient.age": _number(person.age_years, "$.patient.age_years"),
        "patient.sex": given(person.sex, "$.patient.sex"),
        "patient.menopausal_status": given(person.menopausal_status, "$.patient.menopausal_status"),
        "patient.region": given(person.region, "$.patient.region"),
        "patient.ecog": _number(person.ecog, "$.patient.ecog"),
    }
    pregnancy = person.pregnancy
    origin = "$.patient.pregnancy"
    if pregnancy is None and (person.sex == "male" or person.menopausal_status == "postmenopausal"):
        pregnancy, origin = (
            "neither",
            "$.patient.sex" if person.sex == "male" else "$.patient.menopausal_status",
        )
    if pregnancy is not None:
        facts["patient.pregnant"] = known(pregnancy == "pregnant", origin)
        facts["patient.breastfeeding"] = known(pregnancy == "breastfeeding", origin)
    unsuitable = profile.health.unsuitable_for
    # A team that judged a class unsuitable says so; silence means that no such judgement was made.
    facts["patient.unsuitable_for"] = SetFact(
        frozenset(unsuitable or ()), absent=None, origin="$.health.unsuitable_for"
    )
    return facts


def _number(value: float | None, origin: str) -> ScalarFact:
    return given(None if value is None else float(value), origin)


def _disease_facts(profile: Profile) -> FactBase:
    disease = profile.disease
    sites = disease.sites_of_metastasis
    return {
        "disease.primary": given(disease.primary, "$.disease.primary"),
        "disease.setting": given(disease.setting, "$.disease.setting"),
        "disease.early_phase": given(disease.early_phase, "$.disease.early_phase"),
        "disease.stage": given(disease.stage, "$.disease.stage"),
        "disease.tumour_size_cm": _number(disease.tumour_size_cm, "$.disease.tumour_size_cm"),
        "disease.node_positive": given(disease.node_positive, "$.disease.node_positive"),
        "disease.inoperable_or_inflammatory": given(
            disease.locally_advanced_or_inflammatory, "$.disease.locally_advanced_or_inflammatory"
        ),
        "disease.residual_invasive": given(disease.residual_invasive_disease, "$.disease.residual_invasive_disease"),
        "disease.sites": SetFact(
            frozenset(sites or ()),
            absent=frozenset() if sites is None else None,
            origin="$.disease.sites_of_metastasis",
        ),
    }


def _brain_facts(profile: Profile) -> FactBase:
    brain, disease = profile.brain_metastases, profile.disease
    sites = disease.sites_of_metastasis or ()
    status = given(brain.status, "$.brain_metastases.status")
    leptomeningeal = given(brain.leptomeningeal, "$.brain_metastases.leptomeningeal")
    if disease.setting == "early":  # early disease has no metastases, by definition
        status = known("none", "$.disease.setting")
        leptomeningeal = known(False, "$.disease.setting")
    elif brain.status is None and "brain" in sites:
        status = ScalarFact(("stable", "untreated", "progressing"), "$.disease.sites_of_metastasis")
    if brain.leptomeningeal is None and "leptomeninges" in sites:
        leptomeningeal = known(True, "$.disease.sites_of_metastasis")
    return {
        "brain.status": status,
        "brain.leptomeningeal": leptomeningeal,
        "brain.local_therapy_possible": given(
            brain.local_therapy_possible, "$.brain_metastases.local_therapy_possible"
        ),
    }


def _alteration_facts(tests: tuple[GenomicTest, ...] | None, knowledge: Knowledge) -> FactBase:
    """Alterations found, and those that a covering test looked for and did not find."""
    found: dict[str, str] = {}
    changes: dict[str, str] = {}
    unread: set[str] = set()
    for index, test in enumerate(tests or ()):
        for position, one in enumerate(test.alterations):
            path = f"$.genomic_tests[{index}].alterations[{position}]"
            found.setdefault(f"{one.gene}:{one.kind}", path)
            if one.protein_change is not None:
                changes.setdefault(f"{one.gene}:{one.protein_change}", f"{path}.protein_change")
            if one.kind == "mutation" and (one.protein_change is None or normalise_change(one.protein_change) is None):
                unread.add(one.gene)  # it may be any change of the gene
    covered = {kind: _covered(tests, kind, knowledge) for kind in ALTERATION_KINDS}
    absent = {f"{gene}:{kind}" for kind, genes in covered.items() for gene in genes}
    return {
        "alterations": SetFact(
            frozenset(found), absent=frozenset(absent - found.keys()), origins=found, origin="$.genomic_tests"
        ),
        "alterations.changes": SetFact(
            frozenset(changes),
            absent_prefixes=frozenset(covered["mutation"] - unread),
            origins=changes,
            origin="$.genomic_tests",
        ),
    }


def _covered(tests: tuple[GenomicTest, ...] | None, kind: str, knowledge: Knowledge) -> set[str]:
    known_genes = knowledge.domains.genes
    return {
        gene for test in tests or () if kind in test.detects for gene in test.genes_covered or () if gene in known_genes
    }


def _biomarker_facts(profile: Profile) -> FactBase:
    one = profile.biomarkers
    return {
        "biomarker.pd_l1": given(one.pd_l1.status if one.pd_l1 else None, "$.biomarkers.pd_l1.status"),
        "biomarker.tils_percent": _number(one.tils_percent, "$.biomarkers.tils_percent"),
        "biomarker.tmb_high": given(one.tmb_high, "$.biomarkers.tmb_high"),
        "biomarker.p95her2": given(one.p95her2, "$.biomarkers.p95her2"),
        "biomarker.pam50": given(one.pam50, "$.biomarkers.pam50"),
        "biomarker.fcgr3a": given(one.fcgr3a, "$.biomarkers.fcgr3a"),
        "biomarker.her3": given(one.her3, "$.biomarkers.her3"),
        "biomarker.muc1_star": given(one.muc1_star, "$.biomarkers.muc1_star"),
        "biomarker.pam_pathway_activated": given(one.pam_pathway_activated, "$.biomarkers.pam_pathway_activated"),
        "biomarker.ctdna": given(one.ctdna, "$.biomarkers.ctdna"),
    }


def _health_facts(profile: Profile) -> FactBase:
    health = profile.health
    ild = health.interstitial_lung_disease
    caused_by = frozenset(ild.caused_by) if ild else frozenset()
    return {
        "health.lvef": _number(health.lvef_percent, "$.health.lvef_percent"),
        "health.heart_failure": given(health.heart_failure, "$.health.heart_failure"),
        "health.ild": _ild_status(ild),
        "health.ild_grade": (
            not_applicable("$.health.interstitial_lung_disease.status")
            if ild and ild.status == "never"
            else _number(ild.grade if ild else None, "$.health.interstitial_lung_disease.grade")
        ),
        "health.ild_steroids": given(
            ild.steroids_needed if ild else None, "$.health.interstitial_lung_disease.steroids_needed"
        ),
        "health.ild_caused_by": SetFact(
            caused_by,
            absent=None if caused_by or (ild and ild.status == "never") else frozenset(),
            origin="$.health.interstitial_lung_disease.caused_by",
        ),
        "health.hepatic_impairment": given(health.hepatic_impairment, "$.health.hepatic_impairment"),
        "health.renal_impairment": given(health.renal_impairment, "$.health.renal_impairment"),
        "health.neuropathy_grade": _number(health.neuropathy_grade, "$.health.neuropathy_grade"),
        "health.chronic_diarrhoea": given(health.chronic_diarrhoea, "$.health.chronic_diarrhoea"),
        "health.autoimmune_disease": given(health.autoimmune_disease, "$.health.autoimmune_disease"),
        "health.ocular_disease": given(health.ocular_disease, "$.health.ocular_disease"),
        "health.hypersensitivity": _listed(health.hypersensitivity_to, "$.health.hypersensitivity_to"),
        "health.concomitant": _listed(health.concomitant_drugs, "$.health.concomitant_drugs"),
    }


def _ild_status(ild: InterstitialLungDisease | None) -> ScalarFact:
    """Whether there is or was interstitial lung disease: a grade, a cause or a treatment of it says that there was."""
    path = "$.health.interstitial_lung_disease"
    if ild is None or ild.status is not None:
        return given(ild.status if ild else None, f"{path}.status")
    told = ild.grade is not None or ild.caused_by or ild.steroids_needed
    return ScalarFact(("past", "active"), path) if told else NOT_KNOWN


def _listed(names: tuple[str, ...] | None, origin: str) -> SetFact:
    """The drugs of a list; what is not in it is denied, unless there is no list or it holds what could be any drug."""
    is_whole = names is not None and not any(is_unrecognised(name) for name in names)
    return SetFact(frozenset(names or ()), absent=None if is_whole else frozenset(), origin=origin)
