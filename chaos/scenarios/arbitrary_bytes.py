"""Random bytes, giant and broken bodies, wrong lengths, floods of headers, malformed signatures, mutated requests."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from chaos import mutation, orders, processes, wire
from chaos.attacks import ORDER, attacks
from chaos.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chaos.context import Context

ROUNDS, SHORT_ROUNDS = 20, 1  # of every attack, after as many to get warm
MUTATED, SHORT_MUTATED = 10_000, 200
ROOM = 24 * 1024  # KiB by which all the receiver's processes together may have grown since they were warm
UNKNOWN_CODING = "501"  # what a server should say to one: https://www.rfc-editor.org/rfc/rfc9112#section-6.1
SHOPS = orders.SHOPS + mutation.SHOPS

Attack = tuple[str, "Iterable[bytes]"]


def run(context: Context) -> None:
    """No bytes get a 5xx or into the store, the receiver's memory does not grow, genuine orders get through."""
    tweakwise = context.tweakwise()
    system = context.system(tweakwise.url, SHOPS=SHOPS)
    web = system.start_web()
    seed = random.randrange(10**9)  # noqa: S311 - no secret
    chance = random.Random(seed)  # noqa: S311 - no secret
    rounds = SHORT_ROUNDS if context.short else ROUNDS
    _send_all(context, system.port, _round(chance, rounds))
    warm = processes.memory(web.pid)
    with Traffic(system.port, senders=1, pause=0.05) as shop:
        answers = _send_all(context, system.port, _round(chance, rounds))
        answers += _send_all(context, system.port, _mutated(chance, SHORT_MUTATED if context.short else MUTATED))
    growth = processes.memory(web.pid) - warm
    context.figures |= {"seed": seed, "answers": dict(sorted(answers.items())), "growth (KiB)": growth}
    context.expect(growth < ROOM, f"The receiver grew by {growth} KiB.")
    context.expect(not shop.refusals, f"Genuine orders were refused meanwhile: {dict(shop.refusals)}")
    context.expect_alive(system, web=web)
    system.start_worker()
    shop.given_up.add(ORDER.identity)  # a request may be genuine still: no signature covers its head
    context.sum_up(system, shop, tweakwise)


def _round(chance: random.Random, rounds: int) -> list[Attack]:
    return [attack for _ in range(rounds) for attack in attacks(chance)]


def _mutated(chance: random.Random, number: int) -> list[Attack]:
    requests = mutation.recorded()
    changed = [mutation.mutated(chance.choice(requests), chance) for _ in range(number)]
    return [(f"{request!r:.300}", (mutation.on_the_wire(request),)) for request in changed]


def _send_all(context: Context, port: int, sent: list[Attack]) -> Counter[str]:
    """Send all of it over four connections at a time; notes a fault for each answer that is not allowed."""
    answers: Counter[str] = Counter()
    with ThreadPoolExecutor(4) as threads:
        for (name, _), got in zip(sent, threads.map(lambda attack: wire.send(port, attack[1]), sent), strict=True):
            answers.update(got)
            wrong = [
                status for status in got if status == wire.SILENT or (status[0] in "35" and status != UNKNOWN_CODING)
            ]
            context.expect(not wrong, f"{wrong[:1]} for {name}")
    return answers
