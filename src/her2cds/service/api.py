"""The routes that answer with JSON: reports, explanations, comparisons, questions, and what the rules hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from fastapi import APIRouter, Depends, Request, Response

from her2cds import evaluation
from her2cds.exploration.change import Changes, what_if
from her2cds.exploration.effects import what_is_missing
from her2cds.interop.fhir.export import to_fhir_json
from her2cds.service import openapi
from her2cds.service.bodies import imported, json_body, only_parts, part, patient_in
from her2cds.service.bundles import is_bundle
from her2cds.service.problems import FHIR_JSON, ProblemError, accepts_fhir
from her2cds.service.state import State
from her2cds.service.trail import Kept
from her2cds.version import __version__

Json = dict[str, Any]


class Answer(Protocol):
    """Anything that can be written as JSON."""

    def to_json(self, indent: int | None = 2) -> str:
        """The answer as JSON."""


def routes(state: State) -> APIRouter:
    """The routes of the JSON interface."""
    knowledge = state.knowledge
    router = APIRouter(dependencies=[Depends(state.access.admit)])

    async def answered(request: Request, answer: Callable[[Json], Answer]) -> Response:
        body = await json_body(request)
        text = await state.workers.run(lambda: answer(body).to_json(indent=None))
        return await _sent(request, text, "application/json", fhir=is_bundle(body))

    def patient(body: Json) -> Json:
        return patient_in(body, state.read_bundle)

    def within(body: Json) -> Json:
        return patient(part(body, "patient", dict))

    @router.post("/evaluate", **openapi.EVALUATE)
    async def evaluate(request: Request) -> Response:
        """The report for a patient: a profile, or a FHIR Bundle. Who accepts FHIR gets it as a Bundle of proposals."""
        if accepts_fhir(request.headers):
            body = await json_body(request)
            text = await state.workers.run(lambda: to_fhir_json(evaluation.evaluate(patient(body), knowledge)))
            return await _sent(request, text, FHIR_JSON, fhir=True)
        return await answered(request, lambda body: evaluation.evaluate(patient(body), knowledge))

    @router.post("/questions", **openapi.QUESTIONS)
    async def questions(request: Request) -> Response:
        """What is missing, and what each possible answer would change."""
        return await answered(
            request, lambda body: what_is_missing(evaluation.examine(patient(body), knowledge), knowledge)
        )

    @router.post("/explain", **openapi.EXPLAIN)
    async def explain(request: Request) -> Response:
        """Why, or why not: a regimen, rule, trial, criterion or derived fact; or one ranked regimen over another."""

        def answer(body: Json) -> Answer:
            only_parts(body, "patient", "name", "over")
            name = part(body, "name", str)
            if "over" in body:
                return evaluation.explain_order(within(body), name, part(body, "over", str), knowledge)
            return evaluation.explain(within(body), name, knowledge)

        return await answered(request, answer)

    @router.post("/what-if", **openapi.WHAT_IF)
    async def compare(request: Request) -> Response:
        """What changes of the profile would change: what enters, leaves and moves, and why."""

        def answer(body: Json) -> Answer:
            only_parts(body, "patient", "set", "remove", "append", "progresses_on")
            return what_if(within(body), changes_in(body), knowledge)

        return await answered(request, answer)

    @router.post("/import", **openapi.IMPORT)
    async def read(request: Request) -> Response:
        """The import report of a FHIR Bundle: what became of every record. The profile itself is not evaluated."""

        def answer(body: Json) -> Answer:
            return imported(body, state.read_bundle).report

        return await answered(request, answer)

    @router.get("/knowledge", **openapi.KNOWLEDGE)
    async def describe() -> Json:
        """Which knowledge base answers, and what it holds."""
        return _described(state)

    return router


async def _sent(request: Request, text: str, media_type: str, *, fhir: bool) -> Response:
    """The answer, kept under the name of its route; what a replay cannot evaluate again has `/fhir` added."""
    kind = request.url.path.strip("/") + ("/fhir" if fhir else "")
    request.state.kept = Kept(kind, await request.body(), text)
    return Response(text, media_type=media_type)


def changes_in(body: Json) -> Changes:
    """The changes of a what-if request."""
    changes = Changes(
        set=part(body, "set", dict, {}),
        remove=tuple(part(body, "remove", list, [])),
        append=part(body, "append", dict, {}),
        progresses_on=tuple(part(body, "progresses_on", list, [])),
    )
    if not changes.in_words:
        raise ProblemError(422, "no-change", "Give at least one of set, remove, append, progresses_on.")
    return changes


def _described(state: State) -> Json:
    data = state.knowledge.knowledge.data
    return {
        "id": data.manifest.id,
        "version": data.manifest.version,
        "content_hash": data.content_hash,
        "evidence_cut_off": data.manifest.evidence_cut_off,
        "intended_use": data.manifest.intended_use,
        "software_version": __version__,
        "rules": len(data.rules),
        "evidence": len(data.evidence),
        "regimens": [{"id": one.id, "name": one.name} for one in data.regimens],
        "drugs": [{"id": one.id, "name": one.name} for one in data.drugs],
        "trials": [{"id": one.id, "title": one.title} for one in data.trials],
        "sources": [{"id": one.id, "citation": one.citation, "doi": one.doi} for one in data.sources],
    }
