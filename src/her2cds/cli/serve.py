"""`her2cds serve`: reports over HTTP, CDS Hooks and the page for the clinic."""

from __future__ import annotations

import secrets
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from her2cds.cli.options import Overlay, Registry, Rules
from her2cds.cli.output import Exit, fail, open_knowledge, stdout
from her2cds.cli.recording import OptionalUrl, open_log

if TYPE_CHECKING:
    from her2cds.service.settings import Settings

_PER_MINUTE = 600


def serve(
    host: Annotated[str, typer.Option("--host", help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8080,
    base_url: Annotated[
        str | None, typer.Option("--base-url", help="how clients reach the service, such as https://cds.example.org")
    ] = None,
    tokens: Annotated[
        Path | None, typer.Option("--tokens", envvar="HER2CDS_TOKENS", help="file of SUBJECT sha256:HEX lines")
    ] = None,
    cds_clients: Annotated[
        Path | None, typer.Option("--cds-clients", help="YAML list of the EHRs that may call: issuer and jwks")
    ] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option("--allow-origin", help="origin whose pages may call the service (CORS)")
    ] = None,
    per_minute: Annotated[
        int | None,
        typer.Option("--per-minute", min=1, help="requests of one caller (default: 600; only this machine: any)"),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="answers computed at once")] = 4,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="trust the caller's address that a proxy on this machine states")
    ] = False,
    new_token: Annotated[
        str | None, typer.Option("--new-token", metavar="SUBJECT", help="print a new token and its line, and stop")
    ] = None,
    audit: OptionalUrl = None,
    registry: Registry = None,
    overlay: Overlay = None,
    rules: Rules = None,
) -> None:
    """Serve reports, CDS Hooks 2.0 and a page for the clinic over HTTP (needs the extra her2cds[service])."""
    try:
        from her2cds.service import run
    except ImportError as error:
        code = fail(Exit.usage, f"`her2cds serve` needs more libraries: pip install 'her2cds[service]' ({error})")
        raise typer.Exit(int(code)) from None
    from her2cds.errors import ServiceError

    try:
        if new_token is not None:
            _print_token(new_token)
            return
        url = base_url if base_url is not None else f"http://{f'[{host}]' if ':' in host else host}:{port}"
        settings = _settings(url, tokens, cds_clients, tuple(allow_origin or ()), workers)
        run.check_exposure(host, settings, behind_proxy=behind_proxy)
        settings = _with_rate(settings, per_minute, host, behind_proxy=behind_proxy)
        knowledge = open_knowledge(rules, registry, overlay)
        with open_log(audit, create=True) if audit else nullcontext() as trail:
            run.serve(knowledge, settings, host=host, port=port, behind_proxy=behind_proxy, trail=trail)
    except ServiceError as error:
        raise typer.Exit(int(fail(Exit.usage, str(error)))) from None


def _settings(
    base_url: str, tokens: Path | None, cds_clients: Path | None, origins: tuple[str, ...], workers: int
) -> Settings:
    from her2cds.service.settings import Limits, Settings, checked_base_url, read_cds_clients, read_tokens

    return Settings(
        base_url=checked_base_url(base_url),
        tokens=read_tokens(tokens) if tokens else {},
        cds_clients=read_cds_clients(cds_clients) if cds_clients else (),
        origins=origins,
        limits=Limits(workers=workers),
    )


def _with_rate(settings: Settings, per_minute: int | None, host: str, *, behind_proxy: bool) -> Settings:
    """The settings with the requests of one caller: as asked for, else bounded where other machines can call."""
    from her2cds.service.settings import is_exposed

    usual = _PER_MINUTE if is_exposed(host, settings, behind_proxy=behind_proxy) else None
    return replace(settings, limits=replace(settings.limits, per_minute=per_minute or usual))


def _print_token(subject: str) -> None:
    from her2cds.service.settings import check_subject, digest

    check_subject(subject)
    token = secrets.token_urlsafe(32)
    stdout(f"token, for the caller, shown this once: {token}")
    stdout(f"line for the token file: {subject} {digest(token)}")
