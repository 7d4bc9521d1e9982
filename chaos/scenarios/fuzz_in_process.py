"""A hundred thousand mutated requests through the real application, on a real store, in this process."""

from __future__ import annotations

import gc
import random
import resource
from collections import Counter
from typing import TYPE_CHECKING
from unittest import mock

from werkzeug.test import Client, EnvironBuilder

from chaos import mutation
from webhook_app.app import create_app
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from chaos.context import Context
    from chaos.mutation import Request

INPUTS = 100_000
SHORT_INPUTS = 1_500
SHARE_TO_WARM_UP = 5  # the first fifth
ROOM = 8 * 1024  # KiB by which the process may have grown since it was warm


def run(context: Context) -> None:
    """No input without a valid signature gets a 5xx or raises, and neither the store nor the memory grows by any."""
    inputs, seed = SHORT_INPUTS if context.short else INPUTS, random.randrange(10**9)  # noqa: S311 - no secret
    context.figures |= {"inputs": inputs, "seed": seed}
    system = context.system("http://127.0.0.1:9", SHOPS=mutation.SHOPS, LOG_LEVEL="ERROR")
    with mock.patch.dict("os.environ", system.environment, clear=True), system.inbox() as inbox:
        answers, growth = _send(inputs, random.Random(seed), context)  # noqa: S311 - no secret
        stored = sum(stored_deliveries.counts(inbox).values())
    context.figures |= {"answers": dict(sorted(answers.items())), "stored": stored, "growth (KiB)": growth}
    context.expect(stored == 0, f"{stored} requests without a valid signature were stored.")
    context.expect(growth < ROOM, f"The process grew by {growth} KiB.")


def _send(inputs: int, chance: random.Random, context: Context) -> tuple[Counter[int], int]:
    client, requests = Client(create_app()), mutation.recorded()
    answers: Counter[int] = Counter()
    warm = 0
    for number in range(inputs):
        if number == inputs // SHARE_TO_WARM_UP:
            warm = _memory()
        request = mutation.mutated(chance.choice(requests), chance)
        status = _status(client, request)
        answers[status] += 1
        if status >= 500 or 300 <= status < 400:  # noqa: PLR2004 - our fault, or what WooCommerce takes for success
            context.faults.append(f"{status} for {request!r:.300}")
    return answers, _memory() - warm


def _status(client: Client, request: Request) -> int:
    method, path, headers, body = request
    builder = EnvironBuilder(path=path, method=method, data=body)
    for name, value in headers.items():
        if name.lower() != "content-length":
            builder.headers.add(name, value.replace("\r", "").replace("\n", ""))
    with client.open(builder) as response:
        return response.status_code


def _memory() -> int:
    """The most memory that this process ever had, in KiB."""
    gc.collect()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
