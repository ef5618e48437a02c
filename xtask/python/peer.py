"""The real Python side of the interop tests.

`peer.py serve` runs one of the two session middlewares whose cookies we share, behind the routes that
every demo server of this project has. `peer.py oracle` answers questions about itsdangerous and about
the session cookie, one JSON object a line, so that a randomised test needs only one process.

Both end when their stdin is closed: the tests hold the other end of that pipe, so a test that is
killed leaves no orphan behind.
"""

import argparse
import hashlib
import json
import os
import socket
import sys
import threading
from base64 import b64decode, b64encode

import aiomcache
import redis
import starlette_session
import uvicorn
from itsdangerous import BadData, TimestampSigner
from pymemcache.client.base import Client as MemcacheClient
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette_session.backends import BackendType
from starlette_session.interfaces import ISessionBackend


def main() -> None:
    parser = argparse.ArgumentParser(description="the real Python side of the interop tests")
    commands = parser.add_subparsers(dest="command", required=True)

    server = commands.add_parser("serve", help="a demo server on 127.0.0.1")
    server.add_argument("--app", required=True, choices=["starlette-session", "starlette"])
    server.add_argument("--secret", required=True)
    server.add_argument("--cookie-name", required=True)
    server.add_argument("--max-age", type=int, default=14 * 24 * 60 * 60, metavar="SECONDS")
    server.add_argument("--same-site", default="lax", choices=["lax", "strict", "none"])
    server.add_argument("--https-only", action="store_true")
    server.add_argument("--domain")
    store = server.add_mutually_exclusive_group()
    store.add_argument(
        "--memcache", metavar="HOST:PORT", help="starlette-session only: keep sessions in this memcached"
    )
    store.add_argument(
        "--redis", metavar="URL", help="starlette-session only: keep sessions in this Redis, as JSON"
    )
    server.add_argument(
        "--pickle",
        choices=["redis", "aioRedis", "aioMemcache"],
        help="with a store: keep sessions there with this backend of the original, as pickles",
    )
    server.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    server.add_argument("--now", type=int, metavar="UNIX", help="stop the signer's clock here")

    commands.add_parser("oracle", help="answers JSON lines on stdin with JSON lines on stdout")

    arguments = parser.parse_args()
    if arguments.command == "serve":
        serve(arguments)
    else:
        oracle()


def stop_clock(now: int) -> None:
    """Lets itsdangerous, and nothing else, believe that it is `now` for good."""
    TimestampSigner.get_timestamp = lambda _: now


# --- serve ---------------------------------------------------------------------------------------


def serve(arguments: argparse.Namespace) -> None:
    if arguments.now is not None:
        stop_clock(arguments.now)
    app = Starlette(routes=ROUTES, middleware=[session_middleware(arguments)])

    # Bound here, so that no other program gets the port once it is printed.
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", arguments.port))

    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    Server(config).run(sockets=[listener])


def session_middleware(arguments: argparse.Namespace) -> Middleware:
    common = {
        "secret_key": arguments.secret,
        "max_age": arguments.max_age,
        "same_site": arguments.same_site,
        "https_only": arguments.https_only,
        "domain": arguments.domain,
    }
    if arguments.app == "starlette-session":
        # Without a backend type, the session itself lives in the cookie.
        if arguments.pickle:
            common["backend_type"] = BackendType(arguments.pickle)
            common["backend_client"] = client_of_pickles(arguments)
        elif arguments.memcache:
            common["backend_type"] = BackendType.memcache
            # Otherwise the client would return before the value is stored.
            common["backend_client"] = MemcacheClient(arguments.memcache, default_noreply=False)
        elif arguments.redis:
            # Without a backend type other than the cookie's, a custom backend is ignored.
            common["backend_type"] = BackendType.redis
            common["custom_session_backend"] = JsonInRedis(arguments.redis)
        return Middleware(
            starlette_session.SessionMiddleware, cookie_name=arguments.cookie_name, **common
        )
    return Middleware(SessionMiddleware, session_cookie=arguments.cookie_name, **common)


def client_of_pickles(arguments: argparse.Namespace) -> object:
    if arguments.pickle == "redis":
        return redis.Redis.from_url(arguments.redis)
    if arguments.pickle == "aioRedis":
        return Redis.from_url(arguments.redis)
    host, port = arguments.memcache.split(":")
    return aiomcache.Client(host, int(port))


class JsonInRedis(ISessionBackend):
    """Sessions that other languages can read: starlette-session's own backend stores pickles."""

    def __init__(self, url: str) -> None:
        self.redis = Redis.from_url(url)

    async def get(self, key: str) -> dict | None:
        value = await self.redis.get(key)
        return None if value is None else json.loads(value)

    async def set(self, key: str, value: dict, exp: int | None) -> None:
        await self.redis.set(key, json.dumps(value), ex=exp)

    async def delete(self, key: str) -> None:
        await self.redis.delete(key)


class Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket]) -> None:
        await super().startup(sockets)
        # A thread, because an event loop can't watch every kind of stdin (a file, for one).
        threading.Thread(target=self.exit_with_stdin, daemon=True).start()
        host, port = sockets[0].getsockname()
        print(f"listening http://{host}:{port}", flush=True)

    def exit_with_stdin(self) -> None:
        # os.read, because a thread inside sys.stdin.read() holds a lock that the exiting
        # interpreter wants.
        while os.read(0, 4096):
            pass
        self.should_exit = True


def session_of(request: Request) -> Response:
    # Not JSONResponse: that one refuses NaN and lone surrogates, which a Python session may hold.
    return Response(json.dumps({"session": request.session}), media_type="application/json")


async def json_object(request: Request) -> dict:
    try:
        body = await request.json()
    except ValueError as error:
        raise HTTPException(400, f"not JSON: {error}") from error
    if not isinstance(body, dict):
        raise HTTPException(400, "not a JSON object")
    return body


async def view_session(request: Request) -> Response:
    return session_of(request)


async def setup_session(request: Request) -> Response:
    request.session.update({"data": "session_data"})
    return session_of(request)


async def update_session(request: Request) -> Response:
    request.session.update(await json_object(request))
    return session_of(request)


async def clear_session(request: Request) -> Response:
    request.session.clear()
    return session_of(request)


async def login(request: Request) -> Response:
    # The session keeps its id, if it has one: neither middleware can renew it.
    body = await json_object(request)
    if "user" not in body:
        raise HTTPException(400, "user is missing")
    request.session["user"] = body["user"]
    return session_of(request)


async def increment(request: Request) -> Response:
    key = request.query_params.get("key", "n")
    request.session[key] = request.session.get(key, 0) + 1
    return session_of(request)


async def untouched(request: Request) -> Response:
    return JSONResponse({"untouched": True})


ROUTES = [
    Route("/view_session", view_session),
    Route("/setup_session", setup_session),
    Route("/update_session", update_session, methods=["POST"]),
    Route("/clear_session", clear_session, methods=["GET", "POST"]),
    Route("/login", login, methods=["POST"]),
    Route("/logout", clear_session, methods=["POST"]),
    Route("/increment", increment, methods=["POST"]),
    Route("/untouched", untouched),
]


# --- oracle --------------------------------------------------------------------------------------

# The exceptions with which Python may answer a strange value. Any other (a missing field, an
# unknown operation) is a mistake in the question, and ends the process with a traceback.
ANSWERS = (BadData, ValueError, OverflowError, OSError, RecursionError)


def oracle() -> None:
    """Answers `{"op": ...}` lines with `{"ok": ...}` or `{"error": exception, "message": ...}`.

    Fields are named as in the interop vectors. Every question carries `now` and the signer: `secret`
    (a string, or a list from oldest to newest) or `secrets_b64` (a list), and if they are not to be
    itsdangerous's own defaults, `salt`, `key_derivation` and `digest`.

    sign          value_b64              -> the token in base64
    unsign        token_b64 [max_age]    -> the value in base64, and beside "ok" its "timestamp",
                                            which is an error past the year 9999
    dump_session  session                -> the cookie's value
    load_session  cookie_value [max_age] -> the session as JSON text
    """
    for line in sys.stdin.buffer:
        try:
            question = json.loads(line)
            answer = OPERATIONS[question["op"]](question)
        except ANSWERS as error:
            answer = {"error": type(error).__name__, "message": str(error)}
        print(json.dumps(answer), flush=True)


def sign(question: dict) -> dict:
    token = signer_of(question).sign(b64decode(question["value_b64"]))
    return {"ok": b64encode(token).decode()}


def unsign(question: dict) -> dict:
    value, issued = signer_of(question).unsign(
        b64decode(question["token_b64"]), question.get("max_age"), return_timestamp=True
    )
    return {"ok": b64encode(value).decode(), "timestamp": int(issued.timestamp())}


# The next two do what both middlewares do between the cookie and `request.session`.


def dump_session(question: dict) -> dict:
    data = b64encode(json.dumps(question["session"]).encode("utf-8"))
    return {"ok": signer_of(question).sign(data).decode("utf-8")}


def load_session(question: dict) -> dict:
    data = signer_of(question).unsign(
        question["cookie_value"].encode("utf-8"), question.get("max_age")
    )
    # As text, because a session with NaN in it would make the whole line unreadable elsewhere.
    return {"ok": json.dumps(json.loads(b64decode(data)))}


def signer_of(question: dict) -> TimestampSigner:
    stop_clock(question["now"])
    if "secrets_b64" in question:
        secret = [b64decode(key) for key in question["secrets_b64"]]
    else:
        secret = question["secret"]
    digest = question.get("digest")
    return TimestampSigner(
        secret,
        salt=question.get("salt"),
        key_derivation=question.get("key_derivation"),
        digest_method=getattr(hashlib, digest) if digest else None,
    )


OPERATIONS = {
    "sign": sign,
    "unsign": unsign,
    "dump_session": dump_session,
    "load_session": load_session,
}


if __name__ == "__main__":
    main()
