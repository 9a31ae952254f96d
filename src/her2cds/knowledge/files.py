"""The files of a knowledge base: where it is, which kinds there are, their hash, and reading their bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from her2cds.errors import KnowledgeError, KnowledgeFault

MAPPING_KINDS = ("manifest", "ranking")
LIST_KINDS = (
    "vocabulary",
    "sources",
    "drug_classes",
    "drugs",
    "combinations",
    "genes",
    "regimens",
    "discrepancies",
    "evidence",
    "criteria",
    "trials",
)
RULE_FOLDERS = {
    "classification": "classification",
    "therapies": "therapy",
    "cautions": "caution",
    "biomarkers": "biomarker",
    "tests_to_request": "request",
}
_REQUIRED = (*MAPPING_KINDS, "vocabulary", "sources", "drug_classes", "drugs", "genes", "regimens")
OVERLAY_KIND = "overlay"
YAML_SUFFIXES = (".yaml", ".yml")
_MAX_FILE_BYTES = 4_000_000


def bundled_rules() -> Path:
    """The knowledge base that comes with the package: inside the wheel, or beside `src` in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "rules"
    return inside if inside.is_dir() else package.parent.parent / "rules"


class RuleFile(NamedTuple):
    """One file's content: its path relative to the root, with forward slashes, and its bytes.

    `folder` is what messages put before the name: empty for the base, the folder's name for an overlay.
    """

    name: str
    content: bytes
    folder: str = ""

    @property
    def kind(self) -> str:
        """The kind of its entries: the folder, or the file's stem."""
        head, slash, _ = self.name.partition("/")
        return head if slash else head.removesuffix(".yaml")

    @property
    def shown(self) -> str:
        """The file as messages name it."""
        return f"{self.folder}/{self.name}" if self.folder else self.name


def read_files(root: Path) -> tuple[RuleFile, ...]:
    """Every YAML file of the knowledge base in `root`, by name. Raises KnowledgeError where files are missing."""
    files = _read(root, "no knowledge base here: not a folder")
    present = {file.kind for file in files}
    faults = [KnowledgeFault(f"{kind}.yaml", 0, "", "the file is missing") for kind in _REQUIRED if kind not in present]
    if OVERLAY_KIND in present:
        hint = "give this folder with --overlay, beside a base"
        faults.append(KnowledgeFault("overlay.yaml", 1, "", "a knowledge base holds no overlay.yaml", hint))
    if faults:
        raise KnowledgeError(faults)
    return files


def read_overlay_files(root: Path) -> tuple[RuleFile, ...]:
    """Every YAML file of the overlay in `root`, sorted by name. Raises KnowledgeError where it is not an overlay."""
    files = _read(root, "no overlay here: not a folder", root.resolve().name)
    if not any(file.name == f"{OVERLAY_KIND}.yaml" for file in files):
        hint = "it says who changes what, when, why and on which source"
        raise KnowledgeError(
            [KnowledgeFault(f"{root.resolve().name}/overlay.yaml", 0, "", "the file is missing", hint)]
        )
    return files


def _read(root: Path, nothing: str, folder: str = "") -> tuple[RuleFile, ...]:
    if not root.is_dir():
        raise KnowledgeError([KnowledgeFault(str(root), 0, "", nothing)])
    faults: list[KnowledgeFault] = []
    files = []
    for path in sorted(_yaml_files(root, faults)):
        name = path.relative_to(root).as_posix()
        try:
            if not path.is_file():  # a link that leads nowhere, a pipe
                faults.append(KnowledgeFault(name, 0, "", "not a file", "put the file itself here, or remove it"))
            elif path.stat().st_size > _MAX_FILE_BYTES:
                faults.append(KnowledgeFault(name, 1, "", f"larger than {_MAX_FILE_BYTES} bytes", "split the file"))
            else:
                files.append(RuleFile(name, path.read_bytes(), folder))
        except OSError as error:
            faults.append(_unreadable(name, error))
    if faults:
        raise KnowledgeError(faults)
    return tuple(files)


def _yaml_files(root: Path, faults: list[KnowledgeFault]) -> Iterator[Path]:
    """The YAML files below a folder. Folders that cannot be looked into are faults: rules must not go missing."""

    def cannot_look(error: OSError) -> None:
        faults.append(_unreadable(Path(error.filename).relative_to(root).as_posix(), error))

    for place, folders, names in os.walk(root, onerror=cannot_look):
        for one in folders:
            path = Path(place, one)
            if path.is_symlink():
                name = path.relative_to(root).as_posix()
                hint = "put the folder itself here"
                faults.append(KnowledgeFault(name, 0, "", "a link to a folder, which is not followed", hint))
        yield from (path for name in names if (path := Path(place, name)).suffix in YAML_SUFFIXES)


def _unreadable(name: str, error: OSError) -> KnowledgeFault:
    found = f"cannot be read ({error.strerror or type(error).__name__})"
    return KnowledgeFault(name, 0, "", found, "give the user who runs this the right to read it")


def content_hash(files: tuple[RuleFile, ...]) -> str:
    """SHA-256 over names and bytes: equal exactly when the knowledge bases (or overlays) are."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\0{len(file.content)}\0".encode())
        digest.update(file.content)
    return digest.hexdigest()


def combined_hash(base: str, overlay: str) -> str:
    """The hash of a base with an overlay on top."""
    return hashlib.sha256(f"{base}\0{overlay}".encode()).hexdigest()
