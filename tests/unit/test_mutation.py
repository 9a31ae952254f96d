"""Mutation testing: every kind of small wrong change is made, reaches whom it can, and is killed where it shows."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from her2cds import KnowledgeBase
from her2cds.cli.app import app
from her2cds.cli.mutate import _judged, _summary
from her2cds.cli.output import Exit
from her2cds.engine.explain import evaluate_plainly, truth_in
from her2cds.engine.selfcheck import RandomFacts
from her2cds.errors import EngineError
from her2cds.facts.truth import Truth
from her2cds.facts.values import FactBase, known
from her2cds.knowledge.conditions import All, AnyOf, Condition, Leaf, Named, Not
from her2cds.mutation.conclusions import changed_rules
from her2cds.mutation.conditions import variants
from her2cds.mutation.equivalent import proved_equal, told_apart_by_nobody
from her2cds.mutation.explained import Standing, read_explanations, standing
from her2cds.mutation.mutants import Mutant, mutants
from her2cds.mutation.run import MutationTest, PlainEvaluator, Verdict
from her2cds.scenarios.run import run_on
from her2cds.scenarios.suite import Case, read_suite, scenario_files
from tests.conftest import PROJECT
from tests.small_base import small_base

TWO_LINES = Leaf("lines.metastatic", "at_least", 2.0)
LVEF = Leaf("health.lvef", "less_than", 50.0)
POSITIVE = Leaf("her2.class", "is", "positive")
DRUGS = Leaf("prior.agents", "contains_any", ("t-dxd", "t-dm1"))


def changes(condition: Condition, knowledge: KnowledgeBase) -> set[tuple[str, Condition]]:
    return {(one.operator, one.condition) for one in variants(condition, knowledge.knowledge.domains)}


def test_thresholds_move_by_one_step_and_measured_ones_at_the_boundary(knowledge: KnowledgeBase) -> None:
    moved = {("threshold moved", Leaf("lines.metastatic", "at_least", number)) for number in (1.0, 3.0)}
    assert changes(TWO_LINES, knowledge) == moved
    assert ("boundary moved", Leaf("health.lvef", "at_most", 50.0)) in changes(LVEF, knowledge)


def test_parts_are_dropped_and_junctions_swapped(knowledge: KnowledgeBase) -> None:
    found = changes(All((POSITIVE, TWO_LINES)), knowledge)
    assert ("condition dropped", POSITIVE) in found
    assert ("condition dropped", TWO_LINES) in found
    assert ("all became any", AnyOf((POSITIVE, TWO_LINES))) in found
    assert ("negation dropped", POSITIVE) in changes(Not(POSITIVE), knowledge)


def test_values_and_drugs_are_swapped_and_dropped(knowledge: KnowledgeBase) -> None:
    assert {operator for operator, _ in changes(POSITIVE, knowledge)} == {"value swapped"}
    dropped = {("value dropped", Leaf("prior.agents", "contains_any", (one,))) for one in ("t-dxd", "t-dm1")}
    assert changes(DRUGS, knowledge) == dropped
    pregnant = Leaf("patient.pregnant", "is", True)
    assert changes(pregnant, knowledge) == {("value flipped", Leaf("patient.pregnant", "is", False))}


@pytest.mark.parametrize(
    ("rule", "operators"),
    [
        ("therapy.second-line.tucatinib", {"category flipped", "regimen swapped", "rechallenge dropped"}),
        ("therapy.second-line.t-dxd", {"evidence removed", "situation dropped"}),
        ("caution.lvef-40-to-50.her2-antibodies", {"effect flipped"}),
        ("biomarker.pten-loss.trastuzumab", {"effect flipped", "level flipped"}),
        ("class.hr.positive", {"derived value flipped"}),
        ("request.pam50", {"purpose flipped"}),
    ],
)
def test_conclusions_are_flipped_by_kind_of_rule(rule: str, operators: set[str], knowledge: KnowledgeBase) -> None:
    base = knowledge.knowledge
    found = list(changed_rules(base.rules[rule], base))
    assert operators <= {one.operator for one in found}
    assert all(one.rule != base.rules[rule] for one in found)


def test_every_mutant_differs_from_the_base_and_from_the_others(knowledge: KnowledgeBase) -> None:
    base = knowledge.knowledge
    found = list(mutants(base))
    assert len(found) > 3000
    assert all(one.condition != base.conditions[one.entry] for one in found if one.condition is not None)
    assert len({(str(one), one.condition) for one in found}) == len(found)


def test_the_quick_evaluator_agrees_with_the_reference(knowledge: KnowledgeBase) -> None:
    base, quick = knowledge.knowledge, PlainEvaluator(knowledge.knowledge)
    generator = RandomFacts(base, seed=3)
    for _ in range(50):
        facts = generator.facts()
        reference = evaluate_plainly(base, facts)
        assert quick.outcome(base, facts) == reference


def case_of(text: str, folder: Path, knowledge: KnowledgeBase) -> Case:
    (folder / "one.yaml").write_text(text, encoding="utf-8")
    (case,) = read_suite([folder / "one.yaml"], PROJECT / "patient_examples", knowledge)
    return case


def verdicts(text: str, entry: str, tmp_path: Path, knowledge: KnowledgeBase) -> dict[str, bool]:
    """For each mutant of an entry, whether the scenario kills it."""
    test = MutationTest([case_of(text, tmp_path, knowledge)], knowledge.knowledge)
    chosen = [one for one in mutants(knowledge.knowledge) if one.entry == entry]
    return {f"{one.mutant.operator}: {one.mutant.words}": one.killed_by is not None for one in test.run(chosen)}


def test_a_scenario_kills_what_it_notices_and_nothing_else(tmp_path: Path, knowledge: KnowledgeBase) -> None:
    start = "- {title: T-DXd comes first here, patient: second-line-her2-positive, expect: "
    killed = verdicts(start + "{top_regimen: t-dxd}}\n", "therapy.second-line.t-dxd", tmp_path, knowledge)
    assert killed["category flipped: preferred became alternative"]
    assert killed["never fires: the condition never holds"]
    assert not killed["evidence removed: destiny-breast01"]
    text = start + "{fires: [therapy.second-line.t-dm1]}}\n"
    assert not any(verdicts(text, "therapy.second-line.t-dxd", tmp_path, knowledge).values())


def test_what_fails_already_kills_nothing_and_is_named(tmp_path: Path, knowledge: KnowledgeBase) -> None:
    text = "- {title: T-DM1 comes first here, patient: second-line-her2-positive, expect: {top_regimen: t-dm1}}\n"
    test = MutationTest([case_of(text, tmp_path, knowledge)], knowledge.knowledge)
    assert test.left_out == ["T-DM1 comes first here"]
    assert all(one.killed_by is None for one in list(test.run(list(mutants(knowledge.knowledge))[:50])))


@pytest.mark.slow
def test_short_cuts_kill_exactly_what_a_full_run_kills(knowledge: KnowledgeBase) -> None:
    """Mutants sampled from all kinds, each run in full against every scenario with the engine itself."""
    files = scenario_files([PROJECT / "tests" / "scenarios" / "second-line.yaml"])
    cases = read_suite(files, PROJECT / "patient_examples", knowledge)
    test = MutationTest(cases, knowledge.knowledge)
    entries = (
        "therapy.second-line",
        "caution.ild",
        "class.pathway.second",
        "had-trastuzumab",
        "regimen t-d",
        "ranking",
    )
    chosen = [one for one in mutants(knowledge.knowledge) if one.entry.startswith(entries)][::6]
    assert len(chosen) > 20
    for verdict in test.run(chosen):
        assert (verdict.killed_by is not None) == fails_in_full(verdict.mutant, cases), str(verdict.mutant)


def fails_in_full(mutant: Mutant, cases: tuple[Case, ...]) -> bool:
    try:
        changed = KnowledgeBase(mutant.make())
        return any(run_on(case.scenario, case.patient, changed).differences for case in cases)
    except EngineError:
        return True


def test_survivors_that_nobody_tells_apart_are_marked(knowledge: KnowledgeBase) -> None:
    base = knowledge.knowledge
    node = "therapy.second-line.t-dxd"
    same = Mutant(node, "nothing", "the same", lambda: base, frozenset(), base.conditions[node], (node,))
    other = next(one for one in mutants(base) if one.entry == "criterion" or one.operator == "negation dropped")
    assert told_apart_by_nobody([same, other], base, patients=200) == {0}


# Kleene's tables: true, unknown and false, with each of them on the other side.
FALSE, UNKNOWN, TRUE = Leaf("no", "is", True), Leaf("open", "is", True), Leaf("yes", "is", True)
TRUTHS: FactBase = {"yes": known(True, "$"), "no": known(False, "$")}  # of `open` nothing is known
BOTH = [(TRUE, TRUE, Truth.TRUE), (TRUE, UNKNOWN, Truth.UNKNOWN), (TRUE, FALSE, Truth.FALSE)]
BOTH += [(UNKNOWN, UNKNOWN, Truth.UNKNOWN), (UNKNOWN, FALSE, Truth.FALSE), (FALSE, FALSE, Truth.FALSE)]
EITHER = [(TRUE, TRUE, Truth.TRUE), (TRUE, UNKNOWN, Truth.TRUE), (TRUE, FALSE, Truth.TRUE)]
EITHER += [(UNKNOWN, UNKNOWN, Truth.UNKNOWN), (UNKNOWN, FALSE, Truth.UNKNOWN), (FALSE, FALSE, Truth.FALSE)]


@pytest.mark.parametrize(("junction", "table"), [(All, BOTH), (AnyOf, EITHER)])
def test_truth_is_kleenes(junction: type[All | AnyOf], table: list[tuple[Leaf, Leaf, Truth]]) -> None:
    for one, other, value in table:
        assert truth_in(junction((one, other)), TRUTHS, {}) is value
        assert truth_in(junction((other, one)), TRUTHS, {}) is value
        assert truth_in(junction((one, other, one)), TRUTHS, {}) is value


def test_not_turns_truth_round_and_leaves_the_unknown() -> None:
    for one, value in ((TRUE, Truth.FALSE), (UNKNOWN, Truth.UNKNOWN), (FALSE, Truth.TRUE)):
        assert truth_in(Not(one), TRUTHS, {}) is value
        assert truth_in(Not(Not(one)), TRUTHS, {}) is truth_in(one, TRUTHS, {})
    assert truth_in(Named("c"), TRUTHS, {"c": Truth.UNKNOWN}) is Truth.UNKNOWN


def kb(*arguments: str | Path) -> Any:
    examples = ["--examples", str(PROJECT / "patient_examples"), "--rules", str(PROJECT / "rules")]
    return CliRunner().invoke(app, ["kb", *map(str, arguments), *examples])


@pytest.mark.slow
def test_the_command_counts_lists_and_judges() -> None:
    options = ("--scenarios", PROJECT / "tests" / "scenarios", "--rule", "therapy.second-line.t-dm1")
    result = kb("mutate", *options)
    assert result.exit_code == 0
    assert "condition dropped: 6 of 6 killed" in result.output
    assert kb("mutate", *options, "--kind", "condition dropped", "--at-least", "100").exit_code == 0
    assert kb("mutate", "--scenarios", PROJECT / "tests" / "scenarios", "--rule", "no.such").exit_code == 2


def test_the_command_fails_below_the_wanted_share(tmp_path: Path) -> None:
    text = "- {title: A scenario that sees little, patient: her2-zero, expect: {nothing_ranked: true}}\n"
    (tmp_path / "one.yaml").write_text(text, encoding="utf-8")
    result = kb("mutate", "--scenarios", tmp_path, "--rule", "therapy.second-line.t-dm1", "--at-least", "50")
    assert result.exit_code == 1
    assert "survived: therapy.second-line.t-dm1: category flipped" in result.output
    assert "below --at-least 50 %" in result.output


def test_a_share_below_the_mark_is_not_shown_as_the_mark(capfd: pytest.CaptureFixture[str]) -> None:
    mutant = Mutant("a rule", "value swapped", "in words", lambda: pytest.fail("not needed"), frozenset())
    verdicts = [Verdict(mutant, "a scenario" if number < 1249 else None) for number in range(1315)]  # 94.98 %
    assert _summary(verdicts, (), 95, Standing(frozenset(), {}, ())) is Exit.failed_check
    shown = capfd.readouterr()
    assert "(94.9 %)" in shown.out
    assert "below --at-least 95 %" in shown.err


def test_a_condition_that_repeats_another_is_proved_equal_and_a_guard_is_not(knowledge: KnowledgeBase) -> None:
    found = {str(one): one for one in mutants(knowledge.knowledge)}
    repeated = found["request.nrg1-fusion: condition dropped: disease.primary is breast"]
    guard = found["request.her2-ihc-score: condition dropped: her2.reported is known"]
    other_conclusion = found["therapy.second-line.t-dxd: evidence removed: destiny-breast01"]
    assert proved_equal(repeated, knowledge.knowledge)
    assert not proved_equal(guard, knowledge.knowledge)  # false turns into unknown
    assert not proved_equal(other_conclusion, knowledge.knowledge)


def test_nothing_is_proved_where_classification_rules_contradict_each_other() -> None:
    base = small_base(
        facts={
            "a.word": {"type": "enum", "values": ["red", "green"]},
            "b.derived": {"type": "enum", "values": ["low", "high"], "derived": True},
            "b.flag": {"type": "bool", "derived": True, "default": "false"},
        },
        criteria={"reddish": {"a.word": "red"}},
        derive=[("high", {"a.word": "red"}), ("low", {"criterion": "reddish"})],
        flag={"a.word": "red"},
        rules=[{"b.derived": "high"}],
    )
    rule = next(one for one in base.conditions if one.startswith("rule-"))
    same = Mutant(rule, "nothing", "the same", lambda: base, frozenset(), base.conditions[rule], (rule,))
    assert not proved_equal(same, base)


REMOVED = "evidence removed: destiny-breast0"
EXPLAINED = """\
- entry: therapy.second-line.t-dx?
  kind: evidence removed
  change: [destiny-breast01, destiny-breast03]
  because: The scenario of this test looks at the ranking only.
