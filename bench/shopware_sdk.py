"""Ours and Shopware's SDK for Node in one run: to verify a webhook, and to answer a registration.

`python -m bench.shopware_sdk` prints microseconds; it needs node, and `npm ci` in tests/browser/shopify.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import time
from typing import TYPE_CHECKING

from bench.paths import BENCH
from webhook_app.platforms import all_platforms, registration
from webhook_app.platforms.registration import APP_SIGNATURE, SHOP_SIGNATURE, Registration

if TYPE_CHECKING:
    from collections.abc import Callable

TIMES = 3000
TESTS = BENCH.parent / "tests"
BODY = (TESTS / "fixtures/shopware/checkout.order.placed__guest-simple-and-variant/body.raw").read_bytes()
NAME, SECRET = "TweakwiseEvents", "a-secret-of-64-characters-as-the-receiver-makes-them-01234567890"


def main() -> None:
    """Measure and print."""
    now = int(time.time())
    query = f"shop-id=id-1&shop-url=https://shop.example&timestamp={now}"
    headers = {APP_SIGNATURE: _signed(query.encode())}
    of_webhook = {SHOP_SIGNATURE: _signed(BODY)}
    shopware = all_platforms()["shopware"]

    def answer() -> None:
        asked = registration.request(query.encode(), headers, SECRET, now)
        registration.begun(Registration(), asked, query.encode(), headers, SECRET)
        asked.answered(NAME, SECRET)

    ours = [_microseconds(lambda: shopware.signature.verify(BODY, of_webhook, [SECRET])), _microseconds(answer)]
    given = {"times": TIMES, "body": BODY.decode(), "secret": SECRET, "query": query, "headers": headers}
    for what, mine, theirs in zip(("verify a webhook", "answer a registration"), ours, _of_the_sdk(given), strict=True):
        print(f"{what} ({len(BODY)} bytes): {mine:.0f} µs, the SDK {theirs:.0f} µs")  # noqa: T201 - its output


def _signed(message: bytes) -> str:
    return hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()


def _microseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(TIMES):
        work()
    return (time.perf_counter() - began) / TIMES * 1e6


def _of_the_sdk(given: dict[str, object]) -> list[float]:
    asked = json.dumps({"secret": SECRET, "name": NAME, "cases": [[["bench", given]]]})
    command = ["node", "shopware-sdk.mjs"]
    folder = TESTS / "browser/shopify"
    done = subprocess.run(  # noqa: S603 - a constant
        command, input=asked, cwd=folder, capture_output=True, text=True, timeout=120, check=True
    )
    [[found]] = json.loads(done.stdout)
    return [float(one) for one in found]


if __name__ == "__main__":
    main()
