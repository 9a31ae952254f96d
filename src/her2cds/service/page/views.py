"""The routes of the page. It works without script; the script only spares reloading it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date as Date
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from her2cds.errors import Her2CdsError
from her2cds.service.access import COOKIE, SESSION_SECONDS
from her2cds.service.answers import Answer
from her2cds.service.arrival import read_at_most
from her2cds.service.page import visit
from her2cds.service.page.form import profile_in
from her2cds.service.page.render import page, script, sign_in_page, style_sheet
from her2cds.service.problems import ProblemError
from her2cds.service.state import State
from her2cds.service.trail import Kept

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 20_000
_MOST_TO_SIGN_IN = 4_000  # bytes
_KEEP = {"Cache-Control": "public, max-age=3600"}
Form = dict[str, list[str]]


def routes(state: State) -> APIRouter:
    """The page, its two files, the exports, and signing in and out."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def empty(request: Request) -> Response:
        if not state.access.admit_page(request):
            return HTMLResponse(sign_in_page(), status_code=401)
        return HTMLResponse(page(visit.Visit({}), state))

    @router.post("/")
    async def submitted(request: Request) -> Response:
        body, today = await _form_of(request, state), Date.today()
        html, status, kept = await state.workers.run(lambda: _answered(_fields(body), state, today))
        request.state.kept = kept
        return HTMLResponse(html, status_code=status)

    @router.post("/export/{name}")
    async def export(name: str, request: Request) -> Response:
        body, today = await _form_of(request, state), Date.today()
        if name not in visit.EXPORTS:
            raise ProblemError(404, "not-found", f"There is {', '.join(visit.EXPORTS)}.")
        answer, request.state.kept = await state.workers.run(lambda: _exported(name, _fields(body), state, today))
        return answer

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        read_at_most(request, _MOST_TO_SIGN_IN)  # whoever it is: nobody is known yet
        token = _fields(await _body(request)).get("token", [""])[0]
        try:
            session = state.access.sign_in(request, token)
        except ProblemError:
            return HTMLResponse(sign_in_page(refused=True), status_code=401)
        request.state.kept = (Kept("sign-in", None, "signed in"),)
        answer = RedirectResponse("/", status_code=303)
        secure = state.settings.base_url.startswith("https:")
        answer.set_cookie(
            COOKIE, session, max_age=SESSION_SECONDS, httponly=True, samesite="strict", secure=secure, path="/"
        )
        return answer

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        if state.access.sign_out(request):
            request.state.kept = (Kept("sign-out", None, "signed out"),)
        answer = RedirectResponse("/", status_code=303)
        answer.delete_cookie(COOKIE)
        return answer

    @router.get("/static/her2cds.css")
    async def css() -> Response:
        return Response(style_sheet(), media_type="text/css", headers=_KEEP)

    @router.get("/static/her2cds.js")
    async def js() -> Response:
        return Response(script(), media_type="text/javascript", headers=_KEEP)

    return router


async def _form_of(request: Request, state: State) -> bytes:
    """The body of a form, of somebody who may see the page."""
    if not state.access.admit_page(request):
        raise ProblemError(401, "not-signed-in", "Sign in first.")
    return await _body(request)


async def _body(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise ProblemError(415, "not-a-form", f"The body is to be {_FORM}.")
    return await request.body()


def _fields(body: bytes) -> Form:
    try:
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise ProblemError(400, "not-a-form", "The form cannot be read.") from None


def _answered(form: Form, state: State, today: Date) -> tuple[str, int, tuple[Kept, ...]]:
    """The page for a form, its status, and what of its answers is kept."""
    found = visit.visit(form, state, today)
    kept = tuple(Kept(kind, _json(body), answer.to_json(indent=None), today) for kind, body, answer in _shown(found))
    return page(found, state), 422 if found.faults or found.refusal else 200, kept


def _shown(found: visit.Visit) -> Iterator[tuple[str, dict[str, Any], Answer]]:
    """Each answer that the page shows, with its kind and the body by which the JSON interface gives the same."""
    if found.report:
        yield "evaluate", found.tree, found.report
    if found.missing:
        yield "questions", found.tree, found.missing
    if found.comparison:
        yield "what-if", {"patient": found.tree, **found.changed}, found.comparison
    if found.why:
        yield "explain", {"patient": found.tree, "name": found.asked}, found.why


def _exported(name: str, form: Form, state: State, today: Date) -> tuple[Response, tuple[Kept, ...]]:
    """A file for download; where the profile has faults, the page with the faults instead."""
    try:
        tree = profile_in(form)
        content, media_type = visit.EXPORTS[name](tree, state, today)
    except Her2CdsError:
        html, _, _ = _answered(form, state, today)
        return HTMLResponse(html, status_code=422), ()
    headers = {"Content-Disposition": f'attachment; filename="her2cds-{name}"'}
    kept = Kept(f"export/{name}", _json(tree), content, today)
    return Response(content, media_type=media_type, headers=headers), (kept,)


def _json(tree: dict[str, Any]) -> str:
    return json.dumps(tree, ensure_ascii=False)
