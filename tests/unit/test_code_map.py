"""The code map: every code with a display and an origin, each once, and every drug one that the rules know."""

from __future__ import annotations

from collections import Counter

from her2cds import KnowledgeBase
from her2cds.interop.fhir.codes import code_map


def test_every_code_has_a_display_and_an_origin_that_is_explained() -> None:
    codes = code_map()
    assert len(codes.meanings) > 300
    for one in codes.meanings:
        assert one.display, one
        assert one.origin in codes.origins, one
        assert one.system in codes.uris, one


def test_no_code_has_two_meanings() -> None:
    counted = Counter((one.system, one.code) for one in code_map().meanings)
    assert [code for code, number in counted.items() if number > 1] == []


def test_every_drug_and_gene_is_one_of_the_knowledge_base(knowledge: KnowledgeBase) -> None:
    base = knowledge.knowledge
    for one in code_map().meanings:
        kind, _, names = one.token.partition(".")
        if kind == "drug":
            assert all(name in base.drugs for name in names.split("+")), one
        elif kind == "gene":
            assert base.gene_names.find(names) == names, one


def test_no_code_of_a_conjugate_stands_under_an_antibody(knowledge: KnowledgeBase) -> None:
    from her2cds.interop.fhir.drugs import drugs_named

    for one in code_map().meanings:
        if one.token.startswith("drug."):
            named = drugs_named(one.display, knowledge.knowledge)
            brand = drugs_named(one.display.split(" (")[0], knowledge.knowledge)
            said = set(one.token.removeprefix("drug.").split("+"))
            assert not brand or set(brand) == said, one
            assert not named or set(named) == said, one


def test_systems_are_known_by_their_older_names_too() -> None:
    codes = code_map()
    for system in ("http://loinc.org", "https://loinc.org/", "LOINC", "urn:oid:2.16.840.1.113883.6.1"):
        found = codes.find(system, "85319-2")
        assert found is not None
        assert found.token == "her2.ihc"
    assert codes.find("http://example.org", "85319-2") is None
