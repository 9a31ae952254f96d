"""Loading the knowledge base: every kind of fault is found, with file, line and suggestion, all in one pass."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from her2cds.errors import KnowledgeError
from her2cds.knowledge import cache
from her2cds.knowledge.build import ALL_CHECKS
from her2cds.knowledge.fault_words import FORMS
from her2cds.knowledge.files import content_hash, read_files
from her2cds.knowledge.load import load_knowledge_base
from her2cds.knowledge.rules import Rule
from her2cds.knowledge.validate import MODELS
from her2cds.knowledge.yaml_reader import read_yaml
from tests.conftest import PROJECT

pytestmark = pytest.mark.usefixtures("parsed_once")

ALL_MODELS = (Rule, *MODELS.values())
Edit = Callable[[str, str, str], Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "rules", tmp_path / "rules")
    return tmp_path / "rules"


@pytest.fixture
def edit(folder: Path) -> Edit:
    def apply(name: str, old: str, new: str) -> Path:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{name} no longer holds: {old}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return folder

    return apply


def faults_of(folder: Path) -> str:
    with pytest.raises(KnowledgeError) as caught:
        load_knowledge_base(folder, use_cache=False)
    return str(caught.value)


SECOND = "therapies/second-line.yaml"
FAULTS = [
    (
        "unknown fact",
        SECOND,
        "pathway.second_line: true",
        "pathway.second_lin: true",
        "did you mean 'pathway.second_line'",
    ),
    (
        "unknown value",
        "criteria/clinical.yaml",
        "her2.class: positive",
        "her2.class: positiv",
        "did you mean 'positive'",
    ),
    (
        "unknown drug",
        "criteria/clinical.yaml",
        "contains: pertuzumab",
        "contains: pertuzumap",
        "did you mean 'pertuzumab'",
    ),
    (
        "unknown criterion",
        SECOND,
        "criterion: her2-positive-advanced",
        "criterion: her2-positive-advance",
        "unknown criterion",
    ),
    ("unknown regimen", SECOND, "regimen: t-dxd", "regimen: t-dxt", "unknown regimen 't-dxt'"),
    ("unknown evidence", SECOND, "[destiny-breast03, ", "[destiny-breast3, ", "did you mean 'destiny-breast03'"),
    ("unknown source", SECOND, "source: guidi2023", "source: guidi2032", "did you mean 'guidi2023'"),
    ("unknown section", SECOND, "at: 7. Conclusions", "at: 7. Conclusion", "has no section '7. Conclusion'"),
    ("unknown situation", SECOND, "[stable-brain-metastases]", "[stable-brain]", "unknown situation"),
    ("unknown field", SECOND, "category: preferred", "categry: preferred", "unknown field 'categry'"),
    ("value outside the model", SECOND, "category: preferred", "category: best", "one of: preferred, alternative"),
    ("value in other letters", SECOND, "category: preferred", "category: Preferred", "did you mean 'preferred'?"),
    ("unknown field inside a field", SECOND, "category: preferred", "catgory: preferred", "did you mean 'category'?"),
    (
        "unknown field of a target",
        "cautions/safety.yaml",
        "on: {drugs:",
        "on: {drug:",
        "did you mean 'drugs'?",
    ),
    ("null for a text", SECOND, "title: Trastuzumab deruxtecan after", "title: null #", "'null' is no text"),
    ("no list", SECOND, "evidence: [emilia, kamilla]", "evidence: emilia", "evidence: expected a list"),
    (
        "no condition",
        "criteria/clinical.yaml",
        "when: {relapse.months_since_adjuvant_anti_her2: {at_most: 6}}",
        "when: relapse",
        "when: expected a condition",
    ),
    (
        "duplicate id",
        SECOND,
        "id: therapy.second-line.t-dm1",
        "id: therapy.second-line.t-dxd",
        "duplicate id; it stands first at",
    ),
    ("duplicate key", SECOND, "category: preferred", "category: preferred\n    category: preferred", "stands twice"),
    (
        "anchor",
        SECOND,
        "title: Trastuzumab deruxtecan after",
        "title: &x Trastuzumab deruxtecan after",
        "anchor or alias 'x'",
    ),
    ("tag", SECOND, "category: preferred", "category: !!str preferred", "tag 'tag:yaml.org,2002:str'"),
    ("broken YAML", SECOND, "  when:", "  when: [", "not valid YAML"),
    (
        "qi2024 with reference",
        SECOND,
        "at: 2.2.3. Antibody-drug conjugates}",
        "at: 2.2.3. Antibody-drug conjugates, reference: [3]}",
        "restarts",
    ),
    (
        "wrong folder",
        "therapies/continue.yaml",
        "offer:",
        "request: {test: x1, because: y2}\n  offer:",
        "exactly one of",
    ),
    (
        "never holds",
        "classification/disease.yaml",
        "- lines.metastatic: 1\n",
        "- lines.metastatic: 1\n      - lines.metastatic: {at_least: 2}\n",
        "the condition can never hold",
    ),
    (
        "cycle",
        "criteria/clinical.yaml",
        "when: {relapse.months_since_adjuvant_anti_her2: {at_most: 6}}",
        "when: {pathway.first_line: true}",
        "depends on itself",
    ),
    (
        "given fact derived",
        "classification/disease.yaml",
        'derive: {fact: brain.present, value: "true"}',
        "derive: {fact: brain.status, value: none}",
        "comes from the profile and cannot be derived",
    ),
    (
        "derived value outside its domain",
        "classification/her2.yaml",
        "derive: {fact: her2.class, value: zero}",
        "derive: {fact: her2.class, value: nil}",
        "'nil' is outside the domain",
    ),
    (
        "offer without evidence",
        SECOND,
        "evidence: [emilia, kamilla]",
        "evidence: []",
        "names at least one `evidence` entry",
    ),
    (
        "offer from outside the reviews",
        "therapies/continue.yaml",
        "source: qi2024, at: 2.2.1. Monoclonal antibodies",
        "source: asco-cap-2018, at: HER2 testing by immunohistochemistry",
        "needs a citation from one of the reviews",
    ),
    (
        "investigational drug offered as care",
        "therapies/later-lines.yaml",
        "regimen: abemaciclib-trastuzumab-fulvestrant\n    category: investigational",
        "regimen: abemaciclib-trastuzumab-fulvestrant\n    category: later_line",
        "offers an investigational drug as care",
    ),
    (
        "ambiguous name",
        "drugs.yaml",
        "[Taxotere]",
        "[Taxotere, Taxol]",
        "also belongs to",
    ),
    (
        "unknown strategy",
        "trials/linked.yaml",
        "strategy: CDK4/6 inhibitor",
        "strategy: CDK4/6 inhibitors",
        "did you mean 'CDK4/6 inhibitor'",
    ),
    (
        "status of a later time than its source",
        "trials/linked.yaml",
        'as_of: "2023-',
        'as_of: "2203-',
        "and the evidence of its source ends",
    ),
    (
        "situation with the id of a criterion",
        "ranking.yaml",
        "when: {brain.status: {in: [untreated, progressing]}}",
        "when: {brain.status: progressing}",
        "'active-brain-metastases' has another condition at criteria/clinical.yaml:",
    ),
    (
        "fact that nothing gives",
        "vocabulary.yaml",
        "- id: health.lvef\n",
        "- id: health.zz\n  type: bool\n  meaning: invented\n  origin: health.zz\n- id: health.lvef\n",
        "nothing in a profile gives this fact",
    ),
    (
        "category not ranked",
        "ranking.yaml",
        "special_situation, later_line]",
        "special_situation]",
        "'later_line' is missing from `categories`",
    ),
    ("ranking step twice", "ranking.yaml", "- id: evidence", "- id: category", "'category' stands more than once"),
    (
        "ranking step dropped",
        "ranking.yaml",
        "- id: evidence",
        "- id: category",
        "'evidence' is missing from `criteria`",
    ),
    (
        "needed fact unknown",
        "ranking.yaml",
        "[disease.setting, ",
        "[disease.settings, ",
        "did you mean 'disease.setting'",
    ),
    (
        "needed fact without a closed list",
        "ranking.yaml",
        "[disease.setting, ",
        "[patient.age, ",
        "not a closed list",
    ),
    ("strategy twice", "ranking.yaml", "  - cell therapy", "  - vaccine", "'vaccine' stands more than once"),
    (
        "situation twice",
        "ranking.yaml",
        "id: active-brain-metastases",
        "id: stable-brain-metastases",
        "'stable-brain-metastases' stands more than once",
    ),
    ("missing required field", SECOND, "    regimen: t-dxd\n", "", "required field is missing"),
    (
        "two conclusions",
        SECOND,
        "  evidence: [emilia, kamilla]",
        "  request: {test: x1, because: y2}\n  evidence: [emilia]",
        "exactly one of",
    ),
]


@pytest.mark.parametrize(("name", "file", "old", "new", "mention"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_each_fault_is_found_in_its_place(name: str, file: str, old: str, new: str, mention: str, edit: Edit) -> None:
    message = faults_of(edit(file, old, new))
    line = next(line for line in message.splitlines() if mention in line or mention in message)
    assert mention in message, name
    assert f"{file}:" in message, line


def test_the_line_is_the_line_of_the_fault(edit: Edit, folder: Path) -> None:
    edit(SECOND, "category: preferred", "category: best")
    number = next(
        index
        for index, line in enumerate((folder / SECOND).read_text().splitlines(), start=1)
        if "category: best" in line
    )
    assert f"{SECOND}:{number}: therapy.second-line.t-dxd:" in faults_of(folder)


def test_all_faults_are_reported_in_one_pass(edit: Edit, folder: Path) -> None:
    for name, file, old, new, _ in FAULTS:
        if name in ("unknown fact", "unknown drug", "unknown source", "duplicate key"):
            edit(file, old, new)
    edit("therapies/first-line.yaml", "category: preferred", "category: best")
    message = faults_of(folder)
    for mention in (
        "pathway.second_lin",
        "pertuzumap",
        "guidi2032",
        "stands twice",
        "category: 'best' is not known here",
    ):
        assert mention in message


def test_every_registered_check_has_a_failing_case() -> None:
    """A check that no case above can make fail would be a check that cannot fail."""
    shown = {
        "ids_are_unique": "duplicate id",
        "names_are_unambiguous": "ambiguous name",
        "rules_stand_in_their_folder": "rule in the wrong folder",
        "conditions_are_sound": "unknown fact",
        "derivations_are_stratified": "cycle",
        "citations_lead_somewhere": "unknown section",
        "outside_sources_only_restrict": "offer from outside the reviews",
        "references_resolve": "unknown regimen",
        "halted_and_investigational_drugs_are_not_care": "investigational drug offered as care",
        "offers_rest_on_evidence": "offer without evidence",
        "trials_have_a_known_strategy": "unknown strategy",
        "one_id_stands_for_one_condition": "situation with the id of a criterion",
        "given_facts_are_made": "fact that nothing gives",
        "ranking_is_complete": "ranking step dropped",
        "trial_statuses_are_as_old_as_their_source": "status of a later time than its source",
    }
    assert {check.__name__ for check in ALL_CHECKS} == set(shown)
    cases = {fault[0] for fault in FAULTS} | {"rule in the wrong folder"}
    assert set(shown.values()) <= cases


def test_rule_in_the_wrong_folder(folder: Path) -> None:
    shutil.copy(folder / "therapies/continue.yaml", folder / "cautions/continue.yaml")
    (folder / "therapies/continue.yaml").unlink()
    assert "a therapy rule does not belong into cautions/" in faults_of(folder)


def test_an_unknown_file_is_a_fault(folder: Path) -> None:
    (folder / "therapys.yaml").write_text("- id: x\n", encoding="utf-8")
    assert "unknown kind of file 'therapys'" in faults_of(folder)


UNREADABLE = {
    "a tab": b"\t- id: x\n",
    "an open bracket": b"- id: [x\n",
    "a colon in a text": b"- id: x\n  because: x: y\n",
    "a NUL": b"- id: x\0\n",
    "no UTF-8": b"- id: \xff\n",
    "nothing": b"",
    "an empty text": b'""\n',
    "an empty mapping": b"{}\n",
}


@pytest.mark.parametrize("what", UNREADABLE)
@pytest.mark.parametrize("name", [SECOND, "drugs.yaml", "vocabulary.yaml", "sources.yaml", "ranking.yaml"])
def test_a_file_that_cannot_be_read_gives_its_own_fault_and_no_other(name: str, what: str, folder: Path) -> None:
    (folder / name).write_bytes(UNREADABLE[what])
    with pytest.raises(KnowledgeError) as caught:
        load_knowledge_base(folder, use_cache=False)
    assert {fault.file for fault in caught.value.faults} == {name}
    assert "is checked once these faults are mended" in str(caught.value)


def test_a_list_file_without_a_list_says_what_is_expected(folder: Path) -> None:
    (folder / SECOND).write_text("{}\n", encoding="utf-8")
    assert f"{SECOND}:1: expected a list of entries" in faults_of(folder)


def test_other_references_are_checked_beside_a_file_that_cannot_be_read(edit: Edit, folder: Path) -> None:
    (folder / "drugs.yaml").write_text("- id: [x\n", encoding="utf-8")
    message = faults_of(edit(SECOND, "regimen: t-dxd", "regimen: t-dxt"))
    assert "unknown regimen 't-dxt'" in message
    assert "unknown drug" not in message


def test_an_entry_that_fails_gives_no_faults_of_what_refers_to_it(edit: Edit) -> None:
    for name, field in (("vocabulary.yaml", "  meaning:"), ("sources.yaml", "  role:"), ("drugs.yaml", "- id:")):
        with pytest.raises(KnowledgeError) as caught:
            load_knowledge_base(edit(name, field, field[:-2] + "x:"), use_cache=False)
        assert name in {fault.file for fault in caught.value.faults}
        assert {fault.file for fault in caught.value.faults} <= {"vocabulary.yaml", "sources.yaml", "drugs.yaml"}


@pytest.mark.parametrize("old", ["source: guidi2023", "at: 7. Conclusions"])
def test_a_wrong_citation_is_found_on_its_own_line(old: str, edit: Edit, folder: Path) -> None:
    edit(SECOND, old, f"{old}x")
    lines = (folder / SECOND).read_text(encoding="utf-8").splitlines()
    number = next(index for index, line in enumerate(lines, start=1) if f"{old}x" in line)
    assert f"{SECOND}:{number}: " in faults_of(folder)


def test_every_form_in_the_models_is_told_in_words() -> None:
    patterns = set(
        re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps([one.model_json_schema() for one in ALL_MODELS]))
    )
    assert {json.loads(one) for one in patterns} <= set(FORMS)


def test_a_missing_file_is_a_fault(folder: Path) -> None:
    (folder / "drugs.yaml").unlink()
    assert "drugs.yaml:0: the file is missing" in faults_of(folder)


def test_an_empty_file_is_a_fault(folder: Path) -> None:
    (folder / "therapies/continue.yaml").write_text("", encoding="utf-8")
    assert "therapies/continue.yaml:1: the file is empty" in faults_of(folder)


def test_no_folder_is_a_fault(tmp_path: Path) -> None:
    assert "not a folder" in faults_of(tmp_path / "nowhere")


def test_a_file_that_cannot_be_read_is_a_fault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_bytes = Path.read_bytes

    def denied(path: Path) -> bytes:
        if path.name == "drugs.yaml":
            raise PermissionError(13, "Permission denied", str(path))
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", denied)  # root may read everything
    assert "drugs.yaml:0: cannot be read (Permission denied)" in faults_of(folder)


def test_a_folder_that_cannot_be_looked_into_is_a_fault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def denied(path: Any) -> Any:
        if Path(path).name == "cautions":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    assert "cautions:0: cannot be read (Permission denied)" in faults_of(folder)


def test_a_link_is_read_where_it_leads_to_a_file_and_a_fault_where_its_rules_would_go_missing(folder: Path) -> None:
    elsewhere = folder.parent / "elsewhere"
    (folder / "drugs.yaml").rename(elsewhere)
    (folder / "drugs.yaml").symlink_to(elsewhere)
    assert len(read_files(folder)) == len(read_files(PROJECT / "rules"))
    elsewhere.unlink()
    assert "drugs.yaml:0: not a file" in faults_of(folder)
    (folder / "drugs.yaml").unlink()
    (folder / "cautions").rename(elsewhere)
    (folder / "cautions").symlink_to(elsewhere)
    assert "cautions:0: a link to a folder, which is not followed" in faults_of(folder)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the file is empty"),
        ("# only a comment\n", 1, "the file is empty"),
        ("a: 1\n---\nb: 2\n", 2, "a second document starts here"),
        ("a: 1\n? [b, c]\n: 2\n", 2, "a key is a list"),
        ("a: &x 1\n", 1, "anchor or alias 'x'"),
        ("a: *x\n", 1, "anchor or alias 'x'"),
        ("&x a: 1\n", 1, "anchor or alias 'x'"),
        ("a: !!int 3\n", 1, "tag 'tag:yaml.org,2002:int'"),
        ("a: {b: 1, b: {c: [1, 2]}}\n", 1, "key 'b' stands twice"),
        ("a: 1\nb: " + "[" * 5000 + "]" * 5000 + "\n", 2, "nested too deeply"),
        ("a: [1\n", 2, "not valid YAML"),
        ("a: \x00\n", 1, "not valid YAML"),
    ],
)
def test_what_a_reviewer_would_not_see_is_a_fault_with_its_line(text: str, line: int, message: str) -> None:
    (fault,) = read_yaml("x.yaml", text).faults
    assert fault.line == line
    assert fault.message.startswith(message)


def test_what_follows_a_faulty_key_is_read_all_the_same() -> None:
    document = read_yaml("x.yaml", "a: {b: 1, b: {c: [1, 2]}, d: 2}\ne: [3]\n")
    assert document.tree == {"a": {"b": "1", "d": "2"}, "e": ["3"]}
    assert (document.line(("e",)), document.line(("e", 0, "deeper"))) == (2, 2)


def test_scalars_stay_text() -> None:
    document = read_yaml("x.yaml", 'a: 0.50\nb: no\nc: "1e3"\nd: 2020-01-01\n')
    assert document.tree == {"a": "0.50", "b": "no", "c": "1e3", "d": "2020-01-01"}
    assert document.lines[("c",)] == 3


# --- Cache -----------------------------------------------------------------------------------------------


@pytest.fixture
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HER2CDS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.usefixtures("cache_folder")
def test_the_second_load_comes_from_the_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_knowledge_base(folder)
    monkeypatch.setattr("her2cds.knowledge.build.validate_files", lambda _: pytest.fail("the cache was not used"))
    second = load_knowledge_base(folder)
    assert second.data == first.data
    assert second.data.model_dump_json() == first.data.model_dump_json()
    changed = second.data.manifest.model_copy(update={"title": "changed"})
    assert changed.model_dump() == {**first.data.manifest.model_dump(), "title": "changed"}


@pytest.mark.usefixtures("cache_folder")
def test_a_changed_file_is_never_served_from_the_cache(edit: Edit, folder: Path) -> None:
    load_knowledge_base(folder)
    edit("manifest.yaml", "version: ", "version: 9")
    assert load_knowledge_base(folder).data.manifest.version.startswith("9")


@pytest.mark.parametrize("damage", [b"", b"not json", b"\x00" * 100])
def test_a_corrupt_cache_is_ignored_and_replaced(damage: bytes, folder: Path, cache_folder: Path) -> None:
    good = load_knowledge_base(folder).data
    (entry,) = cache_folder.glob("knowledge-*.json")
    entry.write_bytes(damage)
    assert load_knowledge_base(folder).data == good
    assert entry.read_bytes() != damage


def test_a_truncated_or_altered_cache_is_ignored(folder: Path, cache_folder: Path) -> None:
    good = load_knowledge_base(folder).data
    (entry,) = cache_folder.glob("knowledge-*.json")
    content = entry.read_bytes()
    for altered in (content[: len(content) // 2], content.replace(b"preferred", b"prefferd", 1)):
        entry.write_bytes(altered)
        assert load_knowledge_base(folder).data == good


def test_a_cache_with_a_fitting_name_and_other_content_is_ignored(folder: Path, cache_folder: Path) -> None:
    good = load_knowledge_base(folder).data
    (entry,) = cache_folder.glob("knowledge-*.json")
    cache.write_cache(entry, good.model_copy(update={"content_hash": "0" * 64}))
    assert load_knowledge_base(folder).data == good


@pytest.mark.parametrize("body", ["[]", '"rules"', "{}", '{"rules": 1}', '{"rules": [[]]}'])
def test_sealed_text_of_another_shape_is_ignored(body: str, folder: Path, cache_folder: Path) -> None:
    good = load_knowledge_base(folder).data
    (entry,) = cache_folder.glob("knowledge-*.json")
    sealed(entry, {**good.model_dump(mode="json"), **json.loads(body)} if 'rules":' in body else json.loads(body))
    assert load_knowledge_base(folder).data == good


def sealed(path: Path, tree: object) -> None:
    """Put something else under the name of an entry, with a checksum that is right."""
    body = json.dumps(tree).encode()
    path.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def forged(path: Path) -> None:
    """Put other rules under the name of an entry, with a checksum that is right."""
    tree = json.loads(path.read_bytes().partition(b"\n")[2])
    sealed(path, {**tree, "manifest": {**tree["manifest"], "version": "9.9.9"}})


def test_an_entry_of_ones_own_is_believed(folder: Path, cache_folder: Path) -> None:
    load_knowledge_base(folder)
    (entry,) = cache_folder.glob("knowledge-*.json")
    forged(entry)
    assert load_knowledge_base(folder).data.manifest.version == "9.9.9"  # as the next test needs to mean something


def folder_open_to_all(entry: Path) -> None:
    entry.parent.chmod(0o777)


def folder_open_to_the_group(entry: Path) -> None:
    entry.parent.chmod(0o770)


def file_open_to_all(entry: Path) -> None:
    entry.chmod(0o666)


def a_link(entry: Path) -> None:
    entry.rename(entry.with_suffix(".elsewhere"))
    entry.symlink_to(entry.with_suffix(".elsewhere"))


def a_pipe(entry: Path) -> None:
    entry.unlink()
    os.mkfifo(entry)


@pytest.mark.parametrize("spoil", [folder_open_to_all, folder_open_to_the_group, file_open_to_all, a_link, a_pipe])
def test_an_entry_that_others_may_have_written_is_not_believed(
    spoil: Callable[[Path], None], folder: Path, cache_folder: Path
) -> None:
    good = load_knowledge_base(folder).data
    (entry,) = cache_folder.glob("knowledge-*.json")
    forged(entry)
    spoil(entry)
    assert load_knowledge_base(folder).data == good


def test_nothing_is_written_where_it_would_not_be_believed(folder: Path, cache_folder: Path) -> None:
    cache_folder.mkdir()
    cache_folder.chmod(0o775)
    load_knowledge_base(folder)
    assert not list(cache_folder.iterdir())


@pytest.mark.parametrize("which", ["folder", "file"])
def test_an_entry_of_another_user_is_not_believed(
    which: str, folder: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = load_knowledge_base(folder).data
    (entry,) = cache_folder.glob("knowledge-*.json")
    forged(entry)
    if os.geteuid() == 0:
        os.chown(entry if which == "file" else cache_folder, 65534, 65534)
    else:  # who cannot give a file away becomes somebody else
        another = os.geteuid() + 1
        monkeypatch.setattr(os, "geteuid", lambda: another)
    assert load_knowledge_base(folder).data == good


def test_an_unwritable_home_is_no_trouble(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    monkeypatch.setenv("HER2CDS_CACHE", str(blocked / "cache"))  # below a file: cannot be made, not even by root
    assert load_knowledge_base(folder).data.manifest.id == "her2cds-knowledge"


def _load_in_child(folder: str) -> str:
    return load_knowledge_base(Path(folder)).data.content_hash


def test_two_processes_at_once(folder: Path, cache_folder: Path) -> None:
    expected = content_hash(read_files(folder))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(_load_in_child, [str(folder)] * 4) == [expected] * 4
    assert len(list(cache_folder.glob("knowledge-*.json"))) == 1
    assert not list(cache_folder.glob(".writing-*"))


def test_the_cache_is_private(folder: Path, cache_folder: Path) -> None:
    load_knowledge_base(folder)
    assert oct(cache_folder.stat().st_mode & 0o777) == "0o700"
