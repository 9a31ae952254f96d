"""Releases of the knowledge base: writing the manifest of hashes, and checking files against it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from her2cds.cli.options import Rules
from her2cds.cli.output import Exit, fail, open_knowledge, stdout
from her2cds.whole_files import write_file


def release_manifest(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="file to write (default: release.json in the knowledge base)")
    ] = None,
    rules: Rules = None,
) -> None:
    """Write the hash of every file of a sound knowledge base, to be checked with `kb verify --integrity`."""
    from her2cds.knowledge.files import bundled_rules, read_files
    from her2cds.knowledge.release import RELEASE_FILE, make_manifest

    base = open_knowledge(rules).knowledge.data.manifest  # only what passes every check is released
    root = rules or bundled_rules()
    made = make_manifest(read_files(root), base.id, base.version)
    path = output or root / RELEASE_FILE
    try:
        write_file(path, made.to_json().encode())
    except OSError as error:
        raise typer.Exit(int(fail(Exit.failed_check, f"{path}: {error.strerror}"))) from None
    stdout(f"{path}: {len(made.files)} files of {made.id} {made.version} ({made.content_hash[:12]})")
    stdout(f"sign it with: minisign -S -m {path}")


def verify_integrity(rules: Path | None, manifest: Path | None, public_key: Path | None) -> Exit:
    """Check the files against a manifest, and the manifest against its signature where a key is given."""
    from her2cds.errors import IntegrityError, KnowledgeError
    from her2cds.knowledge.files import bundled_rules, read_files
    from her2cds.knowledge.release import RELEASE_FILE, differences, read_manifest, verify_signature

    root = rules or bundled_rules()
    path = manifest or root / RELEASE_FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        hint = "make one with `her2cds kb release-manifest`, or give --manifest FILE"
        return fail(Exit.usage, f"{path}: no release manifest ({error.strerror}); {hint}")
    try:
        signed = ""
        if public_key is not None:
            signed = verify_signature(content, path.with_name(path.name + ".minisig"), public_key)
        made = read_manifest(content, path.name)
        found = differences(made, read_files(root))
    except (IntegrityError, KnowledgeError) as error:
        return fail(Exit.failed_check, str(error))
    except ImportError as error:
        return fail(Exit.usage, f"--public-key needs py-minisign: pip install 'her2cds[sign]' ({error})")
    for one in found:
        fail(Exit.failed_check, one)
    by = f"signature good ({signed})" if public_key else "signature not checked (give --public-key)"
    stdout(f"{made.id} {made.version}: {len(made.files)} files released, {len(found)} differences; {by}")
    return Exit.failed_check if found else Exit.ok
