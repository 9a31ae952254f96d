"""The provenance check on the five reviews themselves, and on the knowledge base that comes with the package.

Needs the reviews' texts (HER2CDS_TEXTS, or `../shared/sources` beside the project); skipped where they are not.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
import yaml

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.catalogue import Drug, Gene, Source
from her2cds.knowledge.citations import Citation, Entry
from her2cds.knowledge.data import KnowledgeData
from her2cds.knowledge.files import bundled_rules
from her2cds.knowledge.load import load_knowledge_base
from her2cds.provenance import Status, run
from her2cds.provenance.claims import Claim
from her2cds.provenance.figures import named_figures
from her2cds.provenance.library import Library
from her2cds.provenance.normalise import plain
from her2cds.provenance.passages import REFERENCES, Review
from her2cds.provenance.verify import Checker

PROJECT = Path(__file__).resolve().parents[2]
TEXTS = Path(os.environ.get("HER2CDS_TEXTS", PROJECT.parent / "shared" / "sources"))

pytestmark = pytest.mark.skipif(not TEXTS.is_dir(), reason=f"the reviews' texts are not at {TEXTS}")

EntryOf = TypeVar("EntryOf", bound=Entry)

# Headings with nothing between them and their first subsection.
PURE_PARENTS = {
    ("tapia2023", "2. Mechanisms of Resistance and Response Heterogeneity to Anti-HER2 Therapies"),
    ("tapia2023", "3. Newest HER2-Targeted Therapies"),
    ("tapia2023", "3.1. Improve Anti-HER2 Drugs"),
    ("tapia2023", "4. Future Directions"),
    ("mercogliano2023", "2. HER2-Targeted Therapies"),
    ("mercogliano2023", "2.1. Antibodies"),
    ("qi2024", "2. HER2-targeted drugs and mechanisms"),
    ("qi2024", "2.3. HER2-targeted drugs' mechanisms of action"),
    ("qi2024", "3. Pathways and mechanisms of HER2-targeted resistance"),
    ("wang2022", "2 Currently investigated mechanisms related to trastuzumab resistance"),
    ("wang2022", "3 Biomarkers for predicting trastuzumab resistance"),
    ("wang2022", "4 Novel therapeutic agents against trastuzumab resistance"),
}

REVIEWS = ("tapia2023", "guidi2023", "mercogliano2023", "qi2024", "wang2022")


def _entries(file: str, model: type[EntryOf]) -> tuple[EntryOf, ...]:
    """The entries of one file of the bundled knowledge base, whatever the state of the others."""
    raw = yaml.load((bundled_rules() / file).read_text(encoding="utf-8"), yaml.BaseLoader)
    return tuple(model.model_validate(one) for one in raw)


@pytest.fixture(scope="module")
def reviews() -> dict[str, Review]:
    return {
        source.id: Review(source, (TEXTS / (source.file or "")).read_text(encoding="utf-8"))
        for source in _entries("sources.yaml", Source)
        if source.role == "review"
    }


def test_all_five_reviews_are_there(reviews: dict[str, Review]) -> None:
    assert set(reviews) == set(REVIEWS)


@pytest.mark.parametrize("name", REVIEWS)
def test_a_review_is_cut_into_all_its_headings(reviews: dict[str, Review], name: str) -> None:
    review = reviews[name]
    assert review.faults == []
    sections = [heading for heading in review.source.sections if heading != REFERENCES]
    empty = {(name, heading) for heading in sections if not review.passages[heading].text}
    assert empty == {one for one in PURE_PARENTS if one[0] == name}


@pytest.mark.parametrize("name", REVIEWS)
def test_nearly_every_word_of_the_body_belongs_to_a_place(reviews: dict[str, Review], name: str) -> None:
    text = (TEXTS / (reviews[name].source.file or "")).read_text(encoding="utf-8")
    body = plain(text).partition(" References ")[0]
    cut = sum(len(passage.text) for passage in reviews[name].passages.values())
    assert 0.85 * len(body) < cut < 1.02 * len(body)


@pytest.mark.parametrize("name", REVIEWS)
def test_the_reference_list_and_the_printed_numbers_are_the_same(reviews: dict[str, Review], name: str) -> None:
    review = reviews[name]
    printed = frozenset[int]().union(*(passage.references for passage in review.passages.values()))
    assert printed == set(range(1, review.reference_count + 1))


@pytest.mark.parametrize(
    ("name", "number", "author"),
    [
        ("tapia2023", 83, "den Besten"),
        ("guidi2023", 76, "Buyse"),
        ("mercogliano2023", 85, "Saura"),
        ("mercogliano2023", 456, "Lundberg"),
        ("qi2024", 9, "Curigliano"),
        ("wang2022", 12, "Choi HJ"),
        ("wang2022", 13, "Qiu N"),
        ("wang2022", 22, "Mitra D"),
        ("wang2022", 60, "Perou C"),
    ],
)
def test_references_are_read_by_number(reviews: dict[str, Review], name: str, number: int, author: str) -> None:
    entry = reviews[name].reference(number)
    assert entry is not None
    assert entry.startswith(author)


def test_no_reference_list_is_a_place(reviews: dict[str, Review]) -> None:
    for review in reviews.values():
        assert not any("CrossRef" in p.text or "doi" in p.text.casefold() for p in review.passages.values())


@pytest.mark.parametrize(
    ("name", "heading", "holds"),
    [
        ("tapia2023", "3.1.1. Novel Antibody-Drug Conjugates", "DESTINYBreast03 phase III trial"),
        ("tapia2023", "3.1.1. Novel Antibody-Drug Conjugates", "T-DM1 in patients who had received at least two"),
        ("tapia2023", "3.1.3. TKI", "approved by the FDA in April of 2020 for patients with HER2-positive"),
        ("tapia2023", "2.7. Overexpression of HER1 and HER3", "HER1 and HER3 overexpression"),
        ("tapia2023", "Simple Summary", "nearly incurable"),
        ("guidi2023", "6. Current Issues and Future Challenges", "associated with microtubule dysfunction; in fact"),
        ("guidi2023", "4.1. Tyrosine Kinase Inhibitors and ADCs", "refractory"),
        ("guidi2023", "Figure 1", "Combination approaches"),
        ("mercogliano2023", "2.1.2. Bispecific Antibodies", "GBR1302"),
        ("mercogliano2023", "3.1. PD-1/PD-L1 Antibodies", "IBI315/Fidasimtamab"),
        ("mercogliano2023", "4.1. CAR-T Cells", "when HER2-CAR-T cells were delivered"),
        ("qi2024", "2.2.1. Monoclonal antibodies", "granted FDA approval in 1998"),
        ("qi2024", "2.3.1. Monoclonal antibodies", "Trastuzumab suppresses"),
        ("qi2024", "4.1.2. Trastuzumab duocarmazine", "dokamazine"),
        ("qi2024", "3.3. HER2 heterogeneity", "7-8"),
        ("wang2022", "Abstract", "standard molecular targeted therapy"),
        ("wang2022", "1 Introduction", "react to trastuzumab or trastuzumab conjugate"),
        ("wang2022", "3.1.3 The NF-κB pathway", "NF- κ B p65"),
        ("wang2022", "3.1.5 The Notch1 pathway", "PKC α protein levels"),
        ("wang2022", "4.3 Other novel agents", "19.8 months"),
    ],
)
def test_a_section_holds_its_text(reviews: dict[str, Review], name: str, heading: str, holds: str) -> None:
    assert holds in reviews[name].passages[heading].text


@pytest.mark.parametrize(
    ("name", "heading", "lacks"),
    [
        ("mercogliano2023", "2.1.2. Bispecific Antibodies", "NCT00911898 |"),
        ("mercogliano2023", "3.1. PD-1/PD-L1 Antibodies", "NCT04740918"),
        ("guidi2023", "4. Novel Combination Strategies to Overcome or Prevent Resistance", "NCT02073916"),
        ("wang2022", "3.3 Tumor microenvironment markers for prediction of trastuzumab resistance", "Choi HJ"),
        ("tapia2023", "3.1.1. Novel Antibody-Drug Conjugates", "NCT04494425"),
        ("tapia2023", "5. Conclusions", "Margarita Salas"),
        ("guidi2023", "7. Conclusions", "honoraria"),
        ("qi2024", "2.2. HER2-targeted drugs", "1998"),
    ],
)
def test_a_section_does_not_hold_what_stands_in_it_or_after_it(
    reviews: dict[str, Review], name: str, heading: str, lacks: str
) -> None:
    assert lacks not in reviews[name].passages[heading].text


@pytest.mark.parametrize(
    ("name", "table", "identifier", "cells"),
    [
        ("tapia2023", "Table 1", "NCT03262935", ["TULIP", "III"]),
        ("tapia2023", "Table 2", "NCT04494425", ["DESTINY-Breast 06", "1st line"]),
        ("tapia2023", "Table 2", "NCT04739761", ["DESTINY-Breast 12", "No more than 2 lines"]),
        ("guidi2023", "Table 1", "NCT02073916", ["lapatinib", "Ib"]),
        ("guidi2023", "Table 1", "NCT04704661", ["Ceralasertib", "I/Ib"]),
        ("mercogliano2023", "Table 1", "NCT00911898", ["MM-111", "refractory"]),
        ("mercogliano2023", "Table 1", "NCT04040699", ["KN026", "KN046"]),
        ("mercogliano2023", "Table 2", "NCT04556773", ["T-DXd", "HER2-low"]),
        ("mercogliano2023", "Table 2", "NCT04742153", ["MRG002", "Monomethyl auristatin E"]),
        ("mercogliano2023", "Table 2", "NCT04147819", ["BAY2701439"]),
        ("mercogliano2023", "Table 3", "2013-003894-87", ["Epertinib"]),
        ("mercogliano2023", "Table 3", "NCT04509596", ["DZD1516"]),
        ("mercogliano2023", "Table 4", "NCT02129556", ["PANACEA", "58"]),
        ("mercogliano2023", "Table 4", "NCT04740918", ["KATE3", "Recruiting", "320", "PD-L1+"]),
        ("mercogliano2023", "Table 4", "NCT03595592", ["Doxorubicin + cyclophosphamide (AC) followed by HPCT"]),
        ("mercogliano2023", "Table 4", "NCT03364348", ["Utomilumab", "18"]),
        ("wang2022", "Table 1", "PKC α", ["Jagged-1/Notch-1", "Negative"]),
    ],
)
def test_tables_hold_their_rows(
    reviews: dict[str, Review], name: str, table: str, identifier: str, cells: list[str]
) -> None:
    read = reviews[name].passages[table].table
    assert read is not None
    rows = [" | ".join(row) for row in read.rows_with(identifier)]
    assert any(all(cell in row for cell in cells) for row in rows), rows


def test_tables_are_whole(reviews: dict[str, Review]) -> None:
    rows = {
        (name, heading): len(passage.table.rows)
        for name, review in reviews.items()
        for heading, passage in review.passages.items()
        if passage.table is not None
    }
    assert rows == {
        ("tapia2023", "Table 1"): 7,
        ("tapia2023", "Table 2"): 9,
        ("guidi2023", "Table 1"): 20,
        ("mercogliano2023", "Table 1"): 14,
        ("mercogliano2023", "Table 2"): 30,
        ("mercogliano2023", "Table 3"): 7,
        ("mercogliano2023", "Table 4"): 31,
        ("wang2022", "Table 1"): 10,
    }


# --- Claims on the real texts, true and false ---------------------------------------------------------

TAPIA_ADCS = Citation(source="tapia2023", at="3.1.1. Novel Antibody-Drug Conjugates")
TAPIA_TKIS = Citation(source="tapia2023", at="3.1.3. TKI")
GUIDI_FUTURE = Citation(source="guidi2023", at="6. Current Issues and Future Challenges", reference=(70,))
WANG_ADCS = Citation(source="wang2022", at="4.2 Antibody-drug conjugates")
MERCOGLIANO_TABLE_4 = Citation(source="mercogliano2023", at="Table 4")
TAPIA_TABLE_2 = Citation(source="tapia2023", at="Table 2")


def _claim(*cites: Citation, **fields: Any) -> Claim:
    return Claim("entry", "outcome", "", "here", cites, **fields)


TRUE_CLAIMS = [
    _claim(
        TAPIA_ADCS,
        measured=(("9.6", "months"), ("6.4", "months")),
        intervals=(("0.55", "0.77"),),
        p_value="<0.001",
        texts=("EMILIA",),
        drugs=("t-dm1", "lapatinib"),
        phase="III",
    ),
    _claim(TAPIA_ADCS, measured=(("60.9", "%"), ("16.4", "months")), intervals=(("53.4", "68.0"), ("12.7", "NR"))),
    _claim(WANG_ADCS, measured=(("16.4", "months"),), intervals=(("12.7", "NE"), ("69.3", "82.1")), drugs=("t-dxd",)),
    _claim(TAPIA_TKIS, measured=(("12", "weeks"), ("8.1", "weeks"), ("9.5", "months")), p_value="=0.026"),
    _claim(TAPIA_TKIS, figures=("0.54", "26.6"), texts=("HER2CLIMB, after T-DM1, median follow-up of 14 months",)),
    _claim(GUIDI_FUTURE, figures=("0.47",), intervals=(("0.35", "0.62"),), texts=("PFS2 of 40 months; NF1",)),
    _claim(
        MERCOGLIANO_TABLE_4,
        identifier="NCT04740918",
        study="KATE3",
        phase="III",
        status="Recruiting",
        drugs=("t-dm1", "atezolizumab"),
        texts=("320 patients with PD-L1-positive disease",),
    ),
    _claim(MERCOGLIANO_TABLE_4, identifier="NCT04538742", phase="Ib/II", status="Recruiting", drugs=("t-dxd",)),
    _claim(TAPIA_TABLE_2, identifier="NCT04494425", phase="III", drugs=("t-dxd", "capecitabine")),
]

FALSE_CLAIMS = [
    (_claim(TAPIA_ADCS, measured=(("9.5", "months"),)), "figure 9.5 months"),
    (_claim(TAPIA_ADCS, measured=(("9.6", "weeks"),)), "figure 9.6 weeks"),
    (_claim(TAPIA_ADCS, measured=(("9.6", "%"),)), "figure 9.6 %"),
    (_claim(TAPIA_ADCS, intervals=(("0.55", "0.78"),)), "interval 0.55 to 0.78"),
    (_claim(TAPIA_TKIS, measured=(("12", "months"), ("8.1", "months"))), "figure 8.1 months"),
    (_claim(TAPIA_TKIS, p_value="=0.001"), "p = 0.001"),
    (_claim(TAPIA_TKIS, measured=(("9.6", "months"),), texts=("EMILIA",)), "figure 9.6 months"),
    (_claim(TAPIA_TABLE_2, measured=(("9.6", "months"),)), "figure 9.6 months"),
    (_claim(GUIDI_FUTURE.model_copy(update={"reference": (71, 45)})), "reference 45 is not printed there"),
    (_claim(GUIDI_FUTURE.model_copy(update={"reference": (77,)})), "reference 77: the reference list ends at 76"),
    (_claim(MERCOGLIANO_TABLE_4, identifier="NCT04740919"), "NCT04740919 is not there"),
    (_claim(MERCOGLIANO_TABLE_4, identifier="NCT04740918", status="Completed"), "status 'completed'"),
    (_claim(MERCOGLIANO_TABLE_4, identifier="NCT04740918", drugs=("t-dxd",)), "drug 'Trastuzumab deruxtecan'"),
    (_claim(MERCOGLIANO_TABLE_4, identifier="NCT04740918", texts=("454 patients",)), "figure 454"),
    (_claim(TAPIA_TABLE_2, identifier="NCT04494425", phase="II"), "phase 2"),
    (_claim(Citation(source="tapia2023", at="3.1. Improve Anti-HER2 Drugs")), "no text of its own"),
    (_claim(Citation(source="guidi2023", at="3.1.3. TKI")), "no section"),
    (_claim(Citation(source="qi2024", at="2.4. Summary", reference=(1,))), "numbers restart"),
]


@pytest.fixture(scope="module")
def checker() -> Checker:
    """A checker with the bundled catalogue, whatever the state of the rest of the knowledge base."""
    trials = (SimpleNamespace(acronym="KATE3"), SimpleNamespace(acronym="HER2CLIMB"), SimpleNamespace(acronym="EMILIA"))
    data = KnowledgeData.model_construct(
        sources=_entries("sources.yaml", Source),
        drugs=_entries("drugs.yaml", Drug),
        genes=_entries("genes.yaml", Gene),
        evidence=(),
        trials=trials,
    )
    return Checker(data, Library(data.sources, TEXTS))


@pytest.mark.parametrize("claim", TRUE_CLAIMS, ids=range(len(TRUE_CLAIMS)))
def test_what_the_reviews_print_is_confirmed(checker: Checker, claim: Claim) -> None:
    assert [failure.message for failure in checker.checked(claim).failures] == []
    assert checker.checked(claim).status in (Status.BY_FIGURE, Status.BY_NAME)


@pytest.mark.parametrize(("claim", "message"), FALSE_CLAIMS, ids=range(len(FALSE_CLAIMS)))
def test_what_the_reviews_do_not_print_fails(checker: Checker, claim: Claim, message: str) -> None:
    checked = checker.checked(claim)
    assert checked.status is Status.FAILED
    assert any(message in failure.message for failure in checked.failures), checked.failures


# --- The bundled knowledge base -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return load_knowledge_base()


def test_every_claim_of_the_knowledge_base_verifies(knowledge: Knowledge) -> None:
    report = run(knowledge, TEXTS)
    assert [str(failure) for failure in report.failures] == []
    assert report.ok


@pytest.mark.slow
def test_changes_of_the_knowledge_base_are_noticed(knowledge: Knowledge) -> None:
    """Each kind of change, made to every third confirmed claim, and the share that is noticed.

    A changed figure can by chance be another figure of the same section, and a claim that holds only common
    names can be true of a second section too: those shares are high, and not one.
    """
    library = Library(knowledge.data.sources, TEXTS)
    checker = Checker(knowledge.data, library)
    confirmed = [one.claim for one in run(knowledge, TEXTS).claims if one.status in (Status.BY_FIGURE, Status.BY_NAME)]
    confirmed = confirmed[::3]  # a third of them, spread over all files, is enough for the shares
    shares = {
        kind: sum(bool(checker.checked(mutant).failures) for mutant in mutants) / len(mutants)
        for kind, mutants in mutants_of(confirmed, library).items()
        if mutants
    }
    always = {"identifier", "source", "reference", "reference beyond the list", "heading"}
    assert {kind: share for kind, share in shares.items() if kind in always and share < 1} == {}
    least = {"value": 0.9, "interval": 0.98, "figure in a text": 0.8, "section": 0.9}
    assert {kind: share for kind, share in shares.items() if share < least.get(kind, 0)} == {}


def mutants_of(claims: list[Claim], library: Library) -> dict[str, list[Claim]]:
    """Changed copies of the claims, by kind of change."""
    found: dict[str, list[Claim]] = {}

    def add(kind: str, claim: Claim, **changes: Any) -> None:
        found.setdefault(kind, []).append(replace(claim, **changes))

    for claim in claims:
        for index, (figure, unit) in enumerate(claim.measured):
            add("value", claim, measured=_with(claim.measured, index, (_other_digit(figure), unit)))
        for index, (low, high) in enumerate(claim.intervals):
            add("interval", claim, intervals=_with(claim.intervals, index, (low, _other_digit(high))))
        for index, text in enumerate(claim.texts):
            for figure, in_digits in named_figures(text):
                if in_digits and text.count(figure) == 1:
                    changed = text.replace(figure, _other_digit(figure))
                    add("figure in a text", claim, texts=_with(claim.texts, index, changed))
        if claim.identifier:
            add("identifier", claim, identifier=_other_digit(claim.identifier))
        for index, citation in enumerate(claim.cites):
            changes: dict[str, dict[str, object]] = {
                "source": {"source": "nobody"},
                "heading": {"at": _other_number(citation.at)},
            }
            if citation.reference and citation.at != REFERENCES:
                changes["reference"] = {"reference": (_not_printed(library, citation),)}
                changes["reference beyond the list"] = {"reference": (999,)}
            for kind, change in changes.items():
                add(kind, claim, cites=_with(claim.cites, index, citation.model_copy(update=change)))
        if len(claim.cites) == 1:
            here = claim.cites[0]
            for passage in library.passages:
                if passage.source == here.source and passage.heading != here.at:
                    add("section", claim, cites=(here.model_copy(update={"at": passage.heading}),))
    return found


def _not_printed(library: Library, citation: Citation) -> int:
    """A number of the review's reference list that the cited place does not print."""
    here = next(p for p in library.passages if (p.source, p.heading) == (citation.source, citation.at))
    elsewhere = frozenset[int]().union(*(p.references for p in library.passages if p.source == citation.source))
    return min(elsewhere - here.references)


def _with(values: tuple[Any, ...], index: int, value: object) -> tuple[Any, ...]:
    return (*values[:index], value, *values[index + 1 :])


def _other_digit(figure: str) -> str:
    return f"{figure[:-1]}{(int(figure[-1]) + 1) % 10}" if figure[-1].isdigit() else "17"


def _other_number(heading: str) -> str:
    """The heading with its number changed to one that no review prints."""
    return re.sub(r"\d+", "9", heading, count=1) if re.search(r"\d", heading) else f"9. {heading}"
