"""Lays a site's overlay over the validated entries of the base: all of it, or none of it with every fault.

An entry of the overlay's files is new or stands for one of the base, and a change has to say which: what collides
without being declared, or is declared and not there, is a fault. Nothing of the base can be taken away unseen: a
withdrawn regimen stays in the answer, ruled out with the site's reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import cast

from her2cds.errors import KnowledgeFault
from her2cds.knowledge.catalogue import Source
from her2cds.knowledge.data import RANKING_KEY, entry_key
from her2cds.knowledge.files import MAPPING_KINDS, OVERLAY_KIND
from her2cds.knowledge.overlay_model import AppliedOverlay, Change, Overlay
from her2cds.knowledge.rules import Caution, Manifest, Ranking, Rule, Target
from her2cds.knowledge.validate import LocatedEntry, Validated
from her2cds.knowledge.yaml_reader import Document, Path
from her2cds.suggest import did_you_mean

_NOT_IN_OVERLAYS = (*MAPPING_KINDS, "vocabulary")
Edit = Callable[[Rule], Rule]


def site_sources_in_the_base(base: Validated) -> Iterator[KnowledgeFault]:
    """The base rests on the reviews and on outside sources, never on a site's own."""
    for one in base.entries:
        if one.kind == "sources" and cast(Source, one.entry).role == "site":
            yield one.fault("a source of role 'site' belongs into an overlay", "", "role")


