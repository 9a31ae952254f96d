"""Elements that the exported resources share: related documents, notes, and what stands in place of what is empty."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from her2cds.knowledge.citations import Citation
from her2cds.rendering.plain import one_line
from her2cds.report.model import EvidenceShown, Report, SourceShown

Json = dict[str, Any]
Line = tuple[str, str]


def subject(report: Report) -> Json:
    """The patient: a reference where the profile's id may stand in one, else its text."""
    if report.patient_id and _is_id(report.patient_id):
        return {"reference": f"Patient/{report.patient_id}"}
    return {"display": report.patient_id or "the patient of the profile"}


def _is_id(text: str) -> bool:
    """Whether a profile's id may stand in a FHIR reference: FHIR ids have no underscore."""
    return all(one.isalnum() or one in "-." for one in text)


def text_of(lines: Iterable[Line]) -> str:
    """Labelled lines as text, one below the other; no text in them can begin a line of its own."""
    return "\n".join(one_line(f"{label}: {text}" if label else text) for label, text in lines)


def sentences(texts: Iterable[str]) -> str:
    """Sentences as one text."""
    return " ".join(text.strip() for text in texts if text.strip())


def notes(texts: Iterable[str]) -> list[Json]:
    """Annotations, those without text left out."""
    return [{"text": text} for text in texts if text.strip()]


def filled(resource: Json) -> Json:
    """Without what is empty: FHIR allows no empty value."""
    return {name: value for name, value in resource.items() if value not in (None, "", [], {})}


def study(shown: EvidenceShown) -> Json:
    """A study as a related document."""
    one = shown.study
    return filled(
        {
            "type": "documentation",
            "label": f"{one.name}, phase {one.phase}, level {one.level}",
            "display": one.summary,
            "citation": one.primary,
            "url": _doi(one.doi),
        }
    )


class Documents:
    """Citations as related documents, each with the full reference of its source."""

    def __init__(self, sources: Iterable[SourceShown]) -> None:
        self._sources = {one.id: one for one in sources}

    def of(self, citations: Iterable[Citation]) -> list[Json]:
        """The documents of these citations, each once."""
        return [self._document(one) for one in dict.fromkeys(citations)]

    def _document(self, citation: Citation) -> Json:
        source = self._sources.get(citation.source)
        references = f", reference {', '.join(map(str, citation.reference))}" if citation.reference else ""
        return filled(
            {
                "type": "documentation",
                "label": citation.source,
                "display": f"{citation.source}, {citation.at}{references}",
                "citation": source.citation if source else None,
                "url": _doi(source.doi) if source else None,
            }
        )


def _doi(doi: str | None) -> str | None:
    return f"https://doi.org/{doi}" if doi else None
