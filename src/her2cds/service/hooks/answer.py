"""What the services say: from a call to its cards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date as Date
from typing import Any

from pydantic import ValidationError

from her2cds.errors import ProfileError, ProfileFault
from her2cds.evaluation import Case, KnowledgeBase, examine, report_on
from her2cds.facts.values import ScalarFact
from her2cds.report.model import Report
from her2cds.service.bundles import ReadBundle
from her2cds.service.hooks.cards import CardMaker
from her2cds.service.hooks.chart import chart_of
from her2cds.service.hooks.discovery import ServiceId
from her2cds.service.hooks.judge import judge
from her2cds.service.hooks.model import Card, Cards, Feedback, HookRequest
from her2cds.service.hooks.orders import DraftOrders, Order, draft_orders
from her2cds.service.problems import ProblemError

Json = dict[str, Any]
_SILENT_AT_SIGNING = ("in order",)
_LABEL = "CDS Hooks request"


def cards_for(
    service: ServiceId,
    body: Json,
    base: KnowledgeBase,
    read_bundle: ReadBundle,
    base_url: str,
    today: Date | None = None,
) -> Cards:
    """The cards for a call. `base_url` is where their links lead.

    Raises ProblemError: 400 for a malformed call, 412 where the chart is not there whole.
    """
    request = _request(service, body)
    knowledge = base.knowledge
    drafts = DraftOrders((), ())
    if request.hook != "patient-view":
        drafts = draft_orders(request, knowledge)
        if not drafts.orders and not drafts.unread:
            return Cards()
    maker = CardMaker(knowledge, base_url, request.hook_instance, request.context.patient_id)
    try:
        chart = read_bundle(chart_of(request))
        maker = replace(maker, chart_counts=f"Chart: {chart.counts}.")
        case = examine(chart.profile, base, today=today, label="chart")
    except ProfileError as error:
        return Cards(cards=(maker.of_faults(error),))
    report = report_on(case, base)
    if request.hook == "patient-view":
        return Cards(cards=(maker.of_report(report),) if _primary(case) == "breast" else ())
    if _primary(case) == "other":
        return Cards()
    unread = (maker.of_unread(drafts.unread),) if drafts.unread else ()
    return Cards(cards=(*_judged(request.hook, drafts.orders, case, report, maker), *unread))


def read_feedback(body: Json) -> Feedback:
    """What users did with cards. Raises ProblemError 400."""
    try:
        return Feedback.model_validate(body)
    except ValidationError as error:
        raise _malformed(error) from None


def _judged(hook: str, orders: Iterable[Order], case: Case, report: Report, maker: CardMaker) -> Iterator[Card]:
    """One card for each drug on which there is something to say; each drug once."""
    done: set[str] = set()
    for order in orders:
        for drug in order.drugs:
            found = None if drug in done else judge(drug, case, maker.knowledge)
            done.add(drug)
            if found and not (hook == "order-sign" and found.verdict in _SILENT_AT_SIGNING):
                yield maker.of_judgement(found, order, report)


def _request(service: ServiceId, body: Json) -> HookRequest:
    try:
        request = HookRequest.model_validate(body)
    except ValidationError as error:
        raise _malformed(error) from None
    if request.hook != service.hook:
        fault = ProfileFault("$.hook", repr(request.hook), service.hook)
        raise ProblemError(400, "wrong-hook", f"{service} answers the hook {service.hook}.", (fault,))
    return request


def _malformed(error: ValidationError) -> ProblemError:
    faults = tuple(
        ProfileFault("$" + "".join(f".{part}" for part in one["loc"]), one["type"].replace("_", " "), one["msg"])
        for one in error.errors(include_url=False, include_input=False)[:20]
    )
    return ProblemError(400, "malformed", f"{_LABEL}: it does not have the form of the specification.", faults)


def _primary(case: Case) -> object:
    fact = case.decision.outcome.facts.get("disease.primary")
    return fact.value if isinstance(fact, ScalarFact) else None