class OverlayMerge:
    """One overlay on its way onto a base. `faults` holds everything that keeps it off."""

    def __init__(self, base: Validated, over: Validated) -> None:
        self.faults: list[KnowledgeFault] = []
        self._base = self._by_key(base.entries)
        self._over = self._by_key(one for one in over.entries if one.kind != OVERLAY_KIND)
        self._head = next(one for one in over.entries if one.kind == OVERLAY_KIND)
        self._changes_of: dict[str, list[str]] = {}
        self.overlay = cast(Overlay, self._head.entry)

    def merged(self) -> Validated:
        """The entries of base and overlay together; to be used only where there is no fault."""
        self._check_identity()
        self._check_own_entries()
        self._check_claims()
        result = {**self._base, **self._over}  # what replaces keeps the place of what it replaces
        for index, change in enumerate(self.overlay.changes):
            self._apply(index, change, result)
        return Validated(entries=list(result.values()))

    def applied(self, overlay_hash: str, base_hash: str) -> AppliedOverlay:
        """What reports say of the overlay."""
        changes = {key: tuple(dict.fromkeys(ids)) for key, ids in self._changes_of.items()}
        return AppliedOverlay(
            overlay=self.overlay, content_hash=overlay_hash, base_content_hash=base_hash, changes_of=changes
        )

    def _by_key(self, entries: Iterable[LocatedEntry]) -> dict[str, LocatedEntry]:
        found: dict[str, LocatedEntry] = {}
        for one in entries:
            first = found.setdefault(entry_key(one.kind, one.entry_id), one)
            if first is not one:
                where = f"{first.document.file}:{first.line()}"
                self.faults.append(one.fault(f"duplicate id; it stands first at {where}", "", "id"))
        return found

    # --- Checks -------------------------------------------------------------------------------------

    def _fault(self, message: str, hint: str, *path: str | int) -> None:
        self.faults.append(self._head.fault(message, hint, *path))

    def _check_identity(self) -> None:
        manifest = next(one for one in self._base.values() if one.kind == "manifest").entry
        base_id = cast(Manifest, manifest).id
        if self.overlay.base != base_id:
            self._fault(f"the overlay is for '{self.overlay.base}', the base is '{base_id}'", "", "base")
        seen: set[str] = set()
        for index, change in enumerate(self.overlay.changes):
            if change.id in seen:
                self._fault(f"duplicate id of a change: '{change.id}'", "", "changes", index, "id")
            seen.add(change.id)

    def _check_own_entries(self) -> None:
        for one in self._over.values():
            if one.kind in _NOT_IN_OVERLAYS:
                hint = "change the order with `criteria` or `categories`" if one.kind == "ranking" else ""
                self.faults.append(one.fault(f"an overlay holds no {one.kind}.yaml", hint))
            elif one.kind == "sources" and cast(Source, one.entry).role == "review":
                hint = "use `site`, or `outside` for a guideline or label that only restricts"
                self.faults.append(one.fault("an overlay adds no review", hint, "role"))

    def _check_claims(self) -> None:
        """Each entry is declared once, as added or as replacing; sources may stand undeclared, but replace nothing."""
        claimed: dict[str, str] = {}
        for index, change in enumerate(self.overlay.changes):
            for action, named in (("adds", change.adds), ("replaces", change.replaces)):
                for kind, ids in named.items():
                    for entry_id in ids:
                        self._check_claim(entry_id, kind, action, index, claimed)
        for key, one in self._over.items():
            if key in claimed or one.kind in _NOT_IN_OVERLAYS:
                continue
            if key in self._base:
                other = self._base[key]
                where = f"{other.document.file}:{other.line()}"
                hint = f"declare it in a change: `replaces: {{{one.kind}: [{one.entry_id}]}}`"
                self.faults.append(one.fault(f"the base has this id too ({where})", hint))
            elif one.kind != "sources":
                hint = f"declare it in a change: `adds: {{{one.kind}: [{one.entry_id}]}}`"
                self.faults.append(one.fault("no change says who added this entry, when and why", hint))

    def _check_claim(self, entry_id: str, kind: str, action: str, index: int, claimed: dict[str, str]) -> None:
        path = ("changes", index, action, kind)
        key = entry_key(kind, entry_id)
        here, there = self._over.get(key), self._base.get(key)
        if here is None or here.kind != kind:
            known = [one.entry_id for one in self._over.values() if one.kind == kind]
            self._fault(f"the overlay's files hold no '{entry_id}' under {kind}", did_you_mean(entry_id, known), *path)
        elif action == "adds" and there is not None:
            self._fault(f"the base has '{entry_id}' already", "use `replaces`", *path)
        elif action == "replaces" and (there is None or there.kind != kind):
            known = [one.entry_id for one in self._base.values() if one.kind == kind]
            self._fault(f"the base has no '{entry_id}' under {kind} to replace", did_you_mean(entry_id, known), *path)
        elif action == "replaces" and kind == "sources":
            self._fault("a source of the base cannot be replaced", "add a source under another id", *path)
        if key in claimed:
            self._fault(f"'{entry_id}' is declared by the change '{claimed[key]}' too", "", *path)
        claimed[key] = self.overlay.changes[index].id
        self._changes_of.setdefault(key, []).append(self.overlay.changes[index].id)

    # --- Changes of what the base holds ------------------------------------------------------------

    def _apply(self, index: int, change: Change, result: dict[str, LocatedEntry]) -> None:
        if change.withdraws or change.restricts:
            self._add_caution(index, change, result)
        studies = [one.entry_id for one in result.values() if one.kind == "evidence"] if change.attaches else []
        for rule_id, evidence in change.attaches.items():
            for study in evidence:
                if study not in studies:
                    hint = did_you_mean(study, studies)
                    self._fault(f"unknown evidence '{study}'", hint, "changes", index, "attaches", rule_id)
            self._edit_rule((index, "attaches", rule_id), result, partial(_attached, evidence=evidence))
        for rule_id, category in change.categories.items():
            self._edit_rule((index, "categories", rule_id), result, partial(_with_category, category=category))
        if change.criteria:
            self._reorder(index, change, result)

    def _add_caution(self, index: int, change: Change, result: dict[str, LocatedEntry]) -> None:
        """A withdrawal or restriction is a caution of the site, cited and shown like any other."""
        limit, part = change.restricts, "restricts" if change.restricts else "withdraws"
        caution = Caution(
            on=limit.on if limit else cast(Target, change.withdraws),
            effect=limit.effect if limit else "exclude",
            because=change.because,
            action=limit.action if limit else None,
        )
        rule_id = f"overlay.{self.overlay.id}.{change.id}"
        rule = Rule(
            id=rule_id,
            title="Restricted at this site" if limit else "Withdrawn at this site",
            when=limit.when if limit else "always",
            caution=caution,
            cites=change.cites,
        )
        result[rule_id] = LocatedEntry("cautions", rule, _lines_below(self._head.document, index, part), 0)
        self._changes_of.setdefault(rule_id, []).append(change.id)

    def _edit_rule(self, at: tuple[int, str, str], result: dict[str, LocatedEntry], edit: Edit) -> None:
        index, action, rule_id = at
        one, path = result.get(rule_id), ("changes", *at)
        if one is None or not isinstance(one.entry, Rule):
            rules = [key for key, other in result.items() if isinstance(other.entry, Rule)]
            self._fault(f"there is no rule '{rule_id}'", did_you_mean(rule_id, rules), *path)
            return
        if action == "categories" and one.entry.offer is None:
            self._fault(f"'{rule_id}' is no offer and has no category", "", *path)
            return
        result[rule_id] = LocatedEntry(one.kind, edit(one.entry), one.document, one.index)
        self._changes_of.setdefault(rule_id, []).append(self.overlay.changes[index].id)

    def _reorder(self, index: int, change: Change, result: dict[str, LocatedEntry]) -> None:
        one = result[RANKING_KEY]
        ranking = cast(Ranking, one.entry)
        by_id = {criterion.id: criterion for criterion in ranking.criteria}
        if sorted(change.criteria) != sorted(by_id):
            hint = f"name each of {', '.join(by_id)} once"
            self._fault("`criteria` is not an order of all ranking criteria", hint, "changes", index, "criteria")
            return
        order = tuple(by_id[step] for step in change.criteria)
        edited = ranking.model_copy(update={"criteria": order})
        result[RANKING_KEY] = LocatedEntry(one.kind, edited, one.document, one.index)
        self._changes_of.setdefault(RANKING_KEY, []).append(change.id)


def _attached(rule: Rule, evidence: tuple[str, ...]) -> Rule:
    return rule.model_copy(update={"evidence": tuple(dict.fromkeys((*rule.evidence, *evidence)))})


def _with_category(rule: Rule, category: str) -> Rule:
    assert rule.offer is not None
    return rule.model_copy(update={"offer": rule.offer.model_copy(update={"category": category})})


def _lines_below(document: Document, index: int, part: str) -> Document:
    """The overlay's document as if the change were its only entry, so that faults point at the change's own lines."""
    lines: dict[Path, int] = {}
    for path, line in document.lines.items():
        if path[:2] == ("changes", index):
            rest = path[2:]
            lines[(0, *(rest[1:] if rest[:1] == (part,) else rest))] = line
    return Document(document.file, [], lines, [])
