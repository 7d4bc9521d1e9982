"""A hand-written receiver: Flask on a raw psycopg pool, one PostgreSQL transaction a request."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time

from flask import Flask, Response, jsonify, request
from psycopg_pool import ConnectionPool

SECRET = os.environ["SECRET"].encode()
THREADS = int(os.environ["THREADS"])
TABLE = """
create table webhooks (
    id bigint generated always as identity primary key, shop text not null, topic text not null,
    identity text not null, received_at bigint not null, body bytea not null, unique (shop, identity)
)"""
STORE = """
insert into webhooks (shop, topic, identity, received_at, body) values (%s, %s, %s, %s, %s)
on conflict do nothing"""

app = Flask(__name__)
pool = ConnectionPool(os.environ["DATABASE"], min_size=THREADS, max_size=THREADS, open=True)


@app.post("/webhooks/<platform>/<shop>")
def receive(platform: str, shop: str) -> tuple[Response, int]:  # noqa: ARG001 - the route names it
    """Verify, store, answer."""
    body = request.get_data()
    expected = base64.b64encode(hmac.digest(SECRET, body, hashlib.sha256)).decode()
    if not hmac.compare_digest(expected, request.headers.get("X-Shopify-Hmac-Sha256", "")):
        return jsonify(error="signature"), 401
    topic, identity = request.headers["X-Shopify-Topic"], request.headers["X-Shopify-Webhook-Id"]
    with pool.connection() as connection:
        connection.execute(STORE, (shop, topic, identity, int(time.time() * 1000), body))
    return jsonify(status="stored"), 200


if __name__ == "__main__":
    with pool.connection() as first:
        first.execute(TABLE)
    pool.close()
