"""Runs a web application until the process is asked to stop."""

import uvicorn
from starlette.types import ASGIApp

from bot.settings import Address


async def serve(app: ASGIApp, listen: Address) -> None:
    """Serves `app` on `listen`. No access log: it would hold addresses of people."""
    config = uvicorn.Config(
        app,
        host=listen.host,
        port=listen.port,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=3,
    )
    await uvicorn.Server(config).serve()