"""
NARROW = ("--rule", "therapy.second-line.t-dxd", "--kind", "evidence removed")


def explained_run(text: str, tmp_path: Path, *options: str, scenario: str = "{top_regimen: t-dxd}") -> Any:
    """`kb mutate --explained` with one scenario and a file that holds the text."""
    folder = tmp_path / "scenarios"
    folder.mkdir()
    start = "- {title: T-DXd comes first here, patient: second-line-her2-positive, expect: "
    (folder / "one.yaml").write_text(f"{start}{scenario}}}\n", encoding="utf-8")
    (tmp_path / "explained.yaml").write_text(text, encoding="utf-8")
    return kb("mutate", "--scenarios", folder, "--explained", tmp_path / "explained.yaml", *options)


def test_explained_survivors_are_counted_and_listed_with_their_reason(tmp_path: Path) -> None:
    result = explained_run(EXPLAINED, tmp_path, *NARROW)
    assert result.exit_code == 0, result.output
    survived = f"survived: therapy.second-line.t-dxd: {REMOVED}1 (The scenario of this test looks at the ranking only.)"
    assert survived in result.output
    assert "2 changes, 0 killed (0.0 %), 0 proved equal, 2 explained, 0 unexplained" in result.output


def test_a_quiet_run_lists_what_nothing_explains_and_fails(tmp_path: Path) -> None:
    result = explained_run(EXPLAINED.replace(", destiny-breast03", ""), tmp_path, *NARROW, "-q")
    assert result.exit_code == 1
    assert f"survived: therapy.second-line.t-dxd: {REMOVED}3\n" in result.output
    assert f"{REMOVED}1" not in result.output
    assert "1 survivor is not explained" in result.output


def test_proved_survivors_need_no_explanation(tmp_path: Path) -> None:
    options = ("--rule", "request.nrg1-fusion", "--kind", "condition dropped")
    scenario = "{no_tests: [request.nrg1-fusion]}"
    result = explained_run("[]", tmp_path, *options, scenario=scenario)
    proved = "survived: request.nrg1-fusion: condition dropped: disease.primary is breast (proved equal)"
    assert proved in result.output
    assert "2 proved equal" in result.output


def test_an_explanation_of_what_does_not_survive_is_stale(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    """In a part of the changes it may be of the rest; over the whole base the command hands it to `_judged`."""
    part = explained_run(EXPLAINED, tmp_path, "--rule", "therapy.second-line.t-dm1", "--kind", "never fires")
    assert "take the explanation out" not in part.output
    every = list(mutants(knowledge.knowledge))
    located = read_explanations(tmp_path / "explained.yaml", every)
    survivors = [one for one in every if str(one) == f"therapy.second-line.t-dxd: {REMOVED}3"]
    found = standing(survivors, located, knowledge.knowledge)
    (stale,) = found.stale
    assert stale.line == 3
    assert f"therapy.second-line.t-dx?: {REMOVED}1: explained, but" in stale.message
    assert _judged(found, len(survivors), is_whole=True) is Exit.failed_check
    assert _judged(found, len(survivors), is_whole=False) is Exit.ok


def test_what_is_explained_twice_or_proved_is_stale(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    every = list(mutants(knowledge.knowledge))
    proved = "request.nrg1-fusion: condition dropped: disease.primary is breast"
    entry, kind, change = proved.split(": ")
    text = f"- {{entry: {entry}, kind: {kind}, change: {change}, because: It is proved and needs no words.}}\n"
    (tmp_path / "explained.yaml").write_text(EXPLAINED + EXPLAINED + text, encoding="utf-8")
    wanted = {f"therapy.second-line.t-dxd: {REMOVED}{number}" for number in (1, 3)} | {proved}
    survivors = [one for one in every if str(one) in wanted]
    found = standing(survivors, read_explanations(tmp_path / "explained.yaml", every), knowledge.knowledge)
    assert (len(found.proved), len(found.explained)) == (1, 2)
    assert [one.line for one in found.stale] == [7, 7, 9]


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        (EXPLAINED.replace("t-dx?", "t-dxt"), 1, "unknown entry 'therapy.second-line.t-dxt'"),
        (EXPLAINED.replace("t-dx?", "t-dxt"), 1, "did you mean 'therapy.second-line.t-dxd'"),
        (EXPLAINED.replace("evidence removed", "evidence remove"), 2, "did you mean 'evidence removed'"),
        (EXPLAINED.replace("kind: evidence", "kind: all"), 2, "one of: "),
        (EXPLAINED.replace("breast03", "breast33"), 3, "there is no change 'destiny-breast33'"),
        (EXPLAINED.replace("breast03", "breast33"), 3, "did you mean 'destiny-breast03'"),
        (EXPLAINED.replace("  because", "  becuase"), 4, "did you mean 'because'"),
        (
            EXPLAINED.replace("  change: [destiny-breast01, destiny-breast03]\n", ""),
            1,
            "change: required field is missing",
        ),
        (EXPLAINED.replace("The scenario of this test looks at the ranking only.", "So."), 4, "at least 20 characters"),
        ("entry: none\n", 1, "expected a list of explanations"),
    ],
)
def test_slips_in_the_file_are_told_with_their_line(text: str, place: int, told: str, tmp_path: Path) -> None:
    result = explained_run(text, tmp_path, *NARROW)
    assert result.exit_code == 2
    assert "explanations: " in result.output
    assert f"explained.yaml:{place}: " in result.output
    assert told in result.output


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = kb("mutate", "--scenarios", tmp_path, "--explained", tmp_path / "none.yaml", *NARROW)
    assert result.exit_code == 2
    assert "none.yaml:0: cannot be read" in result.output


@pytest.mark.soak
def test_the_scenarios_kill_95_percent_of_all_changes_and_the_rest_is_explained() -> None:
    options = ("--at-least", "95", "--explained", PROJECT / "tests" / "mutation-survivors.yaml", "-q")
    result = kb("mutate", "--scenarios", PROJECT / "tests" / "scenarios", *options)
    assert result.exit_code == 0, result.output


def test_freezing_leaves_a_file_alone_in_which_nothing_is_frozen(tmp_path: Path) -> None:
    file = tmp_path / "by-hand.yaml"
    text = "- title:   A scenario that was written by hand\n  patient: her2-zero\n  expect: {nothing_ranked: true}\n"
    file.write_text(text, encoding="utf-8")
    result = kb("freeze", file)
    assert result.exit_code == 2
    assert "none to renew" in result.output
    assert file.read_text(encoding="utf-8") == text


def test_freezing_renews_what_was_frozen_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "frozen.yaml"
    text = (
        "# Kept.\n- title: What a second-line patient fires\n  patient: {example: second-line-her2-positive}\n"
        "  expect:\n    fires_exactly: {therapy: [therapy.gone]}\n    concludes: {therapy.gone: something}\n"
        "- title: A scenario by hand stays\n  patient: {example: her2-zero}\n  expect: {nothing_ranked: true}\n"
    )
    file.write_text(text, encoding="utf-8")
    assert kb("freeze", file).exit_code == 0
    renewed = file.read_text(encoding="utf-8")
    assert renewed.startswith("# Kept.\n")
    assert "therapy.second-line.t-dxd: preferred t-dxd; fits stable-brain-metastases" in renewed
    assert "therapy.gone" not in renewed
    assert "nothing_ranked: true" in renewed
    test = CliRunner().invoke(app, ["test", str(file), "--examples", str(PROJECT / "patient_examples")])
    assert test.exit_code == 0, test.output


def test_the_frozen_scenarios_are_as_the_command_writes_them(tmp_path: Path) -> None:
    """After a wanted change of the rules: `her2cds kb freeze tests/scenarios/frozen.yaml`, then read the difference."""
    file = tmp_path / "frozen.yaml"
    shutil.copy(PROJECT / "tests" / "scenarios" / "frozen.yaml", file)
    assert kb("freeze", file).exit_code == 0
    assert file.read_text(encoding="utf-8") == (PROJECT / "tests/scenarios/frozen.yaml").read_text(encoding="utf-8")
