"""From the files' bytes to validated entries, each with its position, and every fault of form."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import BaseModel, ValidationError

from her2cds.errors import KnowledgeFault
from her2cds.knowledge.catalogue import Combination, Discrepancy, Drug, DrugClass, Gene, Regimen, Source
from her2cds.knowledge.evidence import Evidence
from her2cds.knowledge.fault_words import worded
from her2cds.knowledge.files import LIST_KINDS, MAPPING_KINDS, OVERLAY_KIND, RULE_FOLDERS, RuleFile
from her2cds.knowledge.overlay_model import Overlay
from her2cds.knowledge.rules import Criterion, FactDefinition, Manifest, Ranking, Rule, Trial
from her2cds.knowledge.yaml_reader import Document, read_yaml
from her2cds.suggest import did_you_mean

MODELS: dict[str, type[BaseModel]] = {
    "manifest": Manifest,
    "ranking": Ranking,
    "vocabulary": FactDefinition,
    "sources": Source,
    "drug_classes": DrugClass,
    "drugs": Drug,
    "combinations": Combination,
    "genes": Gene,
    "regimens": Regimen,
    "discrepancies": Discrepancy,
    "evidence": Evidence,
    "criteria": Criterion,
    "trials": Trial,
    OVERLAY_KIND: Overlay,
}
# Checks of other entries read what these hold, not only their ids: an entry that fails is then missed.
_READ_BY_CHECKS = ("vocabulary", "sources", "ranking", "classification")


@dataclass(frozen=True, slots=True)
class LocatedEntry:
    """A validated entry with its kind, its document and its position there."""

    kind: str
    entry: BaseModel
    document: Document
    index: int | None

    @property
    def entry_id(self) -> str:
        """The entry's id; the kind for the two mapping files."""
        return str(getattr(self.entry, "id", self.kind)) if self.index is not None else self.kind

    def line(self, *path: str | int) -> int:
        """Line of a field below the entry."""
        return self.document.line(path if self.index is None else (self.index, *path))

    def fault(self, message: str, suggestion: str = "", *path: str | int) -> KnowledgeFault:
        """A fault about this entry, at the given field."""
        return KnowledgeFault(self.document.file, self.line(*path), self.entry_id, message, suggestion)


@dataclass(slots=True)
class Validated:
    """The entries that are sound, kind and id of those that are not, and all faults.

    `unread` are the kinds of which a part could not be read, so that nothing can be said of what refers to it.
    """

    entries: list[LocatedEntry] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    faults: list[KnowledgeFault] = field(default_factory=list)


def validate_files(files: tuple[RuleFile, ...]) -> Validated:
    """Read and validate every file."""
    result = Validated()
    faults = result.faults
    for file in files:
        model = _model_for(file, faults)
        if model is None:
            continue
        try:
            text = file.content.decode("utf-8")
        except UnicodeDecodeError as error:
            faults.append(KnowledgeFault(file.shown, 1, "", f"not UTF-8 at byte {error.start}"))
            result.unread.add(file.kind)
            continue
        document = read_yaml(file.shown, text)
        faults += document.faults
        if document.faults and not document.tree:
            result.unread.add(file.kind)
        else:  # with a duplicate key, say, the rest of the file is still read
            _validate_entries(file.kind, model, document, result)
    return result


def _model_for(file: RuleFile, faults: list[KnowledgeFault]) -> type[BaseModel] | None:
    if file.kind in RULE_FOLDERS:
        return Rule
    model = MODELS.get(file.kind)
    if model is None:
        kinds = (*MAPPING_KINDS, *LIST_KINDS, *RULE_FOLDERS)
        faults.append(
            KnowledgeFault(file.shown, 1, "", f"unknown kind of file '{file.kind}'", did_you_mean(file.kind, kinds))
        )
    return model


def _validate_entries(kind: str, model: type[BaseModel], document: Document, result: Validated) -> None:
    if kind in (*MAPPING_KINDS, OVERLAY_KIND):
        raw_entries: list[tuple[int | None, object]] = [(None, document.tree)]
    elif isinstance(document.tree, list):
        raw_entries = list(enumerate(document.tree))
    else:
        hint = "start each entry with `- id: …`"
        result.faults.append(KnowledgeFault(document.file, 1, "", "expected a list of entries", hint))
        result.unread.add(kind)
        return
    for index, raw in raw_entries:
        try:
            result.entries.append(LocatedEntry(kind, model.model_validate(raw), document, index))
        except ValidationError as error:
            entry_id = str(raw.get("id", "")) if isinstance(raw, dict) else ""
            result.broken.append((kind, entry_id))
            if kind in _READ_BY_CHECKS or not entry_id:
                result.unread.add(kind)
            for one in worded(error.errors(), model):
                line = document.line(one.path if index is None else (index, *one.path))
                result.faults.append(KnowledgeFault(document.file, line, entry_id, str(one), one.suggestion))
