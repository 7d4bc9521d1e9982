"""A hand-written receiver: Flask and SQLAlchemy Core on PostgreSQL, one transaction a request."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time

from flask import Flask, Response, jsonify, request
from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, String, Table, UniqueConstraint, create_engine
from sqlalchemy.dialects.postgresql import insert

SECRET = os.environ["SECRET"].encode()

webhooks = Table(
    "webhooks",
    MetaData(),
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("shop", String, nullable=False),
    Column("topic", String, nullable=False),
    Column("identity", String, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("shop", "identity"),
)
store = insert(webhooks).on_conflict_do_nothing()

app = Flask(__name__)
engine = create_engine(os.environ["DATABASE"], pool_size=int(os.environ["THREADS"]))


@app.post("/webhooks/<platform>/<shop>")
def receive(platform: str, shop: str) -> tuple[Response, int]:  # noqa: ARG001 - the route names it
    """Verify, store, answer."""
    body = request.get_data()
    expected = base64.b64encode(hmac.digest(SECRET, body, hashlib.sha256)).decode()
    if not hmac.compare_digest(expected, request.headers.get("X-Shopify-Hmac-Sha256", "")):
        return jsonify(error="signature"), 401
    row = {
        "shop": shop,
        "topic": request.headers["X-Shopify-Topic"],
        "identity": request.headers["X-Shopify-Webhook-Id"],
        "received_at": int(time.time() * 1000),
        "body": body,
    }
    with engine.begin() as connection:
        connection.execute(store, row)
    return jsonify(status="stored"), 200


if __name__ == "__main__":
    webhooks.create(engine)
