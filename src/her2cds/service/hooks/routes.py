"""The routes of CDS Hooks."""

from __future__ import annotations

from datetime import date as Date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from her2cds.service import openapi
from her2cds.service.bodies import json_body, object_in
from her2cds.service.hooks.answer import read_feedback
from her2cds.service.hooks.discovery import ServiceId, discovery
from her2cds.service.state import State
from her2cds.service.trail import Kept


def routes(state: State) -> APIRouter:
    """Discovery, one route for all services, and one for feedback."""
    router = APIRouter(prefix="/cds-services", dependencies=[Depends(state.access.admit_hook)])

    @router.get("", **openapi.DISCOVERY)
    async def services() -> dict[str, Any]:
        """The services, and what each needs of the chart."""
        return discovery()

    @router.post("/{service}", **openapi.HOOK)
    async def call(service: ServiceId, request: Request) -> Response:
        """The cards of one service for one call."""
        body, today = await json_body(request), Date.today()
        text = await state.workers.run(lambda: state.answers_on(today).cards(service, object_in(body)))
        request.state.kept = (Kept(f"cds-hooks/{service.hook}", body, text, today),)
        return Response(text, media_type="application/json")

    @router.post("/{service}/feedback", **openapi.FEEDBACK)
    async def feedback(_service: Annotated[ServiceId, Path(alias="service")], request: Request) -> dict[str, Any]:
        """What users did with cards. It goes to the audit trail, where there is one, and nowhere else."""
        body = await json_body(request)
        await state.workers.run(lambda: read_feedback(object_in(body)))
        request.state.kept = (Kept("cds-hooks/feedback", body, "{}"),)
        return {}

    return router
