"""A gentle load that remembers: a fixed number of orders a second, and when each was answered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import threading
import time
import uuid
from contextlib import closing
from urllib.parse import urlsplit

from bench import order

THREADS = 8


def post_at(url: str, rate: float, seconds: float) -> dict[int, float]:
    """Post on a fixed schedule; returns by order id when its 2xx had come. Raises RuntimeError on any other answer."""
    number, answered = int(rate * seconds), {}
    first, body = order.first_id(), order.body()
    began = time.monotonic()

    def post_some(part: int) -> None:
        parts = urlsplit(url)
        with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)) as connection:
            for each in range(part, number, THREADS):
                time.sleep(max(began + each / rate - time.monotonic(), 0))
                mine = body.replace(str(order.ORDER_ID).encode(), str(first + each).encode())
                connection.request("POST", parts.path, mine, _headers(mine))
                response = connection.getresponse()
                at = time.time()
                response.read()
                if 200 <= response.status < 300:  # noqa: PLR2004 - any 2xx
                    answered[first + each] = at

    threads = [threading.Thread(target=post_some, args=(part,)) for part in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(answered) != number:
        raise RuntimeError(f"{len(answered)} of {number} orders were answered with 2xx")
    return answered


def _headers(body: bytes) -> dict[str, str]:
    signature = hmac.digest(order.SECRET.encode(), body, hashlib.sha256)
    return {
        "Content-Type": "application/json",
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Shop-Domain": "bench.myshopify.com",
        "X-Shopify-Webhook-Id": str(uuid.uuid4()),
        "X-Shopify-Hmac-Sha256": base64.b64encode(signature).decode(),
    }
