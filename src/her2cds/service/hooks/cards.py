"""Reports and judgements as cards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from uuid import NAMESPACE_URL, uuid5

from her2cds.errors import ProfileError
from her2cds.knowledge.base import Knowledge
from her2cds.rendering.blocks import Block, Bullets, Paragraph, cite
from her2cds.rendering.candidates import safety_lines
from her2cds.rendering.markdown import to_markdown
from her2cds.rendering.plain import one_line
from her2cds.rendering.words import EFFECT_WORDS, category_words, facts_in_words
from her2cds.report.model import Report, Therapy
from her2cds.service.hooks.judge import Judgement, Objection
from her2cds.service.hooks.model import SUMMARY_MOST, Action, Card, Coding, Link, Source, Suggestion
from her2cds.service.hooks.orders import Order

Indicator = Literal["info", "warning", "critical"]
_MOST_LISTED = 6
_MOST_SUGGESTIONS = 5
_REASONS = (
    ("patient-preference", "The patient wishes otherwise"),
    ("tumour-board", "Decided by the tumour board"),
    ("chart-outdated", "The chart is not up to date"),
    ("alternatives-unsuitable", "The alternatives are unsuitable for this patient"),
    ("trial", "Given within a clinical trial"),
)
OVERRIDE_REASONS = tuple(
    Coding(code=code, system="urn:her2cds:override-reason", display=words) for code, words in _REASONS
)
_HEADS = {
    "contraindicated": "{drug} is contraindicated for this patient",
    "specialist": "{drug} needs a specialist's decision first",
    "does not fit": "{drug} does not fit this patient's line of treatment",
    "cannot judge": "{drug} cannot be judged: facts are missing",
    "in order": "{drug}: ranked for this patient",
}
_INDICATORS: dict[str, Indicator] = {"contraindicated": "critical", "specialist": "warning", "does not fit": "warning"}


@dataclass(frozen=True, slots=True)
class CardMaker:
    """Makes the cards of one call: the same call gives the same cards, uuids included."""

    knowledge: Knowledge
    base_url: str
    hook_instance: str
    patient_id: str
    chart_counts: str = ""

    def of_report(self, report: Report) -> Card:
        """The report in short, with the tests to request as proposals."""
        summary = report.statement or self._ranked(report)
        return self._card(summary, "info", _report_blocks(report), report, suggestions=tuple(self._tests(report)))

    def of_judgement(self, judgement: Judgement, order: Order, report: Report) -> Card:
        """One ordered drug, with what speaks against it and what is ranked instead."""
        name = self.knowledge.drugs[judgement.drug].name
        head = _HEADS[judgement.verdict].format(drug=name)
        because = judgement.objections[0].because if judgement.objections else ", ".join(judgement.fits)
        indicator = _INDICATORS.get(judgement.verdict, "info")
        withdraw = judgement.verdict == "contraindicated" and order.reference
        return self._card(
            f"{head}: {because}",
            indicator,
            _judgement_blocks(judgement, report),
            report,
            suggestions=(self._withdrawal(name, order),) if withdraw else (),
            behaviour="at-most-one",
            reasons=OVERRIDE_REASONS if indicator != "info" else None,
        )

    def of_unread(self, orders: Iterable[str]) -> Card:
        """Orders that nothing was said of because they could not be read, which is not the same as in order."""
        words = "It names no drug by a text or by a known code, or refers to an order that was not sent"
        blocks = [Bullets(tuple((one, words) for one in orders))]
        return self._card("Not all orders could be checked: what they order cannot be read", "info", blocks, None)

    def of_faults(self, error: ProfileError) -> Card:
        """A chart that contradicts itself: what is to be mended before anything can be said."""
        count = len(error.faults)
        blocks = [Bullets(tuple((fault.path, f"{fault.found}; expected {fault.expected}") for fault in error.faults))]
        words = f"The chart contradicts itself or cannot be read in {count} place{'s' if count != 1 else ''}"
        return self._card(f"{words}; nothing was evaluated", "warning", blocks, None)

    def _ranked(self, report: Report) -> str:
        first = [one.name for one in report.therapies if one.rank == 1]
        words = {one.fact: one.value for one in report.classification}
        more = len(report.therapies) - len(first)
        others = f"; {more} more" if more else ""
        return f"HER2 {words.get('her2.class', 'unknown')}. First: {' or '.join(first)}{others}"

    def _tests(self, report: Report) -> Iterator[Suggestion]:
        wanted = [one for one in report.tests_to_request if not one.for_trials_only]
        for one in wanted[:_MOST_SUGGESTIONS]:
            resource = {
                "resourceType": "ServiceRequest",
                "status": "draft",
                "intent": "proposal",
                "code": {"text": one.test},
                "subject": {"reference": f"Patient/{self.patient_id}"},
                "reasonCode": [{"text": one.because}],
            }
            action = Action(type="create", description=f"Propose: {one.test}", resource=resource)
            yield Suggestion(label=f"Propose: {one.test}", uuid=self._uuid("test", one.rule), actions=(action,))

    def _withdrawal(self, name: str, order: Order) -> Suggestion:
        label = f"Withdraw the order for {name}"
        action = Action(type="delete", description=label, resource_id=order.reference)
        return Suggestion(label=label, uuid=self._uuid("withdraw", order.reference), actions=(action,))

    def _card(
        self,
        summary: str,
        indicator: Indicator,
        blocks: Iterable[Block],
        report: Report | None,
        *,
        suggestions: tuple[Suggestion, ...] = (),
        behaviour: Literal["at-most-one", "any"] = "any",
        reasons: tuple[Coding, ...] | None = None,
    ) -> Card:
        data = self.knowledge.data
        ends = filter(None, (self.chart_counts, data.manifest.intended_use, data.manifest.evidence_cut_off))
        detail = to_markdown((*blocks, *map(Paragraph, ends)))
        return Card(
            uuid=self._uuid("card", summary),
            summary=shortened(one_line(summary)),
            detail=detail.strip(),
            indicator=indicator,
            source=Source(label=f"her2cds knowledge base {data.manifest.version}", url=f"{self.base_url}/"),
            suggestions=suggestions or None,
            selection_behavior=behaviour if suggestions else None,
            override_reasons=reasons,
            links=tuple(self._links(report)),
        )

    def _links(self, report: Report | None) -> Iterator[Link]:
        yield Link(label="Open her2cds", url=f"{self.base_url}/")
        for one in report.sources if report else ():
            if one.doi:
                yield Link(label=one.id, url=f"https://doi.org/{one.doi}")

    def _uuid(self, kind: str, what: str) -> str:
        return str(uuid5(NAMESPACE_URL, f"her2cds {self.hook_instance} {kind} {what}"))


def shortened(text: str) -> str:
    """A summary that is short enough, cut between words."""
    if len(text) <= SUMMARY_MOST:
        return text
    return text[: SUMMARY_MOST - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


def _report_blocks(report: Report) -> Iterator[Block]:
    if report.statement:
        yield Paragraph(report.statement, strong=True)
    lines = []
    for one in report.therapies[:_MOST_LISTED]:
        sources = cite([citation for reason in one.because for citation in reason.citations])
        condition = f"; if {facts_in_words(one.conditional_on, report.questions)}" if one.conditional_on else ""
        lines.append((f"{one.rank}. {one.name}", f"{category_words(one)}{condition} {sources}".strip()))
    lines += _safety_lines(report.therapies[:_MOST_LISTED], report)
    lines += [("Not recommended", f"{one.name}: {_reasons(one.reasons)}") for one in report.not_recommended]
    lines += [("Ask first", one.question) for one in report.questions[:3]]
    lines += [("Notice", one.text) for one in report.notices[:3]]
    if lines:
        yield Bullets(tuple(lines))


def _safety_lines(therapies: Iterable[Therapy], report: Report) -> Iterator[tuple[str, str]]:
    """What is to be weighed, checked or watched with each; what holds for several is told once, with their names."""
    told: dict[tuple[str, str], list[str]] = {}
    for one in therapies:
        for line in safety_lines(one, report.questions):
            told.setdefault(line, []).append(one.name)
    by_weight = sorted(told.items(), key=lambda item: item[0][0] == EFFECT_WORDS["monitor"])
    return ((label, f"{', '.join(dict.fromkeys(names))}: {words}") for (label, words), names in by_weight)


def _reasons(reasons: Iterable[object]) -> str:
    return "; ".join(dict.fromkeys(str(getattr(one, "because", "")) for one in reasons))


def _judgement_blocks(judgement: Judgement, report: Report) -> Iterator[Block]:
    if judgement.objections:
        yield Bullets(tuple(("Against", _objection(one)) for one in judgement.objections[:_MOST_LISTED]))
    held = [one for one in report.therapies if one.name in judgement.fits]
    others = [one for one in report.therapies if one.name not in judgement.fits]
    for label, ones in (("Ranked with it", held), ("Ranked", others)):
        if ones:
            listed = tuple((label, f"{one.rank}. {one.name} ({category_words(one)})") for one in ones[:_MOST_LISTED])
            yield Bullets(listed)
    if safety := tuple(_safety_lines((*held[:_MOST_LISTED], *others[:_MOST_LISTED]), report)):
        yield Bullets(safety)
    if report.statement:
        yield Paragraph(report.statement, strong=True)


def _objection(one: Objection) -> str:
    rule = f" ({one.rule})" if one.rule else ""
    return f"{one.because}{rule} {cite(one.citations)}".strip()
