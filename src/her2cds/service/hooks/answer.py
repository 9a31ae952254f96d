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
from her2cds.service.hooks.discovery import NEEDED, PREFETCH, ServiceId
from her2cds.service.hooks.judge import judge
from her2cds.service.hooks.model import Card, Cards, Feedback, HookRequest
from her2cds.service.hooks.orders import Order, draft_orders
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
    orders: list[Order] = []
    if request.hook != "patient-view":
        selected = request.context.selections if request.hook == "order-select" else ()
        orders = list(draft_orders(request.context.draft_orders, knowledge, selected))
        if not orders:
            return Cards()
    maker = CardMaker(knowledge, base_url, request.hook_instance, request.context.patient_id)
    try:
        chart = read_bundle(_chart(request))
        maker = replace(maker, chart_counts=f"Chart: {chart.counts}.")
        case = examine(chart.profile, base, today=today, label="chart")
    except ProfileError as error:
        return Cards(cards=(maker.of_faults(error),))
    report = report_on(case, base)
    if request.hook == "patient-view":
        return Cards(cards=(maker.of_report(report),) if _primary(case) == "breast" else ())
    if _primary(case) == "other":
        return Cards()
    return Cards(cards=tuple(_judged(request.hook, orders, case, report, maker)))


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


def _chart(request: HookRequest) -> Json:
    """All that was prefetched as one Bundle. A search page of several, or another patient's data, is refused."""
    missing = [key for key in NEEDED if key not in request.prefetch]
    if missing:
        faults = tuple(ProfileFault(f"$.prefetch.{key}", "nothing", PREFETCH[key]) for key in missing)
        raise ProblemError(
            412, "prefetch-missing", "Needed to answer and not prefetched; no FHIR server is called.", faults
        )
    entries: list[Json] = []
    for key, value in request.prefetch.items():
        if value is None:
            continue
        links = value.get("link")
        if any(isinstance(one, dict) and one.get("relation") == "next" for one in _list(links)):
            fault = ProfileFault(f"$.prefetch.{key}", "one page of several", "all results at once")
            raise ProblemError(
                412, "prefetch-incomplete", "A chart of which only a part is seen is not judged.", (fault,)
            )
        entries += _list(value.get("entry")) if value.get("resourceType") == "Bundle" else [{"resource": value}]
    _same_patient(entries, request.context.patient_id)
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _same_patient(entries: Iterable[Any], patient: str) -> None:
    """Raises ProblemError 412 where a resource is another patient, or is about one."""
    listed = [one for one in entries if isinstance(one, dict) and isinstance(one.get("resource"), dict)]
    own = {_last(f"Patient/{patient}")} | {
        str(one["fullUrl"]) for one in listed if "fullUrl" in one and _is_patient(one["resource"], patient)
    }
    for entry in listed:
        resource = entry["resource"]
        other = resource.get("resourceType") == "Patient" and not _is_patient(resource, patient)
        if other or any(_last(one) not in own and one not in own for one in _about(resource)):
            fault = ProfileFault("$.prefetch", "another patient", "the patient of context.patientId")
            raise ProblemError(412, "wrong-patient", "The prefetched chart is not that of this patient.", (fault,))


def _is_patient(resource: Json, patient: str) -> bool:
    return resource.get("resourceType") == "Patient" and resource.get("id") == patient


def _about(resource: Json) -> Iterator[str]:
    """The references that say whom a resource is about."""
    for value in (resource.get("subject"), resource.get("patient")):
        reference = value.get("reference") if isinstance(value, dict) else None
        if isinstance(reference, str) and not reference.startswith("#"):
            yield reference


def _last(reference: str) -> str:
    """A reference without server and version: `Patient/p1`."""
    return "/".join(reference.partition("/_history/")[0].split("/")[-2:])


def _primary(case: Case) -> object:
    fact = case.decision.outcome.facts.get("disease.primary")
    return fact.value if isinstance(fact, ScalarFact) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
