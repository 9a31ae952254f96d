"""The author's workbench: schemas, finding entries, new entries, formatting."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from her2cds import KnowledgeBase
from her2cds.authoring.entries import find, references, search, source_text
from her2cds.authoring.new import NEW_KINDS, NewKind, new_entry
from her2cds.authoring.schemas import rule_schemas
from her2cds.cli.app import app
from her2cds.errors import UnknownNameError
from her2cds.knowledge.files import LIST_KINDS, MAPPING_KINDS, RULE_FOLDERS, RuleFile
from her2cds.knowledge.load import load_knowledge_base
from her2cds.knowledge.yaml_reader import read_yaml
from tests.command import her2cds
from tests.conftest import PROJECT

RULES = PROJECT / "rules"
FILES = sorted(RULES.rglob("*.yaml"))


def kind_of(path: Path) -> str:
    return RuleFile(path.relative_to(RULES).as_posix(), b"").kind


# --- Schemas -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schemas(knowledge: KnowledgeBase) -> dict[str, Any]:
    return rule_schemas(knowledge.knowledge)


def test_there_is_a_schema_for_every_kind_of_file(schemas: dict[str, Any]) -> None:
    assert set(schemas) == {*MAPPING_KINDS, *LIST_KINDS, *RULE_FOLDERS, "overlay"}
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def as_an_editor_reads(text: str) -> Any:
    """YAML 1.2, as editors read it: `no` is a word."""
    yaml = pytest.importorskip("ruamel.yaml", reason="needs the extra 'author'")
    return json.loads(json.dumps(yaml.YAML(typ="safe").load(text)))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(RULES).as_posix())
def test_every_file_fits_the_schema_of_its_kind(path: Path, schemas: dict[str, Any]) -> None:
    tree = as_an_editor_reads(path.read_text(encoding="utf-8"))
    jsonschema.validate(tree, schemas[kind_of(path)], cls=jsonschema.Draft202012Validator)


RULE = """
- id: therapy.zz
  title: A rule
  when: {her2.class: positive}
  offer: {regimen: t-dxd, category: preferred, because: It works.}
  evidence: [emilia]
  cites: [{source: tapia2023, at: Table 1}]
