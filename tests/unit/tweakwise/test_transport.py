"""Many calls under way from one thread, against real servers on this machine."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pycurl
import pytest

from tests.support.sockets import NO_CONTENT, answering, response, serving, silent
from tests.unit.tweakwise.test_client import CALL, SHOP, sending
from webhook_app.tweakwise import client
from webhook_app.tweakwise.client import Client
from webhook_app.tweakwise.retry_policy import Failure

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from tests.support.sockets import Server
    from webhook_app.tweakwise.client import CallResult


def together(size: int, rounds: int = 100) -> Callable[[Server, socket.socket], None]:
    """Answer nobody before `size` requests are there; hang up after so many `rounds`."""
    all_here = threading.Barrier(size)

    def talk(server: Server, connection: socket.socket) -> None:
        for _ in range(rounds):
            if not server.read(connection):
                return
            all_here.wait(5)
            connection.sendall(NO_CONTENT)

    return talk


def finished(sender: Client[int], seconds: float = 10) -> list[CallResult[int]]:
    """Wait for everything that is under way."""
    sent: list[CallResult[int]] = []
    deadline = time.monotonic() + seconds
    while sender.in_flight and time.monotonic() < deadline:
        sent += sender.finished(deadline - time.monotonic())
    return sent


def elapsed(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


@pytest.fixture
def idle() -> Iterator[Client[int]]:
    """A sender with a call under way that is never answered."""
    with serving(silent) as server, sending(server.url) as sender:
        sender.start(1, CALL, SHOP)
        sender.finished(0)
        yield sender


def test_calls_are_under_way_at_once() -> None:
    """As many calls as were started are with Tweakwise at the same time, and each comes back with its ticket."""
    with serving(together(20)) as server, sending(server.url) as sender:
        for ticket in range(20):
            sender.start(ticket, CALL, SHOP)
        sent = finished(sender)
        assert sorted((one.ticket, one.failure) for one in sent) == [(ticket, None) for ticket in range(20)]


def test_connections_are_as_many_as_calls_under_way() -> None:
    """Fifty calls of which five are under way at once take five connections."""
    with serving(answering(*[NO_CONTENT] * 50)) as server, sending(server.url) as sender:
        started = done = 0
        while done < 50:
            while started < 50 and sender.in_flight < 5:
                sender.start(started, CALL, SHOP)
                started += 1
            done += len(sender.finished(5))
        assert (len(server.requests), server.connections) == (50, 5)


def test_connections_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was needed for a moment is not held on to."""
    monkeypatch.setattr(client, "MAX_IDLE_CONNECTIONS", 2)
    with serving(together(6)) as server, sending(server.url) as sender:
        for _ in range(2):
            for ticket in range(6):
                sender.start(ticket, CALL, SHOP)
            finished(sender)
        assert server.connections >= 10


def test_server_that_starts_anew_costs_connections_and_no_calls() -> None:
    """When all connections that were kept are broken, each call still gets through, once."""
    with serving(together(6, rounds=1)) as server, sending(server.url) as sender:
        failures = []
        for _ in range(2):
            for ticket in range(6):
                sender.start(ticket, CALL, SHOP)
            failures += [one.failure for one in finished(sender)]
            time.sleep(0.05)
        assert (failures, len(server.requests), server.connections) == ([None] * 12, 12, 12)


def test_handles_are_used_again() -> None:
    """A handle is made once for each call under way, not for each call."""
    with serving(answering(*[NO_CONTENT] * 5)) as server, sending(server.url) as sender:
        for ticket in range(5):
            sender.start(ticket, CALL, SHOP)
            finished(sender)
        assert len(sender._spare) == 1  # noqa: SLF001 - nothing else tells


def test_shops_with_addresses_of_their_own_do_not_mix() -> None:
    """A handle that is used again carries nothing over from the shop before."""
    with ExitStack() as stack:
        one, other = (stack.enter_context(serving(answering(NO_CONTENT, NO_CONTENT))) for _ in range(2))
        sender = stack.enter_context(sending(one.url))
        sender.start(1, CALL, replace(SHOP, source="MyShop/1.0"))
        finished(sender)
        sender.start(2, replace(CALL, event="search"), replace(SHOP, instance_key="other123", tweakwise_url=other.url))
        finished(sender)
        [request] = other.requests
        assert request.line == "POST /api/search HTTP/1.1"
        assert (request.headers["instance-key"], request.headers.get("twn-source")) == ("other123", None)


def test_answers_do_not_mix() -> None:
    """What was answered to one call is not taken for the next one's."""
    answers = [response("400 Bad", b"first", "Retry-After: 9"), response("500 Broken", b"second"), NO_CONTENT]
    with serving(answering(*answers)) as server, sending(server.url) as sender:
        failures = []
        for ticket in range(3):
            sender.start(ticket, CALL, SHOP)
            failures += [one.failure for one in finished(sender)]
        assert failures == [
            Failure("http_400", 400, 9.0, "first"),
            Failure("http_500", 500, None, "second"),
            None,
        ]


