"""Another program that uses the table: reads and writes a session, and makes one. Values are JSON."""

import json
import sqlite3
import sys
from urllib.parse import urlparse


def connect(url):
    """Returns a connection, its sign for parameters, and the expiry of a session that lives for an hour."""
    place = urlparse(url)
    if place.scheme == "sqlite":
        return sqlite3.connect(place.path), "?", "1000 * (strftime('%s', 'now') + 3600)"
    if place.scheme == "postgres":
        import pg8000.dbapi

        connection = pg8000.dbapi.connect(place.username, host=place.hostname, port=place.port, database=place.path[1:])
        return connection, "%s", "now() + interval '1 hour'"
    import pymysql

    connection = pymysql.connect(host=place.hostname, port=place.port, user=place.username, database=place.path[1:])
    return connection, "%s", "UTC_TIMESTAMP(3) + INTERVAL 1 HOUR"


url, table = sys.argv[1:]
connection, sign, expiry = connect(url)
cursor = connection.cursor()
cursor.execute(f"SELECT value FROM {table} WHERE session_key = {sign} AND marker IS NULL", ("session:rust",))
(value,) = cursor.fetchone()
session = json.loads(value)
assert session == {"user": "Änne", "n": 1}, session
session["n"] += 1
cursor.execute(f"UPDATE {table} SET value = {sign} WHERE session_key = {sign}", (json.dumps(session), "session:rust"))
cursor.execute(
    f"INSERT INTO {table} (session_key, value, expires_at) VALUES ({sign}, {sign}, {expiry})",
    ("session:python", json.dumps({"from": "Python ☃"})),
)
connection.commit()