"""
SLIPS = {
    "a fact": ("her2.class", "her2.clas"),
    "a value of a fact": ("positive", "positiv"),
    "a regimen": ("t-dxd", "t-dx"),
    "a category": ("preferred", "best"),
    "a study": ("emilia", "emillia"),
    "a source": ("tapia2023", "tapia2024"),
    "a field": ("title", "tittle"),
    "a conclusion of another folder": ("offer: {regimen: t-dxd, category: preferred", "request: {test: a test"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_an_editor_marks_a_slip(slip: str, schemas: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(schemas["therapies"])
    assert validator.is_valid(as_an_editor_reads(RULE))
    assert not validator.is_valid(as_an_editor_reads(RULE.replace(*SLIPS[slip])))


def test_the_command_prints_all_schemas_or_writes_one_file_each(tmp_path: Path) -> None:
    printed = json.loads(her2cds("schema", "rules").stdout)
    done = her2cds("schema", "rules", "-o", str(tmp_path / "schema"))
    assert done.returncode == 0
    assert {path.stem for path in (tmp_path / "schema").glob("*.json")} == set(printed)
    assert json.loads((tmp_path / "schema" / "drugs.json").read_text(encoding="utf-8")) == printed["drugs"]


# --- Show and search -------------------------------------------------------------------------------------


def test_an_entry_is_shown_as_it_stands_with_all_that_refers_to_it(knowledge: KnowledgeBase) -> None:
    base = knowledge.knowledge
    (entry,) = find(base, "emilia")
    text = source_text(RULES, entry.place)
    assert text.startswith("- id: emilia\n")
    assert text.count("\n- id:") == 0
    named = {(one.by.id, one.field) for one in references(base, "emilia")}
    assert ("therapy.second-line.t-dm1", "evidence") in named


def test_a_drug_and_a_regimen_of_one_name_are_both_shown(knowledge: KnowledgeBase) -> None:
    assert {one.kind for one in find(knowledge.knowledge, "t-dxd")} == {"drugs", "regimens"}


@pytest.mark.parametrize(
    ("entry", "by", "field"),
    [
        ("her2.class", "her2-positive-early", "when.all"),
        ("can-have-taxane", "therapy.first-line.trastuzumab-pertuzumab-taxane", "when.all.criterion"),
        ("tapia2023", "therapy.second-line.t-dxd", "cites.source"),
        ("PIK3CA", "biomarker.pik3ca-mutation.t-dm1", "when.alterations.contains"),
        ("anti-her2-adc", "caution.lvef-below-40.her2-antibodies", "caution.on.classes"),
    ],
)
def test_references_are_found_in_conditions_targets_and_citations(
    knowledge: KnowledgeBase, entry: str, by: str, field: str
) -> None:
    assert (by, field) in {(one.by.id, one.field) for one in references(knowledge.knowledge, entry)}


def test_a_situation_is_shown_and_the_order_is_among_what_refers_to_a_fact(knowledge: KnowledgeBase) -> None:
    base = knowledge.knowledge
    (entry,) = find(base, "stable-brain-metastases")
    assert source_text(RULES, entry.place).splitlines()[0].strip() == "- id: stable-brain-metastases"
    assert "leptomeningeal" not in source_text(RULES, entry.place)
    assert ("ranking", "needed") in {(one.by.id, one.field) for one in references(base, "her2.class")}
    assert "stable-brain-metastases" in {one.by.id for one in references(base, "brain.status")}
    (order,) = find(base, "ranking")
    assert source_text(RULES, order.place) == (RULES / "ranking.yaml").read_text(encoding="utf-8").rstrip()


def test_a_search_for_nothing_is_no_search() -> None:
    for nothing in ("", "-"):
        assert her2cds("kb", "search", "--", nothing).returncode == 2


def test_an_unknown_id_gets_the_nearest(knowledge: KnowledgeBase) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'emilia'"):
        find(knowledge.knowledge, "emillia")
    done = her2cds("kb", "show", "emillia")
    assert done.returncode == 2
    assert b"did you mean" in done.stderr


def test_search_needs_every_word_and_ignores_how_it_is_spelled(knowledge: KnowledgeBase) -> None:
    found = search(knowledge.knowledge, ("DESTINY breast03",))
    assert found[0].id == "destiny-breast03"  # a hit in the title comes first
    both, one = (search(knowledge.knowledge, words) for words in (("t-dxd", "pneumonitis"), ("t-dxd",)))
    assert 0 < len(both) < len(one)
    assert {entry.id for entry in both} <= {entry.id for entry in one}
    done = her2cds("kb", "search", "no-such-word-anywhere")
    assert (done.returncode, done.stdout) == (1, b"0 entries\n")


def test_the_commands_print_places_that_an_editor_can_open() -> None:
    done = her2cds("kb", "show", "therapy.second-line.t-dm1")
    assert b"# therapies/second-line.yaml:" in done.stdout
    done = her2cds("kb", "search", "TH3RESA")
    assert b"therapies/later-lines.yaml:" in done.stdout


# --- New entries -------------------------------------------------------------------------------------------

CITE = ["tapia2023", "3.1.3. TKI", "65"]
ANSWERS: dict[NewKind, list[str]] = {
    "therapy": [
        "therapy.zz", "A new offer", "{all: [{her2.class: positive}, {lines.metastatic: {at_least: 2}}]}",
        "t-dm1", "later_line", "It has worked.", "emilia, th3resa", *CITE,
    ],
    "caution": [
        "caution.zz", "A new caution", "{health.chronic_diarrhoea: true}", "neratinib", "", "", "warn",
        "Diarrhoea may worsen.", "", "", *CITE,
    ],
    "biomarker": [
        "biomarker.zz", "A marker", '{alterations: {contains: "TP53:mutation"}}', "", "her2-tki", "", "uncertain", "D",
        "A model only.", "TP53", "resistance", "", *CITE,
    ],
    "trial": [
        "NCT99999999", "", "A trial of tucatinib", "tucatinib", "tyrosine kinase inhibitor", "", "HER2-positive",
        "breast", "", "{her2.class: positive}", *CITE,
    ],
    "evidence": [
        "zz-study", "ZZ", "II", "one arm", "pretreated disease", "B", "response", "Some responded.", "kept as a test",
        *CITE,
    ],
}  # fmt: skip
FOLDERS: dict[NewKind, str] = {
    "therapy": "therapies/later-lines.yaml",
    "caution": "cautions/safety.yaml",
    "biomarker": "biomarkers/pathway.yaml",
    "trial": "trials/linked.yaml",
    "evidence": "evidence/tkis.yaml",
}


@pytest.mark.parametrize("kind", NEW_KINDS)
def test_answers_make_an_entry_that_the_knowledge_base_takes(kind: NewKind, tmp_path: Path) -> None:
    pytest.importorskip("ruamel.yaml", reason="needs the extra 'author'")
    shutil.copytree(RULES, tmp_path / "rules")
    into = tmp_path / "rules" / FOLDERS[kind]
    answers = "\n".join(ANSWERS[kind]) + "\n"
    done = her2cds("kb", "new", kind, "--into", str(into), "--rules", str(tmp_path / "rules"), stdin=answers.encode())
    assert done.returncode == 0, done.stderr.decode()
    (entry,) = find(load_knowledge_base(tmp_path / "rules", use_cache=False), ANSWERS[kind][0])
    assert entry.place.file == FOLDERS[kind]
    assert into.read_text(encoding="utf-8").startswith((RULES / FOLDERS[kind]).read_text(encoding="utf-8").rstrip())


def test_a_wrong_answer_is_told_with_the_nearest_name_and_asked_again(knowledge: KnowledgeBase) -> None:
    answers = iter(["caution.zz", "", "A title", "{her2.clas: low}", "always", "nerotinib", *ANSWERS["caution"][3:]])
    said: list[str] = []
    entry = new_entry("caution", knowledge.knowledge, lambda _: next(answers), said.append)
    assert said[0] == "an answer is needed"
    assert "did you mean 'her2.class'" in said[1]
    assert "did you mean 'neratinib'" in said[2]
    assert entry["when"] == "always"


def test_an_entry_that_does_not_hold_together_is_asked_for_again(knowledge: KnowledgeBase) -> None:
    nothing = ["caution.zz", "A caution", "always", "", "", "", "warn", "It may.", "", "", *CITE]
    answers = iter([*nothing, *ANSWERS["caution"]])
    said: list[str] = []
    entry = new_entry("caution", knowledge.knowledge, lambda _: next(answers), said.append)
    assert any("caution.on" in one for one in said)
    assert entry["caution"]["on"] == {"drugs": ["neratinib"]}


@pytest.mark.parametrize("condition", ["{health.lvef: {less_than: 1e1}}", "{health.lvef: {less_than: nan}}"])
def test_a_number_in_another_form_is_asked_for_again(condition: str, knowledge: KnowledgeBase) -> None:
    caution = ANSWERS["caution"]
    answers = iter([*caution[:2], condition, "{health.lvef: {less_than: 10}}", *caution[3:]])
    said: list[str] = []
    entry = new_entry("caution", knowledge.knowledge, lambda _: next(answers), said.append)
    assert "is not a number" in said[0]
    assert entry["when"] == {"health.lvef": {"less_than": 10}}


def test_ids_and_reference_numbers_are_checked_where_they_are_asked_for(knowledge: KnowledgeBase) -> None:
    caution = ANSWERS["caution"]
    ids = ["a caution", "therapy.second-line.t-dm1", caution[0]]
    answers = iter([*ids, *caution[1:-1], "sixty", "1000", caution[-1]])
    said: list[str] = []
    assert new_entry("caution", knowledge.knowledge, lambda _: next(answers), said.append)["id"] == caution[0]
    for mention, one in zip(
        ("is not an id", "the id of another entry", "a reference number", "to 999"), said, strict=True
    ):
        assert mention in one


def test_the_identifier_of_a_new_trial_is_checked_where_it_is_asked_for(knowledge: KnowledgeBase) -> None:
    answers = iter(["NCTO4538742", "NCT04538742", *ANSWERS["trial"]])
    said: list[str] = []
    new_entry("trial", knowledge.knowledge, lambda _: next(answers), said.append)
    assert "NCT and eight digits" in said[0]
    assert "the id of another entry" in said[1]


def test_no_entry_is_added_to_a_file_outside_of_the_knowledge_base(tmp_path: Path) -> None:
    path = tmp_path / "zz.yaml"
    path.write_text("# nothing yet\n", encoding="utf-8")
    done = her2cds("kb", "new", "therapy", "--into", str(path), stdin="\n".join(ANSWERS["therapy"]).encode())
    assert done.returncode == 2
    assert b"would not be checked" in done.stderr
    assert path.read_text(encoding="utf-8") == "# nothing yet\n"


def test_answers_that_end_too_soon_leave_the_file_alone(tmp_path: Path) -> None:
    pytest.importorskip("ruamel.yaml", reason="needs the extra 'author'")
    shutil.copytree(RULES, tmp_path / "rules")
    path = tmp_path / "rules" / FOLDERS["therapy"]
    before = path.read_bytes()
    done = her2cds(
        "kb", "new", "therapy", "--into", str(path), "--rules", str(tmp_path / "rules"), stdin=b"therapy.zz\n"
    )
    assert done.returncode == 2
    assert path.read_bytes() == before


def test_an_entry_that_the_knowledge_base_refuses_is_taken_out_again(tmp_path: Path) -> None:
    pytest.importorskip("ruamel.yaml", reason="needs the extra 'author'")
    shutil.copytree(RULES, tmp_path / "rules")
    into = tmp_path / "rules" / FOLDERS["therapy"]
    before = into.read_bytes()
    never = "{all: [{her2.class: positive}, {her2.class: low}]}"
    answers = "\n".join([*ANSWERS["therapy"][:2], never, *ANSWERS["therapy"][3:]]) + "\n"
    done = her2cds(
        "kb", "new", "therapy", "--into", str(into), "--rules", str(tmp_path / "rules"), stdin=answers.encode()
    )
    assert done.returncode == 4
    assert b"nothing was added" in done.stderr
    assert b"- id: therapy.zz" in done.stdout  # the answers are not lost
    assert into.read_bytes() == before


# --- Formatting ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(RULES).as_posix())
def test_formatting_keeps_content_and_comments_and_is_done_once(path: Path) -> None:
    pytest.importorskip("ruamel.yaml", reason="needs the extra 'author'")
    from her2cds.authoring.formatting import format_text

    text = path.read_text(encoding="utf-8")
    after = format_text(text, kind_of(path))
    assert read_yaml("after", after).tree == read_yaml("before", text).tree
    assert comments(after) == comments(text)
    assert format_text(after, kind_of(path)) == after
    assert not any(line.endswith(" ") for line in after.splitlines())


def comments(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.lstrip().startswith("#")]


def test_the_form_is_canonical() -> None:
    pytest.importorskip("ruamel.yaml", reason="needs the extra 'author'")
    from her2cds.authoring.formatting import format_text

    before = (
        "# The drugs.\n"
        "-   name: One # the first\n"
        "    id: one\n"
        "    classes: [ a,b ]\n"
        "    status: listed\n"
        "# --- more ---\n"
        "- {id: two, status: listed, name: Two}\n"
    )
    after = (
        "# The drugs.\n"
        "- name: One # the first\n"  # a comment inside: the order of fields is left alone
        "  id: one\n"
        "  classes: [a, b]\n"
        "  status: listed\n"
        "# --- more ---\n"
        "- {id: two, status: listed, name: Two}\n"  # the last field would change
    )
    assert format_text(before, "drugs") == after
    swapped = "- name: One\n  id: one\n  status: listed\n"
    assert format_text(swapped, "drugs") == "- id: one\n  name: One\n  status: listed\n"


def test_fmt_names_the_schema_and_check_writes_nothing(tmp_path: Path) -> None:
    pytest.importorskip("ruamel.yaml", reason="needs the extra 'author'")
    rules, schemas = tmp_path / "rules", tmp_path / "schemas"
    shutil.copytree(RULES / "therapies", rules / "therapies")
    before = (rules / "therapies" / "early.yaml").read_text(encoding="utf-8")
    arguments = ("kb", "fmt", "--schemas", str(schemas), "--rules", str(rules))
    assert her2cds(*arguments, "--check").returncode == 1
    assert (rules / "therapies" / "early.yaml").read_text(encoding="utf-8") == before
    assert her2cds(*arguments).returncode == 0
    first = (rules / "therapies" / "early.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=../../schemas/therapies.json"
    assert her2cds(*arguments, "--check").returncode == 0


def test_fmt_names_a_file_that_is_no_yaml_and_touches_nothing(tmp_path: Path) -> None:
    pytest.importorskip("ruamel.yaml", reason="needs the extra 'author'")
    (tmp_path / "drugs.yaml").write_text("- id: [\n", encoding="utf-8")
    (tmp_path / "genes.yaml").write_text("-   {id: A,  name: B}\n", encoding="utf-8")
    done = her2cds("kb", "fmt", "--rules", str(tmp_path))
    assert done.returncode == 1
    assert b"drugs.yaml:" in done.stderr
    assert (tmp_path / "genes.yaml").read_text(encoding="utf-8") == "-   {id: A,  name: B}\n"


# --- Doctor ------------------------------------------------------------------------------------------------


def test_the_doctor_finds_everything_needed() -> None:
    done: subprocess.CompletedProcess[bytes] = her2cds("doctor")
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0, lines
    found = {what: (mark, state) for mark, what, state in map(finding_in, lines[:-1])}
    assert found["rules engine (durable-rules)"] == ("ok", f"{version('durable-rules')}, fires")
    agrees = "agrees with the independent evaluator on 50 random patients"
    assert found["engine with these rules"] == ("ok", agrees)
    mark, state = found["knowledge base"]
    assert mark == "ok"
    assert re.fullmatch(r"\S+ \d+\.\d+\.\d+\S*, sound, SHA-256 [0-9a-f]{64}", state)
    assert lines[-1] == "everything needed is there"


def finding_in(line: str) -> tuple[str, str, str]:
    """The mark, what was looked at, and its state."""
    head, _, state = line.partition(": ")
    return head[:9].strip(), head[11:], state


def test_the_doctor_finds_an_engine_that_does_not_fire(monkeypatch: pytest.MonkeyPatch) -> None:
    """The knowledge base is sound then, and still nothing that the engine says of a patient can be believed."""
    monkeypatch.setattr("her2cds.engine.durable.Ruleset.fire", lambda *_: set())
    result = CliRunner().invoke(app, ["doctor"])
    lines = result.output.splitlines()
    assert result.exit_code == 1
    found = {what: (mark, state) for mark, what, state in map(finding_in, lines[:-1])}
    assert found["rules engine (durable-rules)"] == ("FAULT", "a rule whose condition holds did not fire")
    assert found["engine with these rules"][0] == "FAULT"
    assert found["knowledge base"][0] == "ok"
    assert lines[-1] == "2 faults"


def test_the_doctor_reports_a_broken_knowledge_base_and_an_unwritable_cache(tmp_path: Path) -> None:
    shutil.copytree(RULES, tmp_path / "rules")
    (tmp_path / "rules" / "genes.yaml").unlink()
    (tmp_path / "cache").write_text("a file, not a folder", encoding="utf-8")
    done = her2cds("doctor", "--rules", str(tmp_path / "rules"), HER2CDS_CACHE=str(tmp_path / "cache"))
    text = done.stdout.decode()
    assert done.returncode == 1
    assert "FAULT      knowledge base: knowledge base: 1 fault" in text
    assert "not there  cache" in text


def test_the_doctor_says_where_a_cache_is_not_believed(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    cache.chmod(0o775)
    text = her2cds("doctor", HER2CDS_CACHE=str(cache)).stdout.decode()
    assert "not there  cache" in text
    assert "others can write there" in text


def test_a_folder_without_rule_files_is_not_well_formatted(tmp_path: Path) -> None:
    done = her2cds("kb", "fmt", "--check", "--rules", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert b"no rule files here" in done.stderr


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    pytest.importorskip("ruamel.yaml", reason="needs the extra 'author'")
    (tmp_path / "genes.yml").write_bytes(b"- id: \xff\n")
    done = her2cds("kb", "fmt", "--rules", str(tmp_path))
    assert done.returncode == 1
    assert b"genes.yml: not UTF-8 at byte 6" in done.stderr