def test_a_slow_host_holds_up_no_other() -> None:
    """Who answers is heard while another is silent."""
    with serving(silent) as slow, serving(answering(NO_CONTENT)) as quick, sending(quick.url) as sender:
        sender.start(1, CALL, replace(SHOP, tweakwise_url=slow.url))
        sender.start(2, CALL, SHOP)
        assert elapsed(lambda: sender.finished(5)) < 1
        assert sender.in_flight == 1


def test_looking_up_a_name_holds_up_nobody() -> None:
    """The library was built to ask for names in threads of its own."""
    assert pycurl.version_info()[4] & pycurl.VERSION_ASYNCHDNS


def test_start_returns_at_once() -> None:
    """Nothing is waited for when a call is begun, a name least of all."""
    with sending("http://no-such-host.invalid") as sender:
        assert elapsed(lambda: sender.start(1, CALL, SHOP)) < 0.2
        assert [one.failure for one in finished(sender)] == [Failure("dns")]


def test_it_takes_as_long_as_it_takes() -> None:
    """The milliseconds of an attempt are counted from its start."""
    with serving(silent) as server, sending(server.url, timeout=0.3) as sender:
        sender.start(1, CALL, SHOP)
        [sent] = finished(sender)
        assert 290 <= sent.milliseconds < 2000


def test_nothing_is_finished_for_as_long_as_was_asked(idle: Client[int]) -> None:
    """Without news, finished() returns when the time is up."""
    assert 0.29 <= elapsed(lambda: idle.finished(0.3)) < 1


def test_without_time_it_is_only_a_turn(idle: Client[int]) -> None:
    """finished(0) looks and does not wait."""
    assert elapsed(lambda: idle.finished(0)) < 0.2


def test_nothing_under_way_waits_too() -> None:
    """finished() is what an idle worker sleeps in."""
    with sending("http://127.0.0.1") as sender:
        assert 0.29 <= elapsed(lambda: sender.finished(0.3)) < 1


def test_address_that_is_none_is_told_at_once(idle: Client[int]) -> None:
    """What failed before it began does not wait for the others."""
    idle.start(2, CALL, replace(SHOP, tweakwise_url="http://a\0b"))
    assert elapsed(lambda: idle.finished(5)) < 1


def test_wake_from_another_thread(idle: Client[int]) -> None:
    """A thread that has work makes finished() return."""
    timer = threading.Timer(0.1, idle.wake)
    timer.start()
    assert elapsed(lambda: idle.finished(5)) < 2
    timer.join()


def test_wake_from_a_signal_handler(idle: Client[int]) -> None:
    """A signal that stops the worker makes finished() return."""
    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: idle.wake())
    try:
        timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        assert elapsed(lambda: idle.finished(5)) < 2
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_wake_before_the_wait(idle: Client[int]) -> None:
    """Who is woken before going to sleep does not sleep; once."""
    for _ in range(100_000):
        idle.wake()
    assert elapsed(lambda: idle.finished(5)) < 1
    assert elapsed(lambda: idle.finished(0.1)) > 0.09


def test_wake_after_close() -> None:
    """A bell that rings too late harms nobody."""
    sender = Client[int]("http://127.0.0.1")
    sender.close()
    sender.wake()


def test_another_descriptor_wakes_as_well(idle: Client[int]) -> None:
    """A pipe that somebody else writes into can be waited for too."""
    ear, mouth = os.pipe()
    idle.watch(ear)
    os.write(mouth, b"x")
    assert elapsed(lambda: idle.finished(5)) < 1
    os.read(ear, 1)
    assert elapsed(lambda: idle.finished(0.1)) > 0.09
    idle.unwatch(ear)
    os.close(ear)
    os.close(mouth)


def test_close_abandons_what_is_under_way() -> None:
    """Nobody waits for a call that was given up, and the connection is gone."""
    with serving(silent) as server, sending(server.url) as sender:
        sender.start(1, CALL, SHOP)
        sender.finished(0.1)
        assert elapsed(sender.close) < 1
        assert sender.in_flight == 0


def test_more_files_than_select_can_count() -> None:
    """A descriptor above 1024 is one like any other."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    with serving(answering(NO_CONTENT, NO_CONTENT)) as server, ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):
            stack.callback(os.close, os.dup(0))
        sender = stack.enter_context(sending(server.url))
        sender.start(1, CALL, SHOP)
        assert [one.failure for one in finished(sender)] == [None]


def test_nothing_is_said_about_a_call(capfd: pytest.CaptureFixture[str]) -> None:
    """Neither a key nor a body comes out of here, however a call ends."""
    with serving(answering(b"garbage\r\n\r\n")) as server, sending(server.url) as sender:
        for address in (server.url, "http://a\0b", "http://no-such-host.invalid", "http://127.0.0.1:1"):
            sender.start(1, CALL, replace(SHOP, tweakwise_url=address))
        assert "1234abcd" not in repr(finished(sender))
    assert capfd.readouterr() == ("", "")
