"""The release manifest: every way in which files can differ from a release is found, and so is a foreign signature."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from her2cds.cli.app import app
from tests.conftest import PROJECT


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "rules", tmp_path / "rules")
    (tmp_path / "rules" / "release.json").unlink(missing_ok=True)
    return tmp_path / "rules"


def kb(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["kb", *(str(one) for one in arguments)])


@pytest.fixture
def released(rules: Path) -> Path:
    assert kb("release-manifest", "--rules", rules).exit_code == 0
    return rules


def verify(rules: Path, *arguments: str | Path) -> Any:
    return kb("verify", "--integrity", "--rules", rules, *arguments)


def test_what_was_released_is_found_whole(released: Path) -> None:
    result = verify(released)
    assert result.exit_code == 0
    assert "0 differences; signature not checked" in result.output


def test_the_same_knowledge_base_gives_the_same_manifest(released: Path) -> None:
    first = (released / "release.json").read_bytes()
    kb("release-manifest", "--rules", released)
    assert (released / "release.json").read_bytes() == first


def change(rules: Path) -> None:
    path = rules / "therapies" / "second-line.yaml"
    path.write_text(path.read_text().replace("preferred", "alternative", 1))


def remove(rules: Path) -> None:
    (rules / "therapies" / "early.yaml").unlink()


def add(rules: Path) -> None:
    (rules / "therapies" / "more.yaml").write_text("[]")


@pytest.mark.parametrize(
    ("damage", "mention"),
    [
        (change, "changed: therapies/second-line.yaml"),
        (remove, "missing: therapies/early.yaml"),
        (add, "not part of the release: therapies/more.yaml"),
    ],
)
def test_every_difference_is_named(damage: Callable[[Path], None], mention: str, released: Path) -> None:
    damage(released)
    result = verify(released)
    assert result.exit_code == 1
    assert mention in result.output


def test_a_manifest_that_contradicts_itself_is_refused(released: Path) -> None:
    path = released / "release.json"
    path.write_text(path.read_text().replace('"content_hash": "', '"content_hash": "0')[:-1])
    assert "not a release manifest (content_hash" in verify(released).output
    text = path.read_text().replace('"content_hash": "0', '"content_hash": "')
    first = text.split('"content_hash": "')[1][0]
    swapped = "0" if first != "0" else "1"
    path.write_text(text.replace(f'"content_hash": "{first}', f'"content_hash": "{swapped}'))
    assert "content hash does not fit" in verify(released).output


@pytest.mark.parametrize("content", ["", "[]", "{", '{"format": "other"}'])
def test_what_is_no_manifest_is_refused(content: str, rules: Path) -> None:
    (rules / "release.json").write_text(content)
    result = verify(rules)
    assert result.exit_code == 1
    assert "not a release manifest" in result.output


def test_without_a_manifest_the_command_says_how_to_make_one(rules: Path) -> None:
    result = verify(rules)
    assert result.exit_code == 2
    assert "kb release-manifest" in result.output


def test_a_faulty_knowledge_base_is_not_released(rules: Path) -> None:
    path = rules / "therapies" / "second-line.yaml"
    path.write_text(path.read_text().replace("category: preferred", "category: best", 1))
    assert kb("release-manifest", "--rules", rules).exit_code == 4
    assert not (rules / "release.json").exists()


def test_verify_wants_one_kind_of_check() -> None:
    assert kb("verify").exit_code == 2
    assert kb("verify", "--integrity", "--texts", "x").exit_code == 2


def test_a_signature_is_good_only_for_its_key_and_its_manifest(released: Path, tmp_path: Path) -> None:
    minisign = pytest.importorskip("minisign", reason="needs the extra `sign`")
    ours, other = minisign.KeyPair.generate(), minisign.KeyPair.generate()
    keys = {}
    for name, pair in (("ours", ours), ("other", other)):
        keys[name] = tmp_path / f"{name}.pub"
        keys[name].write_bytes(bytes(pair.public_key))
    manifest = released / "release.json"
    signature = released / "release.json.minisig"
    assert verify(released, "--public-key", keys["ours"]).exit_code == 1  # not signed yet
    signature.write_bytes(bytes(ours.secret_key.sign(manifest.read_bytes())))
    assert "signature good" in verify(released, "--public-key", keys["ours"]).output
    assert verify(released, "--public-key", keys["other"]).exit_code == 1
    manifest.write_text(manifest.read_text().replace('"version": "', '"version": "9'))
    assert "not a signature of this manifest" in verify(released, "--public-key", keys["ours"]).output
