"""GET /metrics and GET /healthz, on loopback or on a Unix socket; see the package."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from appliance.errors import ConfigError
from appliance.local_sockets import listen
from appliance.ports import Ready

WELL = "ok"
CLOSE_SECONDS = 1.0
LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class MetricsSite:
    """A part of the daemon. `address` is a path, or HOST:PORT of loopback.

    `ailment` is why nothing is done, "" while all is well. `run` raises ConfigError when it
    cannot listen there.
    """

    def __init__(
        self, address: str, registry: CollectorRegistry, ailment: Callable[[], str]
    ) -> None:
        self._address = address
        self._registry = registry
        self._ailment = ailment

    async def run(self, ready: Ready) -> None:
        application = web.Application(middlewares=[] if self._is_path else [_only_local_names()])
        application.router.add_get("/metrics", self._metrics)
        application.router.add_get("/healthz", self._health)
        runner = web.AppRunner(
            application, access_log=None, handle_signals=False, shutdown_timeout=CLOSE_SECONDS
        )
        await runner.setup()
        try:
            await self._listen(runner)
            ready()
            await asyncio.get_running_loop().create_future()
        finally:
            await runner.cleanup()

    @property
    def _is_path(self) -> bool:
        return self._address.startswith("/")

    async def _listen(self, runner: web.AppRunner) -> None:
        if self._is_path:
            await web.SockSite(runner, listen(Path(self._address))).start()
            return
        host, _, port = self._address.rpartition(":")
        try:
            await web.TCPSite(runner, host.strip("[]"), int(port)).start()
        except OSError as error:
            raise ConfigError(
                f"the metrics cannot listen on {self._address}: {error.strerror}",
                hint="choose another port in [metrics]",
            ) from error

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4}
        )

    async def _health(self, _request: web.Request) -> web.Response:
        ailment = " ".join(self._ailment().split())
        return web.Response(status=503 if ailment else 200, text=f"{ailment or WELL}\n")


def _only_local_names() -> Middleware:
    """A web page that has its name lead to 127.0.0.1 is given away by that name, and refused."""

    @web.middleware
    async def judge(request: web.Request, handler: Handler) -> web.StreamResponse:
        host, _, port = request.host.rpartition(":")
        name = host if port.isdecimal() else request.host
        if name not in LOCAL_NAMES:
            raise web.HTTPForbidden(text="Not this host.\n")
        return await handler(request)

    return judge
