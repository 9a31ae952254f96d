"""Conditions: parsing, faults, normal form, satisfiability, truth."""

from __future__ import annotations

import pytest

from her2cds.facts.truth import Truth
from her2cds.facts.values import ScalarFact, SetFact, known, not_applicable, truth_of
from her2cds.knowledge.conditions import All, AnyOf, ConditionParser, Domains, Leaf, Named, Not
from her2cds.knowledge.normal_form import TooManyAlternativesError, alternatives, can_hold
from her2cds.knowledge.rules import FactDefinition


def fact(name: str, **fields: object) -> FactDefinition:
    return FactDefinition.model_validate({"id": name, "meaning": "a fact", "origin": "test", **fields})


FACTS = {
    one.id: one
    for one in (
        fact("her2.class", type="enum", values=["positive", "low", "zero"]),
        fact("lines.metastatic", type="number", minimum=0, maximum=30),
        fact("hr.known", type="bool"),
        fact("prior.agents", type="set", of="drugs"),
        fact("alterations", type="set", of="alterations"),
        fact("alterations.changes", type="set", of="protein_changes"),
        fact("patient.ecog", type="number", minimum=0, maximum=5, whole=True),
    )
}
DOMAINS = Domains(
    FACTS,
    frozenset({"early-relapse"}),
    frozenset({"trastuzumab", "t-dm1"}),
    frozenset({"taxane"}),
    frozenset({"ERBB2"}),
)


def parse(raw: object) -> tuple[object, list[str]]:
    parser = ConditionParser(DOMAINS)
    condition = parser.parse(raw)
    return condition, [
        f"{'.'.join(map(str, one.path))}: {one.message} {one.suggestion}".strip() for one in parser.faults
    ]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"her2.class": "positive"}, Leaf("her2.class", "is", "positive")),
        ({"her2.class": {"in": ["low", "zero"]}}, Leaf("her2.class", "in", ("low", "zero"))),
        ({"lines.metastatic": {"at_least": "1"}}, Leaf("lines.metastatic", "at_least", 1.0)),
        ({"hr.known": "true"}, Leaf("hr.known", "is", True)),
        ({"prior.agents": {"contains": "t-dm1"}}, Leaf("prior.agents", "contains", "t-dm1")),
        ({"her2.class": {"known": "true"}}, Leaf("her2.class", "known", True)),
        ({"not": {"criterion": "early-relapse"}}, Not(Named("early-relapse"))),
        (
            {"any": [{"hr.known": "true"}, {"all": [{"hr.known": "false"}]}]},
            AnyOf((Leaf("hr.known", "is", True), All((Leaf("hr.known", "is", False),)))),
        ),
    ],
)
def test_conditions_are_read(raw: object, expected: object) -> None:
    assert parse(raw) == (expected, [])


@pytest.mark.parametrize(
    ("raw", "mention"),
    [
        ({"her2.clas": "positive"}, "unknown fact 'her2.clas' did you mean 'her2.class'?"),
        ({"her2.class": "positiv"}, "unknown value 'positiv' for 'her2.class' did you mean 'positive'?"),
        ({"her2.class": {"at_least": "1"}}, "'at_least' cannot test 'her2.class', which is a enum"),
        ({"lines.metastatic": {"at_least": "many"}}, "'many' is not a number"),
        ({"lines.metastatic": {"at_least": "99"}}, "outside the domain"),
        ({"hr.known": "yes"}, "'yes' is not true or false"),
        ({"prior.agents": {"contains": "trastuzumap"}}, "unknown drug 'trastuzumap' for 'prior.agents' did you mean"),
        ({"alterations": {"contains": "ERBB2:mutatoin"}}, "unknown kind of alteration 'mutatoin'"),
        ({"alterations": {"contains": "ERBB9:mutation"}}, "unknown gene 'ERBB9'"),
        ({"alterations.changes": {"contains": "ERBB2:p.Leu755Ser"}}, "write 'ERBB2:L755S'"),
        ({"alterations.changes": {"contains": "ERBB2"}}, "'' is not a protein change in one-letter form"),
        ({"alterations.changes": {"contains_any": ["ERBB2:L755S", "ERBB2:l755s"]}}, "'l755s' is not a protein change"),
        ({"lines.metastatic": {"at_least": "1e1"}}, "'1e1' is not a number"),
        ({"lines.metastatic": {"at_least": "nan"}}, "'nan' is not a number"),
        ({"lines.metastatic": {"at_least": "1_0"}}, "'1_0' is not a number"),
        ({"patient.ecog": {"at_least": "2.5"}}, "counts in whole numbers"),
        ({"criterion": "early-relaps"}, "unknown criterion 'early-relaps'"),
        ({"her2.class": "positive", "hr.known": "true"}, "exactly one key"),
        ({"all": []}, "at least one condition"),
        ({"all": {"hr.known": "true"}}, "takes a list"),
        ({"her2.class": {"known": "false"}}, "takes only true"),
        ({"lines.metastatic": {"at_least": "1", "at_most": "2"}}, "exactly one operator"),
    ],
)
def test_faults_say_where_and_what(raw: object, mention: str) -> None:
    _, faults = parse(raw)
    assert len(faults) == 1
    assert mention in faults[0]


