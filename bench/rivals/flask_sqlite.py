"""A hand-written receiver: Flask, one SQLite transaction a request, one connection a thread."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import sqlite3
import threading
import time

from flask import Flask, Response, jsonify, request

SECRET = os.environ["SECRET"].encode()
DATABASE = os.environ["DATABASE"]
TABLE = """
create table webhooks (
    id integer primary key, shop text not null, topic text not null, identity text not null,
    received_at integer not null, body blob not null, unique (shop, identity)
)"""
STORE = "insert or ignore into webhooks (shop, topic, identity, received_at, body) values (?, ?, ?, ?, ?)"

app = Flask(__name__)
held = threading.local()


def connection() -> sqlite3.Connection:
    """Return this thread's connection."""
    if not hasattr(held, "connection"):
        # Without an isolation level every statement is a transaction of its own.
        held.connection = sqlite3.connect(DATABASE, timeout=10, isolation_level=None)
        held.connection.execute("pragma journal_mode = wal")
        held.connection.execute("pragma synchronous = full")
    known: sqlite3.Connection = held.connection
    return known


@app.post("/webhooks/<platform>/<shop>")
def receive(platform: str, shop: str) -> tuple[Response, int]:  # noqa: ARG001 - the route names it
    """Verify, store, answer."""
    body = request.get_data()
    expected = base64.b64encode(hmac.digest(SECRET, body, hashlib.sha256)).decode()
    if not hmac.compare_digest(expected, request.headers.get("X-Shopify-Hmac-Sha256", "")):
        return jsonify(error="signature"), 401
    topic, identity = request.headers["X-Shopify-Topic"], request.headers["X-Shopify-Webhook-Id"]
    connection().execute(STORE, (shop, topic, identity, int(time.time() * 1000), body))
    return jsonify(status="stored"), 200


if __name__ == "__main__":
    connection().execute(TABLE)
