"""The server in Starlette, with starlette-session as it is."""

import argparse
import html
import json
import os
import socket
import sys
import threading
from pathlib import Path
from urllib.parse import parse_qs

try:
    import redis.asyncio
    import uvicorn
    from pymemcache.client.base import Client as MemcacheClient
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, RedirectResponse
    from starlette.routing import Route
    from starlette_session import ISessionBackend, SessionMiddleware
    from starlette_session.backends import BackendType
except ImportError as error:
    sys.exit(f"a Python package is missing: {error}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cookie-name", required=True)
    parser.add_argument("--backend", required=True, choices=["cookie", "redis", "memcache"])
    parser.add_argument("--redis-url")
    parser.add_argument("--memcache-addr")
    parser.add_argument("others", nargs="*", help="where axum and actix-web are")
    arguments = parser.parse_args()

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    names = ["axum", "actix-web", "Starlette"]
    links = zip(names, [*arguments.others, url])

    app = Starlette(
        routes=[
            Route("/", home),
            Route("/login", login, methods=["POST"]),
            Route("/logout", logout, methods=["POST"]),
        ],
        middleware=[Middleware(SessionMiddleware, **sessions(arguments))],
    )
    app.state.links = " ".join(f'<a href="{url}">{name}</a>' for name, url in links)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    Server(config).run(sockets=[listener])


def sessions(arguments: argparse.Namespace) -> dict:
    """What starlette-session needs to share sessions with the servers in Rust."""
    common = {"secret_key": os.environ["SESSION_SECRET"], "cookie_name": arguments.cookie_name}
    if arguments.backend == "redis":
        # Its own backend would write pickles, which only Python reads. The type has no effect, but without a type the
        # backend would be ignored.
        backend = JsonInRedis(redis.asyncio.Redis.from_url(arguments.redis_url))
        return {**common, "backend_type": BackendType.redis, "custom_session_backend": backend}
    if arguments.backend == "memcache":
        # With `noreply`, its default, the client would return before a session is stored.
        client = MemcacheClient(arguments.memcache_addr, default_noreply=False)
        return {**common, "backend_type": BackendType.memcache, "backend_client": client}
    return common


class JsonInRedis(ISessionBackend):
    def __init__(self, client: redis.asyncio.Redis):
        self.client = client

    async def get(self, key: str) -> dict | None:
        value = await self.client.get(key)
        return None if value is None else json.loads(value)

    async def set(self, key: str, value: dict, exp: int | None) -> None:
        await self.client.set(key, json.dumps(value), ex=exp)

    async def delete(self, key: str) -> None:
        await self.client.delete(key)


async def home(request: Request) -> HTMLResponse:
    # The session is None if the cookie names one that is gone.
    user = (request.session or {}).get("user")
    page = Path(__file__).with_name("page.html").read_text()
    page = page.replace("{server}", "Starlette").replace("{links}", request.app.state.links)
    greeting = "You are not logged in." if user is None else f"You are {html.escape(user, quote=False)}."
    return HTMLResponse(page.replace("{greeting}", greeting))


async def login(request: Request) -> RedirectResponse:
    user = parse_qs((await request.body()).decode())["user"][0]
    # A new id, so that an attacker who knew the old one is not logged in. starlette-session can't renew an id itself.
    request.scope.pop("__session_key", None)
    request.scope["session"] = {**(request.session or {}), "user": user}
    return RedirectResponse("/", 303)


async def logout(request: Request) -> RedirectResponse:
    request.scope["session"] = {}
    return RedirectResponse("/", 303)


class Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket]) -> None:
        await super().startup(sockets)
        threading.Thread(target=self.exit_with_stdin, daemon=True).start()
        print("listening http://{}:{}".format(*sockets[0].getsockname()), flush=True)

    def exit_with_stdin(self) -> None:
        """The other servers hold the other end of it."""
        while os.read(0, 4096):
            pass
        self.should_exit = True


if __name__ == "__main__":
    main()
