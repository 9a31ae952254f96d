"""The provenance check on small invented reviews: what it reads, what it confirms, and that it fails."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.catalogue import Discrepancy, Drug, Gene, Regimen, Source
from her2cds.knowledge.citations import Entry
from her2cds.knowledge.data import KnowledgeData, Place
from her2cds.knowledge.evidence import Evidence
from her2cds.knowledge.rules import Criterion, Rule, Trial
from her2cds.provenance import MissingTextsError, Status, VerificationReport, render_text, run, verify
from her2cds.provenance.figures import figures, named_figures, p_values, scores, units_after
from her2cds.provenance.names import NameTable, StudyTable, identifiers
from her2cds.provenance.normalise import FoldedText, plain
from her2cds.provenance.passages import Review
from her2cds.provenance.phases import confirms, phase_cell, phases, statuses
from her2cds.provenance.references import ReferenceMarks, reference_list

# --- The invented reviews -----------------------------------------------------------------------------

ALPHA = """\
Review

Simple Summary: Two sentences about 77 tumours.

Abstract: The abstract names lapatinib once [9].

Keywords: HER2-positive

1. Introduction

Breast cancer is common (Figure 1). It affects 1,700 women in 2013 [1].

Figure 1. A drawing of 41 receptors [2].

More introduction text on trastu-

zumab and micro-

tubule inhibitors.

2. Drugs

2.1. *Conjugates*

T-DM1

In the ALPHA01 phase III trial, TDM-1 gave a PFS of 9.6 vs. 6.4 months (Hazard ratio, 0.65; 95% CI,
0.55–0.77; $p < 0.001$) and 14% responses [3–5]. Two prior lines of therapy were needed;

another page tells at length, and without any figure, how conjugates are built from an antibody, a linker and
a payload, how they enter the cell, how they leave it again, and what the authors think of all this after many
years of work in the laboratory and at the bedside, which is a great deal; T-DXd binds 10.5 sites.

Table 1. Trials of the day.

Drug	NCT Identifier	Phase	Status	Population
T-DM1	NCT01234567	III	Completed	HER2+ with 2 lines
	NCT07654321	I/II	Recruiting	Brain metastases [6]

T-DXd	NCT09999999	II	Active, not recruiting	Early disease with a very long

of 320 patients\t\t\t\t
KN026	NCT05555555	II	Not yet recruiting	Stage IV

MT: microtubules.

Conjugates as a class cause nausea [7].

2.2. Markers of $\\beta$-catenin and NF-$\\kappa$B

Loss of *PIK3CA* or TGF$\\beta$1 and Src, met with lapatinib resistance in HER2_{low} tumours and 10^{6} cells [8].

Funding: none of 5555.

References

1. Author, A. First. *J.* **2013**.
2. Author, B. Second.
3. Author, C. Third.
- continued on the next page.
4. Author, D. Fourth.

Provincial laboratory (2017B030314116).

5. Author, E. Fifth.
6. Author, F. Sixth.
7. Author, G. Seventh.
8. Author, H. Eighth.
9. Author, I. Ninth.
"""

BETA = """\
# A title

An abstract without heading, with 33 patients.

## KEYWORDS

breast cancer

## 1 Introduction

Trastuzumab was approved in 1998 (1). A study (2022) and a list (1, 3).

### 1.1. Monoclonal antibodies. mAbs such as trastuzumab damage the heart (2).

They were given for 12 weeks.

## References

- Sung H, Ferlay J, et al. First. (2021) 71:209.
- Choi HJ, Jin S. CDK12 drives IRS1-ErbB-

## Conflict of interest

None.

