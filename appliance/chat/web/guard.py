"""Judges where a request comes from, before anything else looks at it.

A page of another site can send requests to 127.0.0.1, and with a DNS name that it rebinds it could
even read the answers: it is given away by the Host header (its own name) and the Origin header.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # "no-referrer" would turn our own Origin into "null"
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
    "Server": "dispatch",
}


def guard(port: Callable[[], int]) -> Middleware:
    """Refuses (403) what names another host or comes from another origin."""

    @web.middleware
    async def judge(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = {f"{name}:{port()}" for name in LOCAL_NAMES}
        if request.headers.getall("Host", []) != [request.host] or request.host not in hosts:
            raise web.HTTPForbidden(text=f"Not this host: open http://127.0.0.1:{port()}/\n")
        if not _is_own_origin(request):
            raise web.HTTPForbidden(text="Requests from other web pages are refused.\n")
        return await handler(request)

    return judge


def _is_own_origin(request: web.Request) -> bool:
    """Browsers always say the origin of a POST and of a WebSocket; of other requests they may."""
    origins = request.headers.getall("Origin", [])
    if not origins:
        return request.method == "GET" and "Upgrade" not in request.headers
    return origins == [f"http://{request.host}"]


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """For `Application.on_response_prepare`: on every answer, errors and files too."""
    response.headers.update(HEADERS)
