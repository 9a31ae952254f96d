"""Mutation annotation files (MAF) to one genomic test per tumour sample.

A MAF lists what was found; which genes were looked at stands elsewhere. Without the panel's genes no gene counts as
unaltered. Silent changes and changes outside of the protein are listed, not taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date as Date
from typing import Any

from her2cds.errors import ProfileError, ProfileFault
from her2cds.interop.draft import Draft, Imported
from her2cds.interop.settle import settle
from her2cds.interop.table import Row, TableMapping, read_rows
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.protein_change import normalise_change

_GENE, _CLASS, _SAMPLE = "Hugo_Symbol", "Variant_Classification", "Tumor_Sample_Barcode"
_PROTEIN = ("HGVSp_Short", "HGVSp", "Protein_Change", "Amino_Acid_Change")
_STATUS = "Mutation_Status"
_MUTATION = (
    *("Missense_Mutation", "Nonsense_Mutation", "Nonstop_Mutation", "Frame_Shift_Del", "Frame_Shift_Ins"),
    *("In_Frame_Del", "In_Frame_Ins", "Splice_Site", "Translation_Start_Site"),
)
_NO_PROTEIN_CHANGE = (
    *("Silent", "Intron", "3'UTR", "5'UTR", "3'Flank", "5'Flank", "IGR", "RNA", "lincRNA", "Splice_Region"),
    *("Targeted_Region", "De_novo_Start_InFrame", "De_novo_Start_OutOfFrame"),
)
_NOT_IN_THE_TUMOUR = ("none", "wildtype", "loh")


def import_maf(
    content: bytes,
    knowledge: Knowledge,
    *,
    genes: Sequence[str] | None = None,
    profile: dict[str, Any] | None = None,
    sample: str | None = None,
    label: str = "mutation file",
    today: Date | None = None,
) -> list[Imported]:
    """One profile, holding one genomic test, for each tumour sample.

    `genes` are the genes that the assay covered, `profile` a profile that the test is added to (then the file must hold
    one sample, or `sample` name it). Raises ProfileError where the file cannot be read.
    """
    rows = list(read_rows(content, TableMapping(delimiter="\t", comment="#"), label))
    _check_columns(rows, label)
    samples = list(dict.fromkeys(row.cells[_SAMPLE] for row in rows))
    if sample is not None:
        if sample not in samples:
            raise ProfileError([ProfileFault("--sample", repr(sample), f"one of {len(samples)} samples")], label)
        samples = [sample]
    if profile is not None and len(samples) > 1:
        fault = ProfileFault("$", f"{len(samples)} samples", "one, for one profile", "Name one: --sample.")
        raise ProfileError([fault], label)
    now = today or Date.today()
    return [_one_sample(name, rows, knowledge, genes, profile, label, now) for name in samples]


def _check_columns(rows: Sequence[Row], label: str) -> None:
    if not rows:
        raise ProfileError([ProfileFault("$", "no row", "a MAF with a header and variants")], label)
    missing = [one for one in (_GENE, _CLASS, _SAMPLE) if one not in rows[0].cells]
    if missing:
        raise ProfileError([ProfileFault("header", f"no column '{one}'", "a MAF") for one in missing], label)


def _one_sample(
    sample: str,
    rows: Sequence[Row],
    knowledge: Knowledge,
    genes: Sequence[str] | None,
    profile: dict[str, Any] | None,
    label: str,
    today: Date,
) -> Imported:
    draft = Draft(f"{label}, sample {sample}")
    draft.tree.update(profile or {})
    tests = [*(draft.tree.get("genomic_tests") or []), {}]
    draft.tree["genomic_tests"] = tests
    path = f"genomic_tests[{len(tests) - 1}]"
    found: list[tuple[dict[str, str], str]] = []
    unclear: set[str] = set()
    own = [row for row in rows if row.cells[_SAMPLE] == sample]
    for row in own:
        alteration = _alteration(row, draft, unclear)
        if alteration is not None:
            found.append((alteration, f"line {row.line}"))
    if genes is not None:
        covered = sorted({knowledge.gene_names.find(one) or one for one in genes} - unclear)
        draft.put(f"{path}.genes_covered", covered, ["list of genes"])
    else:
        draft.ask("Which genes did the assay cover? Without the list no gene counts as unaltered.")
    if found:
        tests[-1]["alterations"] = [{} for _ in found]
    for index, (alteration, source) in enumerate(found):
        draft.put(f"{path}.alterations[{index}]", alteration, [source])
    settle(draft, knowledge, today)
    return draft.finish(len(own))


def _alteration(row: Row, draft: Draft, unclear: set[str]) -> dict[str, str] | None:
    """The alteration of one line, or None with the reason in the draft."""
    gene, kind, source = row.cells[_GENE], row.cells[_CLASS], f"line {row.line}"
    if row.cells.get(_STATUS, "").casefold() in _NOT_IN_THE_TUMOUR:
        draft.aside(source, f"{gene}, {row.cells[_STATUS]}", "not a mutation of the tumour")
        return None
    if kind in _NO_PROTEIN_CHANGE:
        draft.aside(source, f"{gene}, {kind}", "it changes no protein")
        return None
    if kind not in _MUTATION or not gene or gene == "Unknown":
        unclear.add(gene)
        draft.unread(source, f"{gene or 'no gene'}, {kind or 'no class'}", "no class of variant that the import reads")
        return None
    text = next((row.cells[one] for one in _PROTEIN if row.cells.get(one)), "")
    change = normalise_change(text) if text else None
    if text and change is None:
        draft.unread(source, f"{gene} {text}", "no protein change that can be read; the gene is taken as mutated")
    if change is not None and change.endswith("="):
        draft.aside(source, f"{gene} {text}", "a silent change")
        return None
    return {"gene": gene, "kind": "mutation", **({"protein_change": change} if change else {})}