- PI3K signaling. EMBO Rep (2019).
3. Third AB. Title.
"""

SOURCES: list[dict[str, Any]] = [
    {
        "id": "alpha",
        "role": "review",
        "citation": "Alpha review",
        "file": "alpha.txt",
        "reliability": "invented",
        "sections": [
            "Simple Summary",
            "Abstract",
            "1. Introduction",
            "Figure 1",
            "2. Drugs",
            "2.1. Conjugates",
            "Table 1",
            "2.2. Markers of β-catenin and NF-κB",
        ],
    },
    {
        "id": "beta",
        "role": "review",
        "citation": "Beta review",
        "file": "beta.txt",
        "reliability": "invented",
        "sections": ["Abstract", "1 Introduction", "1.1. Monoclonal antibodies"],
    },
    {
        "id": "label",
        "role": "outside",
        "citation": "Product label",
        "reliability": "outside",
        "sections": ["5 Warnings"],
    },
]

CONJUGATES = {"source": "alpha", "at": "2.1. Conjugates", "reference": [3]}
TABLE = {"source": "alpha", "at": "Table 1"}
MARKERS = {"source": "alpha", "at": "2.2. Markers of β-catenin and NF-κB", "reference": [8]}

Raw = dict[str, Any]


def _raw_knowledge() -> Raw:
    """A small knowledge base, as YAML gives it, of which every claim is confirmed."""
    # Through JSON, so that no two entries share a citation and a mutation changes one claim only.
    return cast(Raw, json.loads(json.dumps(_SOUND)))


_SOUND: Raw = {
    "sources": copy.deepcopy(SOURCES),
    "drugs": [
        {"id": "trastuzumab", "name": "Trastuzumab", "classes": ["anti-her2-antibody"], "status": "listed"},
        {"id": "lapatinib", "name": "Lapatinib", "classes": ["her2-tki"], "status": "listed"},
        {"id": "docetaxel", "name": "Docetaxel", "classes": ["taxane", "chemotherapy"], "status": "listed"},
        {"id": "kn026", "name": "KN026", "classes": ["her2-bispecific"], "status": "listed"},
        {"id": "t-dxd", "name": "Trastuzumab deruxtecan", "synonyms": ["T-DXd"], "status": "listed"},
        {
            "id": "t-dm1",
            "name": "Trastuzumab emtansine",
            "synonyms": ["T-DM1"],
            "classes": ["anti-her2-adc"],
            "status": "approved",
            "approvals": [
                {
                    "regulator": "FDA",
                    "year": "2013",
                    "indication": "Conjugate T-DM1 after two prior lines",
                    "cites": [CONJUGATES, {"source": "alpha", "at": "1. Introduction", "reference": [1]}],
                }
            ],
            "toxicities": [
                {"text": "Nausea, as with conjugates as a class.", "cites": [{**CONJUGATES, "reference": [7]}]},
                {"text": "Bleeding, by the label.", "cites": [{"source": "label", "at": "5 Warnings"}]},
            ],
            "cites": [CONJUGATES],
        },
    ],
    "genes": [
        {"id": "PIK3CA", "name": "PI3K alpha"},
        {"id": "TGFB1", "name": "Transforming growth factor beta 1", "synonyms": ["TGFβ1"]},
        {"id": "MET", "name": "MET receptor"},
        {"id": "SRC", "name": "SRC kinase"},
        {"id": "ERBB2", "name": "HER2"},
    ],
    "regimens": [
        {"id": "t-dm1", "name": "T-DM1", "components": [{"drug": "t-dm1"}]},
    ],
    "evidence": [
        {
            "id": "alpha01",
            "name": "ALPHA01",
            "phase": "III",
            "design": "randomised",
            "population": "at least two prior lines",
            "level": "A",
            "benefit": "event_free",
            "arms": [{"name": "T-DM1", "drugs": ["t-dm1"]}, {"name": "control"}],
            "outcomes": [
                {
                    "endpoint": "PFS",
                    "unit": "months",
                    "values": [{"arm": "T-DM1", "value": "9.6"}, {"arm": "control", "value": "6.4"}],
                    "hazard_ratio": "0.65",
                    "ci": ["0.55", "0.77"],
                    "p": "<0.001",
                    "direction": "better",
                    "cites": [CONJUGATES],
                }
            ],
            "summary": "T-DM1 gave 9.6 months of PFS.",
            "reported_by": [CONJUGATES],
        }
    ],
    "criteria": [
        {"id": "heart", "title": "heart", "when": {"a.b": "c"}, "because": "A definition of ours."},
    ],
    "rules": [
        {
            "id": "therapy.t-dm1",
            "title": "T-DM1 in a phase III trial",
            "when": "always",
            "offer": {"regimen": "t-dm1", "category": "alternative", "because": "PFS of 9.6 months in ALPHA01."},
            "cites": [CONJUGATES],
        },
        {
            "id": "caution.heart",
            "title": "Heart damage",
            "when": "always",
            "caution": {"on": {"drugs": ["trastuzumab"]}, "effect": "monitor", "because": "LVEF below 50%."},
            "cites": [
                {"source": "beta", "at": "1.1. Monoclonal antibodies", "reference": [2]},
                {"source": "label", "at": "5 Warnings"},
            ],
        },
        {
            "id": "biomarker.pik3ca",
            "title": "PIK3CA loss",
            "when": {"alterations": {"contains": "PIK3CA:loss"}},
            "modifies": {
                "on": {"drugs": ["lapatinib"]},
                "effect": "disfavours",
                "level": "D",
                "because": "Resistance.",
                "marker": "PIK3CA",
                "kind": "resistance",
            },
            "cites": [MARKERS],
        },
    ],
    "trials": [
        {
            "id": "NCT01234567",
            "title": "T-DM1 in HER2-positive disease",
            "drugs": ["t-dm1"],
            "strategy": "ADC",
            "phase": "III",
            "status": [{"status": "Completed", "as_of": "2023-03", "cites": [TABLE]}],
            "population": "after 2 lines",
            "scope": "breast",
            "cites": [TABLE],
        }
    ],
    "discrepancies": [
        {
            "id": "D01",
            "title": "Duration",
            "severity": "low",
            "readings": [{"source": "beta", "at": "1.1. Monoclonal antibodies", "says": "12 weeks"}],
            "followed": "beta",
        }
    ],
}


MODELS: dict[str, type[Entry]] = {
    "sources": Source,
    "drugs": Drug,
    "genes": Gene,
    "regimens": Regimen,
    "evidence": Evidence,
    "criteria": Criterion,
    "rules": Rule,
    "trials": Trial,
    "discrepancies": Discrepancy,
}


def _data(raw: Raw) -> KnowledgeData:
    """The entries, each validated; what the check never reads (ranking, vocabulary) is left out."""
    lists = {kind: tuple(model.model_validate(one) for one in raw[kind]) for kind, model in MODELS.items()}
    places = {"therapy.t-dm1": Place(file="therapies/a.yaml", line=12)}
    return KnowledgeData.model_construct(**lists, places=places)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    (tmp_path / "alpha.txt").write_text(ALPHA, encoding="utf-8")
    (tmp_path / "beta.txt").write_text(BETA, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def alpha() -> Review:
    return Review(Source.model_validate(SOURCES[0]), ALPHA)


@pytest.fixture(scope="module")
def beta() -> Review:
    return Review(Source.model_validate(SOURCES[1]), BETA)


# --- One spelling -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("15–20%", "15-20%"),
        ("−0.5 ‑ x — y", "-0.5 - x - y"),
        ("12 – 15", "12-15"),
        ("0·75", "0.75"),
        ("5\u00a0mg\u202f/\u2009kg", "5 mg / kg"),
        ("T\u00adDM1 and \u200bT-DXd", "TDM1 and T-DXd"),
        ("$p < 0.001$", "p < 0.001"),
        (r"$\beta/\gamma/\delta$", "β/γ/δ"),
        (r"$\text{TGF-}\beta$ and IFN- $\gamma$", "TGF-β and IFN- γ"),
        (r"HER2 \times PD1", "HER2 × PD1"),
        ("HER2_{low} and HER2^{low}", "HER2 low and HER2 low"),
        ("10^{6} or 10⁶ cells", "10^6 or 10^6 cells"),
        ("IC₅₀ ﬁne", "IC50 fine"),
        ("*PIK3CA* and **bold**", "PIK3CA and bold"),
        ("## 1 Introduction", "1 Introduction"),
        ("Wang<sup>1</sup>", "Wang 1"),
        ("microtubule dys-\n\nfunction", "microtubule dysfunction"),
        ("homo-\n\nor hetero", "homoor hetero"),
        ("HER2-\n\nCAR-T", "HER2-CAR-T"),
        ("had\n\nreceived  two", "had received two"),
        ("a\tb", "a | b"),
        ("“x” and ‘y’", "\"x\" and 'y'"),
        ("[100,101]", "[100,101]"),
    ],
)
def test_texts_are_brought_to_one_spelling(printed: str, expected: str) -> None:
    assert plain(printed) == expected


def test_names_are_found_however_they_are_broken_up() -> None:
    table = NameTable([("t-dm1", ["T-DM1"]), ("pkc", ["PKCα"]), ("nfkb", ["NF-κB"])], title_case=False)
    text = FoldedText(plain("the (T- DM1) or TDM-1; PKC $\\alpha$ and NF- $\\kappa$ B; not ATDM1, not TDM12"))
    assert [one.id for one in table.mentions(text)] == ["t-dm1", "t-dm1", "pkc", "nfkb"]


def test_the_longest_drug_name_counts() -> None:
    table = NameTable(
        [("trastuzumab", ["Trastuzumab"]), ("t-dxd", ["Trastuzumab deruxtecan"])],
        title_case=False,
    )
    found = [one.id for one in table.mentions(FoldedText("Trastuzumab-deruxtecan after trastuzumab-based therapy"))]
    assert found == ["t-dxd", "trastuzumab"]


def test_a_symbol_is_not_a_common_word() -> None:
    genes = NameTable([("MET", ["MET"]), ("SRC", ["SRC"])], title_case=True)
    text = FoldedText("criteria were met; Src and c-Src; METHOD; at MET")
    assert [one.spelled for one in genes.mentions(text)] == ["Src", "Src", "MET"]


def test_a_remark_behind_a_name_is_no_part_of_it_but_brackets_inside_are() -> None:
    table = NameTable([("a", ["Neuregulin 1 (heregulin)"]), ("b", ["HER2(Per)-S-Fab"])], title_case=False)
    assert [one.id for one in table.mentions(FoldedText("neuregulin-1 binds HER2(Per)-S-Fab"))] == ["a", "b"]


def test_an_unlisted_number_of_a_known_programme_is_still_a_study() -> None:
    studies = StudyTable(["DESTINY-Breast03 (a remark)", "KATE2", "TULIP", "A description of a study", "NCT01234567"])
    found = studies.mentions(FoldedText("DESTINYBreast 3, DESTINY-Breast02, KATE3, the tulip, TULIP and kate"))
    assert [one.id for one in found] == ["destinybreast3", "destinybreast2", "kate3", "tulip"]


def test_registry_identifiers_are_read_whole() -> None:
    assert identifiers("(NCT04740918, nct0474091) 2013-003894-87") == {
        "NCT04740918",
        "NCT0474091",
        "2013-003894-87",
    }


# --- Figures ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.55 and 10.5", ["0.55", "10.5"]),
        ("0.50", ["0.50"]),
        ("15-20% of 1,700 women in 2013.", ["15", "20", "1700", "2013"]),
        ("2:1, 13/20 (65%), 53.4 to 68.0", ["2", "1", "13", "20", "65", "53.4", "68.0"]),
        ("12-month follow-up, three-year rate, 5.4mg/kg, 12.7-NE", ["12", "3", "5.4", "12.7"]),
        ("two or more, one or 2", ["2", "1", "2"]),
        ("~8; <0.001; ≥2; n=72", ["8", "0.001", "2", "72"]),
        ("HER2 CDK4/6 T-DM1 PIK3CA PD-1/PD-L1 miR-221 IL-6 4-1BB 5-FU 17q23 1E11 NCT01234567", []),
        ("IHC 3+, 1+ or 2+, IHC 0, score of 0", []),
        ("DESTINY-Breast 03, 2nd line, 10^6 cells, line 2", []),
        ("phase 1/2, grade 3 or 4, grades 3-4, Table 2, Figure 1, stage 4, arm 2", []),
        ("6 patients for phase 1 and 54 for phase 2", ["6", "54"]),
        (
            "in line, 40% did; second line 12 months later; stage: 3; arm 25% and grade 3.5",
            ["40", "12", "3", "25", "3.5"],
        ),
        ("DESTINY-Breast 12 and Table 12", []),
        ("95% CI 0.55-0.77; 95% [CI], 2 to 3; 95% of them", ["0.55", "0.77", "2", "3", "95"]),
    ],
)
def test_figures_are_numbers_that_say_something(text: str, expected: list[str]) -> None:
    assert list(figures(text)) == expected


def test_in_a_claim_a_number_word_counts_only_as_a_clinical_count() -> None:
    text = "two reviews disagree; one patient had two prior lines for six months"
    assert named_figures(text) == (("2", False), ("6", False))


def test_scores_are_read_as_names() -> None:
    assert scores("IHC 3+ or (2+/ISH-), CD8+ and HER2+, +1, 12+") == {"3+", "2+"}


def test_p_values_keep_their_sign() -> None:
    assert p_values("p < 0.001; P = 0.05, p-value of >0.1") == {("<", "0.001"), ("=", "0.05"), (">", "0.1")}


def test_a_unit_belongs_to_the_figures_before_it() -> None:
    text = "PFS 9.6 vs. 6.4 months and 14% responses after 12 weeks"
    assert units_after(text, "9.6") == {"months"}
    assert units_after(text, "14") == {"%"}
    assert units_after(text, "4") == frozenset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a phase III trial", {"3"}),
        ("phase 1b/2", {"1b", "2", "1b/2"}),
        ("phases I and II", {"1", "2", "1/2"}),
        ("phase 1 and 20 patients", {"1"}),
    ],
)
def test_phases_in_roman_and_arabic_are_the_same(text: str, expected: set[str]) -> None:
    assert phases(text) == expected


def test_a_phase_is_confirmed_by_its_parts_but_not_by_another() -> None:
    assert confirms(phase_cell("Ib/II"), "1/2")
    assert confirms(phases("phase Ib"), "1")
    assert not confirms(phases("phase I"), "1b")
    assert not confirms(phases("phase II"), "3")


def test_a_status_is_read_whole() -> None:
    assert statuses("Active, not recruiting") == {"active, not recruiting"}
    assert statuses("Not yet recruiting") == {"not yet recruiting"}


# --- Places -------------------------------------------------------------------------------------------


def test_a_review_is_cut_without_fault(alpha: Review, beta: Review) -> None:
    assert alpha.faults == []
    assert beta.faults == []
    assert set(alpha.passages) == set(SOURCES[0]["sections"])


def test_a_section_holds_its_own_text_only(alpha: Review) -> None:
    assert alpha.passages["2. Drugs"].text == ""
    conjugates = alpha.passages["2.1. Conjugates"].text
    assert conjugates.startswith("Conjugates. T-DM1 In the ALPHA01")
    assert conjugates.endswith("Conjugates as a class cause nausea.")
    assert "NCT01234567" not in conjugates


def test_words_broken_by_a_figure_and_a_page_are_joined(alpha: Review) -> None:
    introduction = alpha.passages["1. Introduction"].text
    assert "trastuzumab and microtubule inhibitors" in introduction
    assert "41 receptors" not in introduction
    assert "41 receptors" in alpha.passages["Figure 1"].text


def test_what_stands_behind_the_last_section_belongs_to_none(alpha: Review) -> None:
    assert not any("5555." in passage.text or "First" in passage.text for passage in alpha.passages.values())


def test_headings_run_in_and_printed_with_marks_are_found(alpha: Review, beta: Review) -> None:
    assert alpha.passages["Simple Summary"].text == "Simple Summary. Two sentences about 77 tumours."
    assert "TGFβ1" in alpha.passages["2.2. Markers of β-catenin and NF-κB"].text
    run_in = beta.passages["1.1. Monoclonal antibodies"].text
    assert run_in.startswith("Monoclonal antibodies. mAbs such as trastuzumab")
    assert run_in.endswith("12 weeks.")


def test_an_abstract_without_heading_is_the_paragraph_before_the_key_words(beta: Review) -> None:
    assert beta.passages["Abstract"].text == "Abstract. An abstract without heading, with 33 patients."


def test_a_table_goes_on_over_a_page_break_and_fills_its_blank_cells(alpha: Review) -> None:
    table = alpha.passages["Table 1"].table
    assert table is not None
    assert table.rows_with("NCT07654321") == (("T-DM1", "NCT07654321", "I/II", "Recruiting", "Brain metastases"),)
    assert table.rows_with("NCT09999999")[0][-1] == "Early disease with a very long of 320 patients"
    assert len(table.rows_with("NCT05555555")) == 1
    assert table.notes == ("MT: microtubules.",)


def test_a_trial_is_compared_with_its_own_rows(alpha: Review) -> None:
    row = alpha.passages["Table 1"].about("NCT05555555")
    assert "KN026" in row.text
    assert "T-DM1" not in row.text


def test_a_listed_heading_that_is_not_printed_is_a_fault() -> None:
    review = Review(Source.model_validate(SOURCES[0]), ALPHA.replace("2.1. *Conjugates*", "2.1. *Antibodies*"))
    assert any("'2.1. Conjugates' stands nowhere" in fault for fault in review.faults)
    assert any("not listed: '2.1. Antibodies'" in fault for fault in review.faults)


def test_a_heading_printed_twice_is_a_fault() -> None:
    review = Review(Source.model_validate(SOURCES[0]), ALPHA.replace("Funding: none", "2.1. Conjugates\n\nFunding: no"))
    assert any("'2.1. Conjugates' stands more than once" in fault for fault in review.faults)


def test_a_table_without_rows_is_no_table() -> None:
    review = Review(Source.model_validate(SOURCES[0]), ALPHA.replace("\t", " "))
    assert any("'Table 1' stands nowhere" in fault for fault in review.faults)


# --- References ---------------------------------------------------------------------------------------


def test_reference_lists_are_read_with_lost_numbers_and_page_breaks(alpha: Review, beta: Review) -> None:
    assert (alpha.reference_count, beta.reference_count) == (9, 3)
    assert alpha.reference(3) == "Author, C. Third. continued on the next page."
    assert beta.reference(1) == "Sung H, Ferlay J, et al. First. (2021) 71:209."
    assert beta.reference(2) == "Choi HJ, Jin S. CDK12 drives IRS1-ErbB- PI3K signaling. EMBO Rep (2019)."
    assert alpha.reference(10) is None


def test_ranges_of_reference_numbers_are_written_out(alpha: Review, beta: Review) -> None:
    assert alpha.passages["2.1. Conjugates"].references == {3, 4, 5, 7}
    assert beta.passages["1 Introduction"].references == {1, 3}
    marks = ReferenceMarks("[1]", 200)
    assert marks.printed_in("[12,13] [98-101] [100,102]") == {12, 13, 98, 99, 100, 101, 102}
    assert marks.printed_in("[NCT01234567] [Figure 2] (1)") == frozenset()


def test_reference_numbers_are_no_figures(alpha: Review, beta: Review) -> None:
    assert "3" not in alpha.passages["2.1. Conjugates"].figures
    assert beta.passages["1 Introduction"].figures == ("1998", "2022")


def test_an_entry_out_of_order_is_no_reference() -> None:
    assert reference_list(["1. A, B. One.", "7. C, D. Seven."]) == {1: "A, B. One."}


# --- The whole check ----------------------------------------------------------------------------------


def _checked(report: VerificationReport, name: str) -> Status:
    return next(one.status for one in report.claims if one.claim.name == name)


def test_a_sound_knowledge_base_verifies_and_the_statuses_are_told_apart(texts: Path) -> None:
    report = verify(_data(_raw_knowledge()), texts)
    assert [str(failure) for failure in report.failures] == []
    assert report.ok
    assert _checked(report, "alpha01, outcome 1 (PFS)") is Status.BY_FIGURE
    assert _checked(report, "therapy.t-dm1") is Status.BY_FIGURE
    assert _checked(report, "biomarker.pik3ca") is Status.BY_NAME
    assert _checked(report, "t-dm1, toxicity 1") is Status.BY_NAME
    assert _checked(report, "t-dm1, toxicity 2") is Status.NOT_CHECKABLE
    assert _checked(report, "caution.heart") is Status.NOT_CHECKABLE
    assert sum(report.counts.values()) == len(report.claims)


def test_a_claim_that_names_nothing_is_citation_only(texts: Path) -> None:
    raw = _raw_knowledge()
    raw["discrepancies"][0]["readings"][0]["says"] = "It is said otherwise."
    report = verify(_data(raw), texts)
    assert _checked(report, "D01, reading of beta") is Status.CITATION_ONLY


def test_what_only_the_outside_source_can_hold_is_listed(texts: Path) -> None:
    report = verify(_data(_raw_knowledge()), texts)
    caution = next(one for one in report.claims if one.claim.entry == "caution.heart")
    assert caution.not_compared == ("figure 50 is not there",)


def test_a_cited_place_that_holds_nothing_of_the_claim_is_pointed_at(texts: Path) -> None:
    raw = _raw_knowledge()
    raw["rules"][2]["cites"].append({"source": "beta", "at": "Abstract"})
    report = verify(_data(raw), texts)
    assert report.ok
    claim = next(one for one in report.claims if one.claim.entry == "biomarker.pik3ca")
    assert claim.to_read == ("beta, Abstract holds nothing that the claim names",)


def test_a_tested_gene_that_no_cited_place_names_is_pointed_at(texts: Path) -> None:
    raw = _raw_knowledge()
    raw["rules"][2]["when"] = {"any": [{"alterations": {"contains_any": ["PIK3CA:loss", "MET:amplification"]}}]}
    report = verify(_data(raw), texts)
    claim = next(one for one in report.claims if one.claim.entry == "biomarker.pik3ca")
    assert claim.to_read == ("the condition tests MET, which no cited place names",)


def test_the_report_names_claim_place_and_what_is_missing(texts: Path) -> None:
    raw = _raw_knowledge()
    raw["rules"][0]["offer"]["because"] = "PFS of 9.7 months in ALPHA01."
    text = render_text(verify(_data(raw), texts))
    assert "therapies/a.yaml:12: therapy.t-dm1: figure 9.7 is not there (alpha, 2.1. Conjugates)" in text
    assert "1 failure" in text


def test_the_verbose_report_lists_what_was_compared(texts: Path) -> None:
    text = render_text(verify(_data(_raw_knowledge()), texts), verbose=True)
    assert "found: figure 0.65; figure 9.6 months; figure 6.4 months; interval 0.55 to 0.77; p < 0.001" in text
    assert "left to the outside source: figure 50 is not there" in text
    assert text.endswith("no failure")


def test_nothing_to_check_is_not_a_success(texts: Path) -> None:
    empty = {key: [] for key in _raw_knowledge()} | {"sources": copy.deepcopy(SOURCES)}
    report = verify(_data(empty), texts)
    assert not report.ok
    assert "nothing was checked" in render_text(report)


def test_a_choice_is_confirmed_by_the_class_that_its_drugs_share(texts: Path) -> None:
    raw = _raw_knowledge()
    raw["drugs"] += [{"id": "paclitaxel", "name": "Paclitaxel", "classes": ["taxane"], "status": "listed"}]
    raw["regimens"][0]["components"].append({"any_of": ["docetaxel", "paclitaxel"]})
    assert any("one of Docetaxel, Paclitaxel is not there" in one.message for one in verify(_data(raw), texts).failures)
    (texts / "alpha.txt").write_text(ALPHA.replace("T-DXd binds", "A taxane and T-DXd bind"), encoding="utf-8")
    assert verify(_data(raw), texts).ok


def test_a_class_stands_for_a_drug_only_where_the_claim_speaks_of_the_class(texts: Path) -> None:
    raw = _raw_knowledge()
    toxicity = raw["drugs"][5]["toxicities"][0]
    toxicity["cites"] = [{"source": "beta", "at": "1.1. Monoclonal antibodies"}]
    toxicity["text"] = "Damage to the heart."
    assert any("drug 'Trastuzumab emtansine' is not" in one.message for one in verify(_data(raw), texts).failures)
    raw["drugs"][5]["classes"] = ["anti-her2-antibody"]
    assert not verify(_data(raw), texts).ok
    toxicity["text"] = "Antibodies damage the heart."
    assert verify(_data(raw), texts).ok


def test_an_agent_that_no_review_names_is_confirmed_by_its_class(texts: Path) -> None:
    raw = _raw_knowledge()
    unnamed = {"id": "tribody", "name": "Tribody", "status": "investigational", "cites": [CONJUGATES]}
    raw["drugs"].append({**unnamed, "classes": ["anti-her2-adc"]})
    assert verify(_data(raw), texts).ok
    raw["drugs"][-1]["classes"] = ["her2-vaccine"]
    assert not verify(_data(raw), texts).ok


def test_a_value_that_was_not_reached_is_looked_for_in_words(texts: Path) -> None:
    raw = _raw_knowledge()
    raw["evidence"][0]["outcomes"][0]["ci"] = ["0.55", "NE"]
    assert any("interval 0.55 to NE" in one.message for one in verify(_data(raw), texts).failures)
    (texts / "alpha.txt").write_text(ALPHA.replace("14% responses", "OS not estimable"), encoding="utf-8")
    assert verify(_data(raw), texts).ok


def test_a_loaded_knowledge_base_is_verified_by_its_entries(texts: Path) -> None:
    knowledge = cast(Knowledge, SimpleNamespace(data=_data(_raw_knowledge())))
    assert run(knowledge, texts).ok


def test_missing_texts_are_named(tmp_path: Path) -> None:
    (tmp_path / "beta.txt").write_text(BETA, encoding="utf-8")
    with pytest.raises(MissingTextsError, match=r"alpha\.txt"):
        verify(_data(_raw_knowledge()), tmp_path)


# --- Mutations: each makes a sound knowledge base fail ------------------------------------------------


def _change(*path: str | int, to: object) -> Callable[[Raw], None]:
    def change(raw: Raw) -> None:
        node: Any = raw
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = to

    return change


_OUTCOME = ("evidence", 0, "outcomes", 0)
_RULE = ("rules", 0)

MUTATIONS: dict[str, tuple[Callable[[Raw], None], str]] = {
    "a digit of a value": (_change(*_OUTCOME, "values", 0, "value", to="9.7"), "figure 9.7 months"),
    "a lost digit of a value": (_change(*_OUTCOME, "values", 1, "value", to="6"), "figure 6 months"),
    "a figure that is part of another": (_change(*_OUTCOME, "values", 1, "value", to="0.5"), "figure 0.5 months"),
    "a zero dropped or added": (_change(*_OUTCOME, "hazard_ratio", to="0.650"), "figure 0.650"),
    "a figure of another result": (
        _change(*_OUTCOME, "values", 1, "value", to="10.5"),
        "one statement with 0.55, 0.65, 0.77, 9.6, 10.5",
    ),
    "a unit": (_change(*_OUTCOME, "unit", to="weeks"), "figure 9.6 weeks"),
    "a digit of an interval": (_change(*_OUTCOME, "ci", to=["0.55", "0.78"]), "interval 0.55 to 0.78"),
    "an interval of two unrelated figures": (_change(*_OUTCOME, "ci", to=["0.55", "9.6"]), "interval 0.55 to 9.6"),
    "the sign of p": (_change(*_OUTCOME, "p", to="=0.001"), "p = 0.001"),
    "a digit of p": (_change(*_OUTCOME, "p", to="<0.01"), "p < 0.01"),
    "a time": (_change(*_OUTCOME, "at_time", to="12 months"), "figure 12"),
    "the number of patients": (_change("evidence", 0, "arms", 0, "patients", to=320), "figure 320"),
    "a digit in a summary": (_change("evidence", 0, "summary", to="PFS of 9.8 months."), "figure 9.8"),
    "a count in words": (_change("evidence", 0, "population", to="at least three prior lines"), "figure 3"),
    "the phase of a study": (_change("evidence", 0, "phase", to="II"), "phase 2"),
    "the name of a study": (_change("evidence", 0, "name", to="ALPHA02"), "study 'ALPHA02'"),
    "a study in a text": (_change(*_RULE, "offer", "because", to="Better in ALPHA03."), "study 'ALPHA03'"),
    "a study that nobody knows": (_change(*_RULE, "offer", "because", to="Better in MARIANNE."), "name 'MARIANNE'"),
    "a score": (_change(*_RULE, "title", to="T-DM1 for IHC 3+"), "score 3+"),
    "the drug of an arm": (_change("evidence", 0, "arms", 0, "drugs", to=["lapatinib"]), "drug 'Lapatinib'"),
    "a drug in a text": (_change(*_RULE, "title", to="Lapatinib after trastuzumab"), "drug 'Lapatinib'"),
    "the antibody for its conjugate": (_change(*_RULE, "title", to="Trastuzumab"), "drug 'Trastuzumab'"),
    "the drug that a rule is about": (
        _change("rules", 2, "modifies", "on", "drugs", to=["kn026"]),
        "drug 'KN026' is not there",
    ),
    "a gene": (_change("rules", 2, "modifies", "marker", to="MET"), "gene 'MET'"),
    "a year": (_change("drugs", 5, "approvals", 0, "year", to="2014"), "figure 2014"),
    "a section": (_change(*_RULE, "cites", 0, "at", to="1. Introduction"), "figure 9.6"),
    "a section for one that is not there": (_change(*_RULE, "cites", 0, "at", to="2.3. Conjugates"), "no section"),
    "a section for its empty parent": (_change(*_RULE, "cites", 0, "at", to="2. Drugs"), "no text of its own"),
    "a section for the table in it": (_change(*_RULE, "cites", 0, "at", to="Table 1"), "figure 9.6"),
    "a section of an outside source": (_change("rules", 1, "cites", 1, "at", to="6 Warnings"), "lists no section"),
    "a table for its section": (_change("trials", 0, "cites", 0, "at", to="2.1. Conjugates"), "NCT01234567"),
    "a source": (_change(*_RULE, "cites", 0, "source", to="beta"), "no section"),
    "a source for one with the same section": (
        _change("discrepancies", 0, "readings", 0, to={"source": "alpha", "at": "Abstract", "says": "12 weeks"}),
        "figure 12",
    ),
    "a source that nobody knows": (_change(*_RULE, "cites", 0, "source", to="gamma"), "no source is called"),
    "a reference number": (_change(*_RULE, "cites", 0, "reference", to=[2]), "reference 2 is not printed there"),
    "a reference number beyond the list": (_change(*_RULE, "cites", 0, "reference", to=[10]), "ends at 9"),
    "a reference where numbers restart": (_change("sources", 0, "references_restart_per_section", to=True), "restart"),
    "a trial identifier": (_change("trials", 0, "id", to="NCT01234568"), "NCT01234568"),
    "a trial identifier in a text": (_change(*_RULE, "title", to="T-DM1 (NCT01234567)"), "NCT01234567"),
    "the phase of a trial": (_change("trials", 0, "phase", to="II"), "phase 2"),
    "the drug of another row": (_change("trials", 0, "drugs", to=["kn026"]), "drug 'KN026'"),
    "the status of another row": (_change("trials", 0, "status", 0, "status", to="Recruiting"), "status 'recruiting'"),
    "the count of another row": (_change("trials", 0, "population", to="320 patients"), "figure 320"),
    "a therapy on an outside source": (
        _change(*_RULE, "cites", to=[{"source": "label", "at": "5 Warnings"}]),
        "may not rest on an outside source alone",
    ),
    "a figure of ours without citation": (
        _change("criteria", 0, "because", to="Within 6 months."),
        "says something and cites nothing",
    ),
    "a description without citation": (_change("drugs", 0, "payload", to="none"), "says something and cites nothing"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_change_in_the_knowledge_base_fails(mutation: str, texts: Path) -> None:
    change, message = MUTATIONS[mutation]
    raw = _raw_knowledge()
    change(raw)
    report = verify(_data(raw), texts)
    assert not report.ok
    assert any(message in failure.message for failure in report.failures), [str(one) for one in report.failures]


@pytest.mark.parametrize(
    ("printed", "changed"),
    [
        ("9.6 vs. 6.4 months", "9.5 vs. 6.4 months"),
        ("9.6 vs. 6.4 months", "19.6 vs. 6.4 months"),
        ("0.55–0.77", "0.55–0.7"),
        ("NCT01234567", "NCT01234576"),
        ("lapatinib resistance", "lapatinab resistance"),
        ("ALPHA01", "ALPHA11"),
        ("2.1. *Conjugates*", "2.1. *Antibodies*"),
        ("*PIK3CA*", "*PIK3CB*"),
        ("[3–5]", "[4–5]"),
        ("3. Author, C. Third.", "3) Author, C. Third."),
    ],
)
def test_a_change_in_the_text_fails(printed: str, changed: str, texts: Path) -> None:
    assert printed in ALPHA
    (texts / "alpha.txt").write_text(ALPHA.replace(printed, changed), encoding="utf-8")
    assert not verify(_data(_raw_knowledge()), texts).ok
