"""The routes that answer with JSON: reports, explanations, comparisons, questions, and what the rules hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date as Date
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from her2cds.service import openapi
from her2cds.service.answers import Answers
from her2cds.service.bodies import json_body, object_in
from her2cds.service.problems import FHIR_JSON, accepts_fhir
from her2cds.service.state import State
from her2cds.service.trail import Kept
from her2cds.version import __version__

Json = dict[str, Any]


def routes(state: State) -> APIRouter:
    """The routes of the JSON interface."""
    router = APIRouter(dependencies=[Depends(state.access.admit)])

    async def answered(
        request: Request, answer: Callable[[Answers, Json], str], ending: str = "", media_type: str = "application/json"
    ) -> Response:
        """The answer, kept under its kind: the name of its route, with an ending where FHIR goes out."""
        body, today = await json_body(request), Date.today()
        text = await state.workers.run(lambda: answer(state.answers_on(today), object_in(body)))
        request.state.kept = (Kept(request.url.path.strip("/") + ending, body, text, today),)
        return Response(text, media_type=media_type)

    @router.post("/evaluate", **openapi.EVALUATE)
    async def evaluate(request: Request) -> Response:
        """The report for a patient: a profile, or a FHIR Bundle. Who accepts FHIR gets it as a Bundle of proposals."""
        if accepts_fhir(request.headers):
            return await answered(request, Answers.proposals, "/fhir", FHIR_JSON)
        return await answered(request, Answers.report)

    @router.post("/questions", **openapi.QUESTIONS)
    async def questions(request: Request) -> Response:
        """What is missing, and what each possible answer would change."""
        return await answered(request, Answers.questions)

    @router.post("/explain", **openapi.EXPLAIN)
    async def explain(request: Request) -> Response:
        """Why, or why not: a regimen, rule, trial, criterion or derived fact; or one ranked regimen over another."""
        return await answered(request, Answers.explanation)

    @router.post("/what-if", **openapi.WHAT_IF)
    async def compare(request: Request) -> Response:
        """What changes of the profile would change: what enters, leaves and moves, and why."""
        return await answered(request, Answers.comparison)

    @router.post("/import", **openapi.IMPORT)
    async def read(request: Request) -> Response:
        """The import report of a FHIR Bundle: what became of every record. The profile itself is not evaluated."""
        return await answered(request, Answers.import_report)

    @router.get("/knowledge", **openapi.KNOWLEDGE)
    async def describe() -> Json:
        """Which knowledge base answers, and what it holds."""
        return _described(state)

    return router


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
