"""A release of the knowledge base as a list of hashes: making the list, and finding what differs from it.

The list says that files are as they were released. That the list itself is the releaser's own is said by a minisign
signature beside it, which is made with minisign and only verified here: no secret key ever comes near this program.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from her2cds.errors import IntegrityError
from her2cds.knowledge.citations import Entry
from her2cds.knowledge.files import RuleFile, content_hash

RELEASE_FILE = "release.json"
RELEASE_FORMAT: Literal["her2cds-release/1"] = "her2cds-release/1"
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ReleaseManifest(Entry):
    """What was released: the knowledge base's id and version, the hash of the whole, and that of each file."""

    format: Literal["her2cds-release/1"] = RELEASE_FORMAT
    id: str
    version: str
    content_hash: Sha256
    files: dict[str, Sha256]

    def to_json(self) -> str:
        """The manifest as text; the same knowledge base gives the same bytes."""
        return json.dumps(self.model_dump(), indent=2, ensure_ascii=False) + "\n"


def make_manifest(files: tuple[RuleFile, ...], knowledge_id: str, version: str) -> ReleaseManifest:
    """The manifest of a knowledge base with these files."""
    return ReleaseManifest(
        id=knowledge_id,
        version=version,
        content_hash=content_hash(files),
        files={file.name: _sha256(file.content) for file in files},
    )


def read_manifest(content: bytes, name: str) -> ReleaseManifest:
    """The manifest in `content`. Raises IntegrityError where it is none; `name` is how the message calls it."""
    try:
        return ReleaseManifest.model_validate_json(content)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        message = f"{name}: not a release manifest ({where or 'file'}: {error.errors()[0]['msg']})"
        raise IntegrityError(f"{message}; make one with `her2cds kb release-manifest`") from None


def differences(manifest: ReleaseManifest, files: tuple[RuleFile, ...]) -> tuple[str, ...]:
    """What differs from the release, file by file: changed, missing, not part of it. Empty if all is as released."""
    found = {file.name: _sha256(file.content) for file in files}
    result = []
    for name in sorted({*manifest.files, *found}):
        if name not in found:
            result.append(f"missing: {name}")
        elif name not in manifest.files:
            result.append(f"not part of the release: {name}")
        elif found[name] != manifest.files[name]:
            result.append(f"changed: {name}")
    if not result and content_hash(files) != manifest.content_hash:
        result.append("the manifest's own content hash does not fit its files")
    return tuple(result)


def verify_signature(content: bytes, signature: Path, public_key: Path) -> str:
    """Check a minisign signature of `content`; returns its trusted comment.

    Raises IntegrityError where the signature is not that key's, or a file cannot be read; ImportError without the
    library of the extra `sign`.
    """
    import minisign  # imported late: an extra, and only releases are signed

    try:
        found = minisign.Signature.from_file(signature)
        minisign.PublicKey.from_file(public_key).verify(content, found)
    except OSError as error:
        raise IntegrityError(f"{error.filename}: {error.strerror}") from None
    except (minisign.Error, ValueError) as error:
        raise IntegrityError(f"{signature.name}: not a signature of this manifest by that key ({error})") from None
    return str(found.trusted_comment)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