def test_all_faults_of_a_tree_are_reported() -> None:
    _, faults = parse({"all": [{"x": "1"}, {"not": {"her2.class": "none"}}]})
    assert [fault.split(":")[0] for fault in faults] == ["all.0.x", "all.1.not.her2.class"]


def condition(raw: object) -> object:
    tree, faults = parse(raw)
    assert not faults
    return tree


def test_alternatives_of_a_conjunction_of_disjunctions() -> None:
    tree = condition({"all": [{"any": [{"hr.known": "true"}, {"her2.class": "low"}]}, {"not": {"her2.class": "zero"}}]})
    shown = sorted(sorted(map(str, one)) for one in alternatives(tree))
    assert shown == [
        ["her2.class is low", "not (her2.class is zero)"],
        ["hr.known is true", "not (her2.class is zero)"],
    ]


def test_too_many_alternatives_are_refused() -> None:
    pair = {"any": [{"hr.known": "true"}, {"her2.class": "low"}, {"her2.class": "zero"}]}
    with pytest.raises(TooManyAlternativesError, match="81 alternatives"):
        alternatives(condition({"all": [pair, pair, pair, pair]}))


@pytest.mark.parametrize(
    ("raw", "possible"),
    [
        ({"all": [{"her2.class": "low"}, {"her2.class": "zero"}]}, False),
        ({"all": [{"her2.class": {"in": ["low", "zero"]}}, {"not": {"her2.class": "low"}}]}, True),
        ({"all": [{"lines.metastatic": {"at_least": "2"}}, {"lines.metastatic": {"less_than": "2"}}]}, False),
        ({"all": [{"lines.metastatic": {"more_than": "1"}}, {"lines.metastatic": {"less_than": "2"}}]}, True),
        ({"all": [{"hr.known": "true"}, {"hr.known": "false"}]}, False),
        ({"all": [{"prior.agents": {"contains": "t-dm1"}}, {"not": {"prior.agents": {"contains": "t-dm1"}}}]}, False),
        (
            {
                "all": [
                    {"prior.agents": {"contains_any": ["t-dm1", "trastuzumab"]}},
                    {"not": {"prior.agents": {"contains": "t-dm1"}}},
                ]
            },
            True,
        ),
        ({"all": [{"her2.class": "low"}, {"not": {"her2.class": {"known": "true"}}}]}, False),
        ({"all": [{"criterion": "early-relapse"}, {"not": {"criterion": "early-relapse"}}]}, False),
    ],
)
def test_conditions_that_can_never_hold_are_found(raw: object, possible: bool) -> None:
    assert any(can_hold(one, FACTS) for one in alternatives(condition(raw))) is possible


@pytest.mark.parametrize(
    ("test", "value", "expected"),
    [
        (Leaf("her2.class", "is", "low"), known("low", ""), Truth.TRUE),
        (Leaf("her2.class", "is", "low"), known("zero", ""), Truth.FALSE),
        (Leaf("her2.class", "is", "low"), None, Truth.UNKNOWN),
        (Leaf("her2.class", "is", "positive"), ScalarFact(("low", "zero")), Truth.FALSE),
        (Leaf("her2.class", "in", ("low", "zero")), ScalarFact(("low", "zero")), Truth.TRUE),
        (Leaf("her2.class", "is", "low"), ScalarFact(("low", "zero")), Truth.UNKNOWN),
        (Leaf("lines.metastatic", "at_least", 1.0), ScalarFact((1.0, 2.0)), Truth.TRUE),
        (Leaf("lines.metastatic", "at_most", 6.0), not_applicable(""), Truth.FALSE),
        (Leaf("her2.class", "known", True), not_applicable(""), Truth.TRUE),
        (Leaf("her2.class", "known", True), None, Truth.FALSE),
        (Leaf("prior.agents", "contains", "t-dm1"), SetFact(frozenset({"t-dm1"})), Truth.TRUE),
        (Leaf("prior.agents", "contains", "t-dm1"), SetFact(absent=None), Truth.FALSE),
        (Leaf("prior.agents", "contains", "t-dm1"), SetFact(), Truth.UNKNOWN),
        (Leaf("prior.agents", "contains", "t-dm1"), SetFact(maybe=frozenset({"t-dm1"}), absent=None), Truth.UNKNOWN),
        (
            Leaf("alterations.changes", "contains", "ERBB2:L755S"),
            SetFact(absent_prefixes=frozenset({"ERBB2"})),
            Truth.FALSE,
        ),
        (
            Leaf("prior.agents", "contains_any", ("t-dm1", "trastuzumab")),
            SetFact(frozenset({"trastuzumab"})),
            Truth.TRUE,
        ),
    ],
)
def test_truth_of_a_leaf(test: Leaf, value: ScalarFact | SetFact | None, expected: Truth) -> None:
    assert truth_of(test, value) is expected
