"""The service as one ASGI application, made from its parts."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from her2cds.errors import Her2CdsError
from her2cds.evaluation import KnowledgeBase
from her2cds.service import api, openapi
from her2cds.service.access import Access
from her2cds.service.bundles import ReadBundle, reader_for
from her2cds.service.hooks import routes as hooks
from her2cds.service.page import views as page
from her2cds.service.problems import ProblemError, http_problem, problem_of, response_of, speaks_fhir
from her2cds.service.settings import Settings
from her2cds.service.shield import Shield
from her2cds.service.state import State
from her2cds.service.trail import AuditTrail
from her2cds.service.workers import Workers
from her2cds.version import __version__


def create_app(
    knowledge: KnowledgeBase,
    settings: Settings | None = None,
    *,
    trail: AuditTrail | None = None,
    read_bundle: ReadBundle | None = None,
) -> FastAPI:
    """The application. `trail` is told of every exchange; `read_bundle` replaces the FHIR import."""
    settings = settings or Settings()
    state = State(
        knowledge=knowledge,
        settings=settings,
        access=Access(settings),
        workers=Workers(settings.limits),
        reader_on=partial(reader_for, knowledge.knowledge) if read_bundle is None else lambda _: read_bundle,
        trail=trail,
    )

    app = _Application(state)
    app.include_router(api.routes(state))
    app.include_router(hooks.routes(state))
    app.include_router(page.routes(state))
    _answer_errors(app)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
        )
    app.add_middleware(Shield, state=state)
    return app


class _Application(FastAPI):
    """FastAPI whose OpenAPI document names the bodies and answers that our own readers and writers handle."""

    def __init__(self, state: State) -> None:
        super().__init__(title="her2cds", version=__version__, docs_url=None, redoc_url=None)
        self._with_tokens = not state.access.is_open

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = get_openapi(title=self.title, version=self.version, routes=self.routes)
            self.openapi_schema = openapi.complete(document, with_tokens=self._with_tokens)
        return self.openapi_schema


def _answer_errors(app: FastAPI) -> None:
    def answer(request: Request, problem: ProblemError) -> Response:
        return response_of(problem, instance=request.state.request, fhir=speaks_fhir(request.headers))

    @app.exception_handler(ProblemError)
    async def _(request: Request, error: ProblemError) -> Response:
        return answer(request, error)

    @app.exception_handler(Her2CdsError)
    async def _(request: Request, error: Her2CdsError) -> Response:
        return answer(request, problem_of(error))

    @app.exception_handler(RequestValidationError)
    async def _(request: Request, _error: RequestValidationError) -> Response:
        # Nothing but a path is left to FastAPI to check: bodies are read by our own strict reader.
        return answer(request, http_problem(404))

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> Response:
        return answer(request, http_problem(error.status_code, headers=error.headers))
