"""The real Flask and Django of the interop tests, behind the routes of the demos.

    frameworks.py flask|django --secret S --cookie-name NAME [--fallback OLD ...] [--max-age SECONDS]
                               [--redis URL [--key-prefix P]] [--database URL] [--json] [--signer] [--permanent] [--django-redis]

Without `--redis` and `--database`, sessions live in the cookie. It ends when its stdin is closed, so a test that is killed leaves no orphan
behind.
"""

import argparse
import datetime
import json
import os
import threading
import warnings
from socketserver import ThreadingMixIn
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


def main() -> None:
    parser = argparse.ArgumentParser(description="the real Flask and Django of the interop tests")
    parser.add_argument("framework", choices=["flask", "django"])
    parser.add_argument("--secret", required=True)
    parser.add_argument("--cookie-name", required=True)
    parser.add_argument("--fallback", action="append", default=[])
    parser.add_argument("--max-age", type=int)
    parser.add_argument("--redis", metavar="URL")
    parser.add_argument("--key-prefix", help="with --redis: of Flask-Session, or of Django's cache")
    parser.add_argument("--database", metavar="URL", help="Django: sessions and users in this database; with --redis, copies there")
    parser.add_argument("--json", action="store_true", help="with --redis: JSON instead of the framework's default")
    parser.add_argument("--signer", action="store_true", help="Flask-Session: sign the id")
    parser.add_argument("--permanent", action="store_true", help="Flask's cookies: make changed sessions permanent")
    parser.add_argument("--django-redis", action="store_true", help="the cache of the package django-redis")
    arguments = parser.parse_args()
    app = flask_app(arguments) if arguments.framework == "flask" else django_app(arguments)
    with make_server("127.0.0.1", 0, app, Server, Handler) as server:
        threading.Thread(target=exit_with_stdin, daemon=True).start()
        print(f"listening http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


def exit_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Handler(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


# --- Flask ---------------------------------------------------------------------------------------


def flask_app(arguments: argparse.Namespace) -> object:
    from flask import Flask, flash, get_flashed_messages, jsonify, request, session

    # SESSION_USE_SIGNER is deprecated.
    warnings.simplefilter("ignore")
    app = Flask("peer")
    app.secret_key = arguments.secret
    app.config.update(SESSION_COOKIE_NAME=arguments.cookie_name, SECRET_KEY_FALLBACKS=arguments.fallback)
    if arguments.max_age:
        app.config["PERMANENT_SESSION_LIFETIME"] = datetime.timedelta(seconds=arguments.max_age)
    if arguments.redis:
        import redis
        from flask_session import Session

        app.config.update(
            SESSION_TYPE="redis",
            SESSION_REDIS=redis.Redis.from_url(arguments.redis),
            SESSION_SERIALIZATION_FORMAT="json" if arguments.json else "msgpack",
            SESSION_USE_SIGNER=arguments.signer,
            SESSION_KEY_PREFIX=arguments.key_prefix or "session:",
        )
        Session(app)

    def answer() -> object:
        # Not that of permanent sessions, which Rust hides.
        return jsonify(session={key: value for key, value in session.items() if key != "_permanent"})

    def changed() -> object:
        if arguments.permanent:
            session.permanent = True
        return answer()

    @app.get("/view_session")
    def view() -> object:
        return answer()

    @app.post("/update_session")
    def update() -> object:
        session.update(request.get_json(force=True))
        return changed()

    @app.post("/login")
    def login() -> object:
        session["user"] = request.get_json(force=True)["user"]
        if arguments.redis:
            # A new id, against fixation.
            app.session_interface.regenerate(session)
        return changed()

    @app.post("/flash")
    def add_flash() -> object:
        flash("Saved")
        return answer()

    @app.get("/flashed")
    def flashed() -> object:
        return jsonify(session={"messages": get_flashed_messages()})

    @app.post("/logout")
    @app.post("/clear_session")
    def clear() -> object:
        session.clear()
        return answer()

    return app


# --- Django --------------------------------------------------------------------------------------


def django_app(arguments: argparse.Namespace) -> object:
    import django
    from django.conf import settings
    from django.contrib import messages
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpRequest, JsonResponse
    from django.urls import path

    own, package = "django.core.cache.backends.redis.RedisCache", "django_redis.cache.RedisCache"
    cache = {"BACKEND": package if arguments.django_redis else own, "LOCATION": arguments.redis}
    cache["KEY_PREFIX"] = arguments.key_prefix or ""
    if arguments.json:
        cache["OPTIONS"] = {"SERIALIZER": "django_redis.serializers.json.JSONSerializer"}

    def answer(request: HttpRequest) -> JsonResponse:
        return JsonResponse({"session": dict(request.session.items())})

    def update(request: HttpRequest) -> JsonResponse:
        request.session.update(json.loads(request.body))
        return answer(request)

    def login(request: HttpRequest) -> JsonResponse:
        # As django.contrib.auth.login does.
        request.session.cycle_key()
        request.session["user"] = json.loads(request.body)["user"]
        return answer(request)

    def expire(request: HttpRequest) -> JsonResponse:
        request.session.set_expiry(json.loads(request.body))
        return answer(request)

    def logout(request: HttpRequest) -> JsonResponse:
        request.session.flush()
        return answer(request)

    def clear(request: HttpRequest) -> JsonResponse:
        request.session.clear()
        return answer(request)

    def add_message(request: HttpRequest) -> JsonResponse:
        messages.success(request, "Saved é")
        return answer(request)

    def shown(request: HttpRequest) -> JsonResponse:
        return JsonResponse({"session": {"messages": [str(message) for message in messages.get_messages(request)]}})

    def sign_in(request: HttpRequest) -> JsonResponse:
        from django.contrib.auth import login
        from django.contrib.auth.models import User

        name = json.loads(request.body)["user"]
        user = User.objects.filter(username=name).first() or User.objects.create_user(name, password="secret")
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        return answer(request)

    def user(request: HttpRequest) -> JsonResponse:
        return JsonResponse({"session": [request.user.username, getattr(request.user, "password", "")]})

    def row(request: HttpRequest) -> JsonResponse:
        from django.contrib.sessions.models import Session
        from django.core import signing

        row = Session.objects.filter(session_key=request.COOKIES.get(arguments.cookie_name)).first()
        if row is None:
            return JsonResponse({"session": None})
        data = row.session_data
        text = signing.loads(data, salt="django.contrib.sessions.SessionStore", serializer=Text)
        return JsonResponse({"session": [data, text, str(row.expire_date)]})

    routes = {
        "view_session": answer,
        "update_session": update,
        "login": login,
        "expire": expire,
        "logout": logout,
        "clear_session": clear,
        "flash": add_message,
        "flashed": shown,
        # With a database.
        "sign_in": sign_in,
        "user": user,
        "row": row,
    }

    class Urls:
        urlpatterns = [path(name, view) for name, view in routes.items()]

    stores = {(False, False): "signed_cookies", (True, False): "cache", (False, True): "db", (True, True): "cached_db"}
    engine = stores[bool(arguments.redis), bool(arguments.database)]
    middleware = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ]
    if arguments.database:
        middleware.append("django.contrib.auth.middleware.AuthenticationMiddleware")
    settings.configure(
        SECRET_KEY=arguments.secret,
        SECRET_KEY_FALLBACKS=arguments.fallback,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=Urls,
        SESSION_COOKIE_NAME=arguments.cookie_name,
        SESSION_COOKIE_AGE=arguments.max_age or 14 * 24 * 60 * 60,
        SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}",
        CACHES={"default": cache} if arguments.redis else {},
        DATABASES={"default": database_of(arguments.database)} if arguments.database else {},
        INSTALLED_APPS=[f"django.contrib.{app}" for app in ("auth", "contenttypes", "sessions")],
        MIDDLEWARE=middleware,
        MESSAGE_STORAGE="django.contrib.messages.storage.session.SessionStorage",
        LOGGING_CONFIG=None,
    )
    django.setup()
    if arguments.database:
        call_command("migrate", verbosity=0)
    return get_wsgi_application()


class Text:
    """Reads a signed text as it is."""

    def loads(self, data: bytes) -> str:
        return data.decode("latin-1")


def database_of(url: str) -> dict:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": parts.path}
    if parts.scheme == "mysql":
        # In place of mysqlclient, which is not pure Python.
        import pymysql

        pymysql.install_as_MySQLdb()
    engine = {"mysql": "mysql", "postgres": "postgresql"}[parts.scheme]
    name, user = parts.path.removeprefix("/"), parts.username
    return {"ENGINE": f"django.db.backends.{engine}", "NAME": name, "USER": user, "HOST": parts.hostname, "PORT": parts.port}


if __name__ == "__main__":
    main()
