"""Runs the service on a socket, with what a server on its own needs: limits, quiet logs, no banner."""

from __future__ import annotations

import logging

import uvicorn

from her2cds.errors import ServiceError
from her2cds.evaluation import KnowledgeBase
from her2cds.service.app import create_app
from her2cds.service.settings import Settings, is_exposed
from her2cds.service.trail import AuditTrail

_IDLE_SECONDS = 5
_MOST_CONNECTIONS = 500


def check_exposure(host: str, settings: Settings, *, behind_proxy: bool = False) -> None:
    """Raises ServiceError where the service would be open to other machines without asking who calls.

    Others reach it at an address that is not loopback, and as well through a proxy on this machine: `behind_proxy`,
    or a base URL of another name, says that there is one.
    """
    if is_exposed(host, settings, behind_proxy=behind_proxy) and not settings.needs_access:
        raise ServiceError(
            f"{host}, {settings.base_url}: other machines can reach this address, and everybody could ask. Give "
            "--tokens or --cds-clients, or listen on 127.0.0.1 without a proxy and with a base URL of this machine."
        )


def serve(
    knowledge: KnowledgeBase,
    settings: Settings,
    *,
    host: str,
    port: int,
    behind_proxy: bool,
    trail: AuditTrail | None = None,
) -> None:
    """Serve until stopped. `behind_proxy` trusts the client address that a proxy on this machine states.

    Raises ServiceError before it listens, where that would not be safe.
    """
    check_exposure(host, settings, behind_proxy=behind_proxy)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    uvicorn.run(
        create_app(knowledge, settings, trail=trail),
        host=host,
        port=port,
        access_log=False,  # our own log has routes, and no paths that a caller makes up
        server_header=False,
        proxy_headers=behind_proxy,
        timeout_keep_alive=_IDLE_SECONDS,
        limit_concurrency=_MOST_CONNECTIONS,
        log_level="warning",
    )
