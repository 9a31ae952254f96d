"""The routes of the page. It works without script; the script only spares reloading it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from her2cds.errors import Her2CdsError
from her2cds.service.access import COOKIE, SESSION_SECONDS
from her2cds.service.page import visit
from her2cds.service.page.form import profile_in
from her2cds.service.page.render import page, script, sign_in_page, style_sheet
from her2cds.service.problems import ProblemError
from her2cds.service.state import State
from her2cds.service.trail import Kept

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 20_000
_KEEP = {"Cache-Control": "public, max-age=3600"}


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
        form = await _form(request, state)
        found, html = await state.workers.run(lambda: _answered(form, state))
        if found.report:
            request.state.kept = Kept("evaluate", _json(found.tree), found.report.to_json(indent=None))
        return HTMLResponse(html, status_code=422 if found.faults or found.refusal else 200)

    @router.post("/export/{name}")
    async def export(name: str, request: Request) -> Response:
        form = await _form(request, state)
        if name not in visit.EXPORTS:
            raise ProblemError(404, "not-found", f"There is {', '.join(visit.EXPORTS)}.")
        answer = await state.workers.run(lambda: _exported(name, form, state))
        request.state.kept = Kept(f"export/{name}", _json(profile_in(form)), bytes(answer.body).decode())
        return answer

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        try:
            session = state.access.sign_in(_fields(request, await request.body()).get("token", [""])[0])
        except ProblemError:
            return HTMLResponse(sign_in_page(refused=True), status_code=401)
        request.state.kept = Kept("sign-in", None, "signed in")
        answer = RedirectResponse("/", status_code=303)
        secure = state.settings.base_url.startswith("https:")
        answer.set_cookie(
            COOKIE, session, max_age=SESSION_SECONDS, httponly=True, samesite="strict", secure=secure, path="/"
        )
        return answer

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        state.access.sign_out(request.cookies.get(COOKIE, ""))
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


async def _form(request: Request, state: State) -> dict[str, list[str]]:
    if not state.access.admit_page(request):
        raise ProblemError(401, "not-signed-in", "Sign in first.")
    return _fields(request, await request.body())


def _fields(request: Request, body: bytes) -> dict[str, list[str]]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise ProblemError(415, "not-a-form", f"The body is to be {_FORM}.")
    try:
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise ProblemError(400, "not-a-form", "The form cannot be read.") from None


def _answered(form: dict[str, list[str]], state: State) -> tuple[visit.Visit, str]:
    found = visit.visit(form, state)
    return found, page(found, state)


def _json(tree: dict[str, Any]) -> str:
    return json.dumps(tree, ensure_ascii=False)


def _exported(name: str, form: dict[str, list[str]], state: State) -> Response:
    """A file for download; where the profile has faults, the page with the faults instead."""
    make: Callable[[dict[str, Any], State], tuple[str, str]] = visit.EXPORTS[name]
    try:
        content, media_type = make(profile_in(form), state)
    except Her2CdsError:
        _, html = _answered(form, state)
        return HTMLResponse(html, status_code=422)
    headers = {"Content-Disposition": f'attachment; filename="her2cds-{name}"'}
    return Response(content, media_type=media_type, headers=headers)
