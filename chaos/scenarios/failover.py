"""PostgreSQL's primary is killed in mid-load, and its standby becomes the primary."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg

from chaos import postgres
from chaos.processes import wait_for
from chaos.traffic import Traffic

if TYPE_CHECKING:
    from chaos.context import Context
    from chaos.postgres import Server
    from chaos.tweakwise import Tweakwise

SYNCHRONOUS = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
CONNECTED_WITHIN = 30.0  # seconds for the standby
RECOVERS_WITHIN = 15.0  # seconds from the promotion to the first order that is stored
# A worker's note that it has a delivery need not survive its primary: the call that it had under way, or made within
# these seconds before, may be repeated.
BEFORE, AFTER = 1.0, 0.5


def run(context: Context) -> None:
    """With a synchronous standby a dead primary loses no acknowledged order, and all goes on by itself in seconds."""
    tweakwise = context.tweakwise()
    primary, standby = context.postgres(), context.folder / "standby"
    standby.mkdir()
    primary.copy(standby)
    with closing(postgres.Server(standby)) as second:
        _wait_for_standby(primary)
        # The driver takes the first that accepts writes: https://www.postgresql.org/docs/current/libpq-connect.html
        context.database_url = (
            f"postgresql://postgres@/postgres?host={primary.files},{second.files}&target_session_attrs=read-write"
        )
        _fail_over(context, tweakwise, primary, second)


def _fail_over(context: Context, tweakwise: Tweakwise, primary: Server, second: Server) -> None:
    system = context.system(tweakwise.url)
    web, worker = system.start_web(), system.start_worker()
    with Traffic(system.port, senders=4, pause=context.pause(0.01)) as shop:
        time.sleep(1.0 if context.short else 10.0)
        killed = time.monotonic()
        primary.kill()
        second.promote()
        _execute(second, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
        promoted, before = time.monotonic(), len(shop.acknowledged)
        wait_for(lambda: len(shop.acknowledged) > before, RECOVERS_WITHIN)
        took = time.monotonic() - promoted
        time.sleep(1.0 if context.short else 10.0)
    context.figures["recovery after the promotion (s)"] = round(took, 2)
    context.expect(took < RECOVERS_WITHIN, f"Nothing was stored within {RECOVERS_WITHIN:.0f} s after the promotion.")
    context.expect(set(shop.refusals) <= {"503"}, f"Answers during the failover: {dict(shop.refusals)}")
    context.expect_alive(system, web=web, worker=worker)
    context.sum_up(system, shop, tweakwise, tweakwise.counted_between(killed - BEFORE, killed + AFTER))
    system.stop()


def _wait_for_standby(primary: Server) -> None:
    """Let every commit wait until the standby has it on its disk; returns when the standby takes part."""
    _execute(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
    with psycopg.connect(primary.address, autocommit=True) as connection:
        if not wait_for(lambda: connection.execute(SYNCHRONOUS).fetchone() == (1,), CONNECTED_WITHIN):
            raise RuntimeError(f"The standby does not follow: {primary.log()}")


def _execute(server: Server, *statements: str) -> None:
    with psycopg.connect(server.address, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
