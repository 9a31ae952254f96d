"""The safety invariants of the design, over random profiles and over patients for whom something is ranked."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from her2cds import KnowledgeBase, ProfileError, Report, evaluate
from her2cds.evaluation import Case, examine, report_on
from her2cds.facts.truth import Truth
from her2cds.facts.values import SetFact
from her2cds.report.model import Investigational, Therapy
from her2cds.scenarios.run import TODAY
from tests.conftest import PROJECT
from tests.property.random_profiles import RandomProfiles

EXAMPLES = sorted((PROJECT / "patient_examples").glob("*.json"))
Tree = dict[str, Any]


def example(path: Path) -> Tree:
    tree: Tree = json.loads(path.read_text())
    return tree


def other_person(path: Path, seed: int) -> Tree:
    """The disease and the treatments of an example in another person."""
    return RandomProfiles(seed).other_person(example(path))


seeds = st.integers(0, 2**32)
people = st.builds(other_person, st.sampled_from(EXAMPLES), seeds)
profiles = st.one_of(seeds.map(lambda seed: RandomProfiles(seed).tree()), people)


def case_of(tree: Tree, knowledge: KnowledgeBase) -> Case | None:
    """The patient, read and decided; None for a profile that is refused because it contradicts itself."""
    try:
        return examine(tree, knowledge, today=TODAY)
    except ProfileError:
        return None


def report_of(tree: Tree, knowledge: KnowledgeBase) -> Report | None:
    """The report, or None for a profile that is refused because it contradicts itself."""
    case = case_of(tree, knowledge)
    return report_on(case, knowledge) if case else None


def ranked_in(report: Report) -> dict[str, Therapy]:
    return {one.regimen: one for one in report.therapies}


def drugs_of(therapy: Therapy) -> set[str]:
    return {drug for part in therapy.drugs for drug in part.options}


class Treated(NamedTuple):
    """A patient for whom something is ranked."""

    tree: Tree
    report: Report


@pytest.fixture(scope="module")
def treated(knowledge: KnowledgeBase) -> list[Treated]:
    """The examples for whom something is ranked, and of each a few other people with the same disease."""
    found = []
    for path in EXAMPLES:
        for tree in (example(path), *(other_person(path, seed) for seed in range(4))):
            report = report_of(tree, knowledge)
            if report and report.therapies:
                found.append(Treated(tree, report))
    assert len(found) > 50
    return found


def changed(tree: Tree, fields: dict[str, Any]) -> Tree:
    """A copy with the fields at these paths set; those of which the value is None taken out."""
    copied = copy.deepcopy(tree)
    for path, value in fields.items():
        *steps, last = path.split(".")
        here: Any = copied
        for step in steps:
            here = here[int(step)] if isinstance(here, list) else here.setdefault(step, {})
        here.pop(last, None)
        if value is not None:
            here[last] = value
    return copied


@settings(max_examples=150, deadline=None)
@given(profiles, seeds)
def test_permuting_lists_changes_nothing_but_paths(knowledge: KnowledgeBase, tree: Tree, seed: int) -> None:
    shuffled = copy.deepcopy(tree)
    shuffle_lists(shuffled, random.Random(seed))
    first, second = report_of(tree, knowledge), report_of(shuffled, knowledge)
    assert (first is None) == (second is None)
    if first and second:
        assert without_paths(first) == without_paths(second)


def shuffle_lists(value: Any, order: random.Random) -> None:
    """Every list of a profile in another order: none of them says anything by its order."""
    if isinstance(value, list):
        order.shuffle(value)
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        shuffle_lists(item, order)


def without_paths(report: Report) -> Any:
    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(item) for key, item in value.items() if key != "origin"}
        if isinstance(value, list):
            return [strip(item) for item in value]
        return "$" if isinstance(value, str) and value.startswith("Check the profile: $") else value

    stripped = strip(json.loads(report.to_json()))
    for course in stripped["history"]:
        course["agents"].sort()  # the history names the agents of a course in the order of the chart
    return stripped


@settings(max_examples=100, deadline=None)
@given(profiles)
def test_an_alteration_that_no_rule_mentions_adds_a_notice_and_nothing_else(
    knowledge: KnowledgeBase, tree: Tree
) -> None:
    tree.setdefault("genomic_tests", [])
    more = copy.deepcopy(tree)
    more["genomic_tests"].append({"alterations": [{"gene": "ZZZ9", "kind": "mutation"}]})
    first, second = report_of(tree, knowledge), report_of(more, knowledge)
    if first and second:
        assert first.model_copy(update={"notices": ()}) == second.model_copy(update={"notices": ()})
        assert len(second.notices) == len(first.notices) + 1


# --- What speaks against a drug -----------------------------------------------------------------------------------


class Contraindication(NamedTuple):
    """Fields of a chart that speak against a regimen, and the caution that says so ("": no rule has to).

    Those that exclude take the regimen out of the ranking; the others leave it to a specialist.
    """

    fields: dict[str, Any]
    regimen: str
    excludes: bool
    rule: str


CONDITIONAL, EXCLUDES = False, True
ILD_ACTIVE = {"health.interstitial_lung_disease": {"status": "active", "grade": 2}}
ILD_PAST = {"health.interstitial_lung_disease": {"status": "past", "grade": 1}}
ILD_BY_T_DXD = {"health.interstitial_lung_disease": {"status": "past", "grade": 2, "caused_by": ["T-DXd"]}}
ILD_BY_T_DM1 = {"health.interstitial_lung_disease": {"status": "past", "grade": 1, "caused_by": ["T-DM1"]}}
LVEF_30, LVEF_45 = {"health.lvef_percent": 30}, {"health.lvef_percent": 45}
HEART_FAILURE = {"health.heart_failure": "active"}
LIVER = {"health.hepatic_impairment": "severe"}
KIDNEY = {"health.renal_impairment": "severe"}
DIARRHOEA = {"health.chronic_diarrhoea": True}
NEUROPATHY = {"health.neuropathy_grade": 4}
PREGNANT = {"patient.pregnancy": "pregnant", "patient.menopausal_status": "premenopausal"}
RIFAMPICIN = {"health.concomitant_drugs": ["rifampicin"]}
NO_CHEMOTHERAPY = {"health.unsuitable_for": ["chemotherapy"]}
FIRST_LINE, TUCATINIB = "trastuzumab-pertuzumab-taxane", "tucatinib-trastuzumab-capecitabine"


def hypersensitive(drug: str) -> dict[str, Any]:
    return {"health.hypersensitivity_to": [drug]}


CONTRAINDICATIONS = [
    Contraindication(ILD_ACTIVE, "t-dxd", EXCLUDES, "caution.ild-active.t-dxd"),
    Contraindication(ILD_BY_T_DXD, "t-dxd", EXCLUDES, "caution.ild-past-caused-by-t-dxd.t-dxd"),
    Contraindication(ILD_PAST, "t-dxd", CONDITIONAL, "caution.ild-past.t-dxd"),
    Contraindication(ILD_BY_T_DM1, "t-dm1", EXCLUDES, "caution.ild-caused-by-t-dm1.t-dm1"),
    Contraindication(LVEF_30, "t-dm1", EXCLUDES, "caution.lvef-below-40.her2-antibodies"),
    Contraindication(LVEF_30, FIRST_LINE, EXCLUDES, "caution.lvef-below-40.her2-antibodies"),
    Contraindication(LVEF_30, "adjuvant-t-dm1", EXCLUDES, "caution.lvef-below-40.her2-antibodies"),
    Contraindication(LVEF_45, "t-dxd", CONDITIONAL, "caution.lvef-40-to-50.her2-antibodies"),
    Contraindication(HEART_FAILURE, "t-dxd", EXCLUDES, "caution.heart-failure-active.her2-antibodies"),
    Contraindication(HEART_FAILURE, FIRST_LINE, EXCLUDES, "caution.heart-failure-active.her2-antibodies"),
    Contraindication(hypersensitive("trastuzumab"), FIRST_LINE, EXCLUDES, ""),
    Contraindication(hypersensitive("trastuzumab"), "trastuzumab-lapatinib", EXCLUDES, ""),
    Contraindication(
        hypersensitive("trastuzumab"), "t-dxd", CONDITIONAL, "caution.hypersensitivity-trastuzumab.same-antibody"
    ),
    Contraindication(hypersensitive("T-DXd"), "t-dxd", EXCLUDES, ""),
    Contraindication(LIVER, "lapatinib-capecitabine", EXCLUDES, "caution.hepatic-severe.capecitabine"),
    Contraindication(LIVER, "t-dm1", CONDITIONAL, "caution.hepatic-severe.adc"),
    Contraindication(LIVER, "t-dxd", CONDITIONAL, "caution.hepatic-severe.adc"),
    Contraindication(KIDNEY, TUCATINIB, EXCLUDES, "caution.renal-severe.capecitabine"),
    Contraindication(DIARRHOEA, "neratinib-capecitabine", CONDITIONAL, "caution.diarrhoea-chronic.neratinib"),
    Contraindication(NEUROPATHY, FIRST_LINE, CONDITIONAL, "caution.neuropathy.taxane"),
    Contraindication(PREGNANT, "t-dxd", EXCLUDES, "caution.pregnancy.anti-her2-adc"),
    Contraindication(PREGNANT, TUCATINIB, EXCLUDES, "caution.pregnancy.anti-her2-antibody"),
    Contraindication(RIFAMPICIN, "neratinib-capecitabine", EXCLUDES, "caution.interaction-inducer.neratinib"),
    Contraindication(NO_CHEMOTHERAPY, "lapatinib-capecitabine", EXCLUDES, ""),
]


@pytest.mark.parametrize("against", CONTRAINDICATIONS, ids=lambda one: f"{one.regimen}: {one.fields}")
def test_a_contraindicated_regimen_is_ruled_out_or_left_to_a_specialist(
    knowledge: KnowledgeBase, treated: list[Treated], against: Contraindication
) -> None:
    """For patients to whom the regimen was offered before: it does not vanish, and the report gives the reason."""
    offered = [one.tree for one in treated if against.regimen in ranked_in(one.report)]
    assert offered
    for tree in offered:
        report = report_of(changed(tree, against.fields), knowledge)
        assert report
        ranked = ranked_in(report)
        ruled_out = {one.regimen: {reason.rule for reason in one.reasons} for one in report.not_recommended}
        if against.excludes:
            assert against.regimen not in ranked
            assert against.rule in ruled_out[against.regimen]
        else:
            therapy = ranked[against.regimen]
            assert (against.rule, "conditional") in {(one.rule, one.effect) for one in therapy.warnings}
            assert therapy.lowered_for_safety


# Where the team judges a class unsuitable, rules offer another regimen in its place.
MEDICAL = [one for one in CONTRAINDICATIONS if one.fields is not NO_CHEMOTHERAPY]


@settings(max_examples=200, deadline=None)
@given(people, st.sampled_from(MEDICAL))
def test_adding_a_contraindication_never_raises_the_drug(
    knowledge: KnowledgeBase, tree: Tree, against: Contraindication
) -> None:
    first = report_of(changed(tree, dict.fromkeys(against.fields)), knowledge)
    second = report_of(changed(tree, against.fields), knowledge)
    if first and second:
        before, after = ranked_in(first), ranked_in(second)
        instead = {"adjuvant-trastuzumab"} if "adjuvant-t-dm1" in before.keys() - after else set()
        assert set(after) - set(before) <= instead  # a rule with its sources puts it in the place of T-DM1
        assert not (against.excludes and against.regimen in after)
        # Regimens that the same contraindication hits may change places with each other, never with the others.
        untouched = {
            other for other, one in after.items() if other in before and one.warnings == before[other].warnings
        }
        if against.regimen in after and against.regimen not in untouched:
            better_before = {other for other in untouched if before[other].rank < before[against.regimen].rank}
            assert better_before <= {other for other, one in after.items() if one.rank < after[against.regimen].rank}


def members(case: Case, fact: str) -> frozenset[str]:
    value = case.decision.outcome.facts.get(fact)
    return value.present if isinstance(value, SetFact) else frozenset()


def allowed_again(therapy: Therapy, knowledge: KnowledgeBase) -> set[str]:
    """The agents that an offer of this regimen allows after progression on them."""
    offers = [knowledge.knowledge.rules[reason.rule].offer for reason in therapy.because]
    return {drug for offer in offers if offer for drug in offer.despite_progression_on}


def ruled_out(therapy: Therapy, case: Case, knowledge: KnowledgeBase) -> set[str]:
    """The drugs of a therapy that this patient must not be offered, judged from facts and verdicts alone."""
    base, drugs = knowledge.knowledge, drugs_of(therapy)
    found = drugs & members(case, "health.hypersensitivity")
    for rule in base.rules_of("caution"):
        assert rule.caution
        if rule.caution.effect == "exclude" and case.decision.outcome.verdicts[rule.id] is Truth.TRUE:
            found |= drugs if therapy.regimen in rule.caution.on.regimens else drugs & base.target_drugs[rule.id]
    if base.regimens[therapy.regimen].kind != "current":  # what is given now is the team's own choice
        found |= drugs & members(case, "prior.progressed_on") - allowed_again(therapy, knowledge)
        unsuitable = members(case, "patient.unsuitable_for")
        found |= {drug for drug in drugs if not unsuitable.isdisjoint(base.drugs[drug].classes)}
    return found


@settings(max_examples=300, deadline=None)
@given(profiles)
def test_nothing_contraindicated_or_unsourced_is_ranked(knowledge: KnowledgeBase, tree: Tree) -> None:
    case = case_of(tree, knowledge)
    if case is None:
        return
    report = report_on(case, knowledge)
    assert not ranked_in(report).keys() & {one.regimen for one in report.not_recommended}
    for one in report.therapies:
        assert not ruled_out(one, case, knowledge)
        assert all(reason.citations for reason in one.because)
        assert one.because
    assert report.therapies or report.statement


def test_an_agent_on_which_the_disease_progressed_is_not_offered_again(
    knowledge: KnowledgeBase, treated: list[Treated]
) -> None:
    """Unless an offer with a source allows it: each drug that is ranked is given, and fails."""
    kept_out = allowed = 0
    for tree, report in treated:
        if tree["disease"]["setting"] == "early":
            continue
        for regimen, drug in {(one.regimen, drug) for one in report.therapies for drug in drugs_of(one)}:
            later = report_of(with_failure_of(drug, tree), knowledge)
            assert later
            for one in later.therapies:
                again = drug in drugs_of(one)
                assert not again or drug in allowed_again(one, knowledge) or one.regimen == "continue-current-therapy"
                allowed += again
            kept_out += regimen in {one.regimen for one in later.not_recommended}
    assert kept_out > 50
    assert allowed > 10


def with_failure_of(drug: str, tree: Tree) -> Tree:
    """The patient after one more line, with this drug, that ended with systemic progression."""
    courses = tree["treatments"]
    line = 1 + max((one.get("line", 0) for one in courses), default=0)
    ended = [{key: value for key, value in one.items() if key != "ongoing"} for one in courses]
    failed = {"setting": "metastatic", "line": line, "agents": [drug], "stop_reason": "progression"}
    return {**tree, "treatments": [*ended, {**failed, "progression_site": "systemic"}]}


@settings(max_examples=150, deadline=None)
@given(profiles)
def test_no_her2_directed_regimen_for_her2_zero_unaltered_disease(knowledge: KnowledgeBase, tree: Tree) -> None:
    tree["specimens"] = [{"date": "2024-01-15", "site": "metastasis", "her2_ihc": "0"}]
    tree["genomic_tests"] = [{"genes_covered": ["ERBB2"], "alterations": []}]
    for treatment in tree.get("treatments", []):
        treatment.pop("ongoing", None)
        treatment.setdefault("stop_reason", "other")
    report = report_of(tree, knowledge)
    if report:
        assert report.therapies == ()
        assert report.investigational == ()
        assert report.statement


# --- Unknown is not no --------------------------------------------------------------------------------------------

NO_BRAIN = {"status": "none", "leptomeningeal": False}
STABLE_BRAIN = {"status": "stable", "leptomeningeal": False}
ACTIVE_BRAIN = {"status": "progressing", "leptomeningeal": False, "local_therapy_possible": False}
TREATABLE_BRAIN = {**ACTIVE_BRAIN, "local_therapy_possible": True}

# Parts of a chart, and what may stand there.
ALTERNATIVES: dict[str, list[Any]] = {
    "patient.pregnancy": ["neither", "pregnant"],
    "patient.region": ["europe", "usa", "china"],
    "disease.early_phase": ["before_surgery", "after_surgery", "adjuvant_anti_her2_completed"],
    "disease.residual_invasive_disease": [True, False],
    "brain_metastases": [NO_BRAIN, STABLE_BRAIN, ACTIVE_BRAIN, TREATABLE_BRAIN],
    "treatments.-1.stop_reason": ["progression", "completed"],
    "health.lvef_percent": [65, 30],
    "health.heart_failure": ["none", "active"],
    "health.interstitial_lung_disease": [{"status": "never"}, {"status": "active", "grade": 2}],
    "health.hepatic_impairment": ["none", "severe"],
    "health.renal_impairment": ["none", "severe"],
    "health.hypersensitivity_to": [[], ["fluorouracil"]],
    "health.concomitant_drugs": [[], ["rifampicin"]],
}


@pytest.mark.parametrize("path", ALTERNATIVES)
def test_a_regimen_that_stands_or_falls_with_a_fact_is_not_settled_without_it(
    knowledge: KnowledgeBase, path: str
) -> None:
    """It is conditional, or an open check is added: what is not known is not taken for no, nor for yes."""
    decisive = 0
    for tree in map(example, EXAMPLES):
        if path.startswith("treatments") and not tree.get("treatments"):
            continue
        given = [report_of(changed(tree, {path: value}), knowledge) for value in ALTERNATIVES[path]]
        reports = [ranked_in(report) for report in given if report]
        without = report_of(changed(tree, {path: None}), knowledge)
        assert without
        for one in without.therapies:
            told = [ranked[one.regimen] for ranked in reports if one.regimen in ranked]
            if 0 < len(told) < len(reports):
                decisive += 1
                checked = {check.rule for therapy in told for check in therapy.open_checks}
                assert one.status == "conditional" or {check.rule for check in one.open_checks} - checked
                assert one.status == "determined" or one.conditional_on
    assert decisive


@settings(max_examples=200, deadline=None)
@given(profiles)
def test_what_is_determined_rests_on_a_rule_that_holds(knowledge: KnowledgeBase, tree: Tree) -> None:
    case = case_of(tree, knowledge)
    if case is None:
        return
    report = report_on(case, knowledge)
    proposed: list[Therapy | Investigational] = [*report.therapies, *report.investigational]
    for one in proposed:
        holds = {case.decision.outcome.verdicts[reason.rule] is Truth.TRUE for reason in one.because}
        assert holds == {True} or (holds == {False} and one.status == "conditional" and one.conditional_on)


def test_a_drug_whose_course_ended_for_no_stated_reason_is_conditional_on_that_reason(
    knowledge: KnowledgeBase, treated: list[Treated]
) -> None:
    """It may have been progression: each drug that is ranked was given after surgery, and no more is known of it."""
    conditional = 0
    for tree, report in treated[::2]:
        for drug in {drug for one in report.therapies for drug in drugs_of(one)}:
            course = {"setting": "adjuvant", "agents": [drug], "end": "2020-05-01"}
            later = report_of({**tree, "treatments": [*tree["treatments"], course]}, knowledge)
            for one in later.therapies if later else ():
                needed = (drug,) in {part.options for part in one.drugs} and drug not in allowed_again(one, knowledge)
                if needed and one.regimen != "continue-current-therapy":
                    assert one.status == "conditional"
                    assert "prior.progressed_on" in one.conditional_on
                    conditional += 1
    assert conditional > 20


REMOVABLE = ["brain_metastases", "biomarkers", "patient.region", "patient.menopausal_status", "health.lvef_percent"]


@settings(max_examples=150, deadline=None)
@given(profiles, st.sampled_from(REMOVABLE))
def test_removing_information_never_settles_a_conditional_result(
    knowledge: KnowledgeBase, tree: Tree, path: str
) -> None:
    first, second = report_of(tree, knowledge), report_of(changed(tree, {path: None}), knowledge)
    if first and second:
        conditional = {one.regimen for one in first.therapies if one.status == "conditional"}
        settled = {one.regimen for one in second.therapies if one.status == "determined"}
        assert not conditional & settled


@settings(max_examples=100, deadline=None)
@given(profiles)
def test_ranks_are_a_total_order_with_ties(knowledge: KnowledgeBase, tree: Tree) -> None:
    report = report_of(tree, knowledge)
    if report:
        ranks = [one.rank for one in report.therapies]
        assert ranks == sorted(ranks)
        for one in report.therapies:
            assert one.rank == 1 + sum(other < one.rank for other in ranks)
            assert one.tied == (ranks.count(one.rank) > 1)


# --- Any input gives a report or a clear error -------------------------------------------------------------------


def answered(patient: Any, knowledge: KnowledgeBase) -> bool:
    """Whether there was a report, or an error with at least one fault; anything else is raised."""
    try:
        return bool(evaluate(patient, knowledge, today=TODAY))
    except ProfileError as error:
        return bool(error.faults)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(json_values)
def test_any_json_gives_a_report_or_a_clear_error(knowledge: KnowledgeBase, value: Any) -> None:
    assert answered(json.dumps(value), knowledge)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(EXAMPLES), st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=3)), min_size=1, max_size=6)
)
def test_damaged_text_gives_a_report_or_a_clear_error(
    knowledge: KnowledgeBase, path: Any, edits: list[tuple[int, bytes]]
) -> None:
    content = path.read_bytes()
    for position, replacement in edits:
        at = position % len(content)
        content = content[:at] + replacement + content[at + 1 :]
    assert answered(content, knowledge)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(EXAMPLES), json_values, st.integers(0, 2**32))
def test_a_wrong_value_anywhere_gives_a_report_or_a_clear_error(
    knowledge: KnowledgeBase, path: Any, value: Any, seed: int
) -> None:
    tree = json.loads(path.read_text())
    chooser = random.Random(seed)
    here: Any = tree
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            break
        key = chooser.choice(keys)
        if not isinstance(here[key], (dict, list)) or chooser.random() < 0.2:
            here[key] = value
            break
        here = here[key]
    assert answered(tree, knowledge)


def share_accepted(patients: int, knowledge: KnowledgeBase) -> float:
    stream = RandomProfiles(1)
    return sum(report_of(stream.tree(), knowledge) is not None for _ in range(patients)) / patients


def test_nearly_all_random_profiles_get_a_report(knowledge: KnowledgeBase) -> None:
    """Else the invariants over random profiles would hold for want of reports."""
    assert share_accepted(300, knowledge) > 0.95


@pytest.mark.soak
def test_a_million_random_patients(knowledge: KnowledgeBase) -> None:
    assert share_accepted(1_000_000, knowledge) > 0.95
