"""Many calls in flight from one thread, against real servers on this machine."""

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

from tests.support.calls import CALL, SHOP, open_client
from tests.support.sockets import NO_CONTENT, answering, response, serving, silent
from webhook_app.tweakwise import client as client_module
from webhook_app.tweakwise.client import Client
from webhook_app.tweakwise.retry_policy import Failure

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from tests.support.sockets import Server
    from webhook_app.tweakwise.client import CallResult


def together(size: int, rounds: int = 100) -> Callable[[Server, socket.socket], None]:
    """Answer only when `size` requests have arrived; close the connection after so many `rounds`."""
    all_here = threading.Barrier(size)

    def talk(server: Server, connection: socket.socket) -> None:
        for _ in range(rounds):
            if not server.read(connection):
                return
            all_here.wait(5)
            connection.sendall(NO_CONTENT)

    return talk


def finished(client: Client[int], seconds: float = 10) -> list[CallResult[int]]:
    """Wait for all calls in flight."""
    sent: list[CallResult[int]] = []
    deadline = time.monotonic() + seconds
    while client.in_flight and time.monotonic() < deadline:
        sent += client.finished(deadline - time.monotonic())
    return sent


def elapsed(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


@pytest.fixture
def idle() -> Iterator[Client[int]]:
    """A client with a call in flight that is never answered."""
    with serving(silent) as server, open_client(server.url) as client:
        client.start(1, CALL, SHOP)
        client.finished(0)
        yield client


def test_calls_are_in_flight_together() -> None:
    """All started calls are in flight at the same time, and each result has its ticket."""
    with serving(together(20)) as server, open_client(server.url) as client:
        for ticket in range(20):
            client.start(ticket, CALL, SHOP)
        sent = finished(client)
        assert sorted((one.ticket, one.failure) for one in sent) == [(ticket, None) for ticket in range(20)]


def test_connections_are_as_many_as_calls_in_flight() -> None:
    """Fifty calls, five at a time, use five connections."""
    with serving(answering(*[NO_CONTENT] * 50)) as server, open_client(server.url) as client:
        started = done = 0
        while done < 50:
            while started < 50 and client.in_flight < 5:
                client.start(started, CALL, SHOP)
                started += 1
            done += len(client.finished(5))
        assert (len(server.requests), server.connections) == (50, 5)


def test_idle_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections beyond the limit are closed after use."""
    monkeypatch.setattr(client_module, "MAX_IDLE_CONNECTIONS", 2)
    with serving(together(6)) as server, open_client(server.url) as client:
        for _ in range(2):
            for ticket in range(6):
                client.start(ticket, CALL, SHOP)
            finished(client)
        assert server.connections >= 10


def test_server_restart_costs_connections_and_no_calls() -> None:
    """When all idle connections are broken, each call is still delivered, once."""
    with serving(together(6, rounds=1)) as server, open_client(server.url) as client:
        failures = []
        for _ in range(2):
            for ticket in range(6):
                client.start(ticket, CALL, SHOP)
            failures += [one.failure for one in finished(client)]
            time.sleep(0.05)
        assert (failures, len(server.requests), server.connections) == ([None] * 12, 12, 12)


def test_handles_are_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handle is made once for each call in flight, not for each call."""
    made = []
    new_handle = pycurl.Curl

    def counted() -> pycurl.Curl:
        made.append(new_handle())
        return made[-1]

    monkeypatch.setattr(pycurl, "Curl", counted)
    with serving(answering(*[NO_CONTENT] * 5)) as server, open_client(server.url) as client:
        for ticket in range(5):
            client.start(ticket, CALL, SHOP)
            finished(client)
        assert len(made) == 1


def test_shops_with_different_addresses_do_not_mix() -> None:
    """A reused handle carries nothing over from the previous shop."""
    with ExitStack() as stack:
        one, other = (stack.enter_context(serving(answering(NO_CONTENT, NO_CONTENT))) for _ in range(2))
        client = stack.enter_context(open_client(one.url))
        client.start(1, CALL, replace(SHOP, source="MyShop/1.0"))
        finished(client)
        client.start(2, replace(CALL, event="search"), replace(SHOP, instance_key="other123", tweakwise_url=other.url))
        finished(client)
        [request] = other.requests
        assert request.line == "POST /api/search HTTP/1.1"
        assert (request.headers["instance-key"], request.headers.get("twn-source")) == ("other123", None)


def test_answers_do_not_mix() -> None:
    """The response of one call is not part of the next one's."""
    answers = [response("400 Bad", b"first", "Retry-After: 9"), response("500 Broken", b"second"), NO_CONTENT]
    with serving(answering(*answers)) as server, open_client(server.url) as client:
        failures = []
        for ticket in range(3):
            client.start(ticket, CALL, SHOP)
            failures += [one.failure for one in finished(client)]
        assert failures == [
            Failure("http_400", 400, 9.0, "first"),
            Failure("http_500", 500, None, "second"),
            None,
        ]


def test_a_slow_host_delays_no_other() -> None:
    """A response is returned while another host is silent."""
    with serving(silent) as slow, serving(answering(NO_CONTENT)) as quick, open_client(quick.url) as client:
        client.start(1, CALL, replace(SHOP, tweakwise_url=slow.url))
        client.start(2, CALL, SHOP)
        assert elapsed(lambda: client.finished(5)) < 1
        assert client.in_flight == 1


def test_name_lookups_are_asynchronous() -> None:
    """Libcurl was built to resolve names in threads."""
    assert pycurl.version_info()[4] & pycurl.VERSION_ASYNCHDNS


def test_start_returns_at_once() -> None:
    """Starting a call waits for nothing, not even for the name lookup."""
    with open_client("http://no-such-host.invalid") as client:
        assert elapsed(lambda: client.start(1, CALL, SHOP)) < 0.2
        assert [one.failure for one in finished(client)] == [Failure("dns")]


def test_duration_is_measured() -> None:
    """The milliseconds of an attempt count from its start."""
    with serving(silent) as server, open_client(server.url, timeout=0.3) as client:
        client.start(1, CALL, SHOP)
        [sent] = finished(client)
        assert 290 <= sent.milliseconds < 2000


def test_finished_waits_for_the_given_time(idle: Client[int]) -> None:
    """Without a result, finished() returns when the time is over."""
    assert 0.29 <= elapsed(lambda: idle.finished(0.3)) < 1


def test_finished_without_time_does_not_wait(idle: Client[int]) -> None:
    """finished(0) polls once."""
    assert elapsed(lambda: idle.finished(0)) < 0.2


def test_finished_waits_without_calls_too() -> None:
    """An idle client waits in finished()."""
    with open_client("http://127.0.0.1") as client:
        assert 0.29 <= elapsed(lambda: client.finished(0.3)) < 1


def test_invalid_address_fails_immediately(idle: Client[int]) -> None:
    """A call that failed before it began is returned while others are in flight."""
    idle.start(2, CALL, replace(SHOP, tweakwise_url="http://a\0b"))
    assert elapsed(lambda: idle.finished(5)) < 1


def test_wake_from_another_thread(idle: Client[int]) -> None:
    """Another thread makes finished() return."""
    timer = threading.Timer(0.1, idle.wake)
    timer.start()
    assert elapsed(lambda: idle.finished(5)) < 2
    timer.join()


def test_wake_from_a_signal_handler(idle: Client[int]) -> None:
    """A signal handler makes finished() return."""
    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: idle.wake())
    try:
        timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        assert elapsed(lambda: idle.finished(5)) < 2
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_wake_before_the_wait(idle: Client[int]) -> None:
    """A wake-up before the wait ends the next wait, once."""
    for _ in range(100_000):
        idle.wake()
    assert elapsed(lambda: idle.finished(5)) < 1
    assert elapsed(lambda: idle.finished(0.1)) > 0.09


def test_wake_after_close() -> None:
    """A wake-up after close() is ignored."""
    client = Client[int]("http://127.0.0.1")
    client.close()
    client.wake()


def test_another_descriptor_wakes_as_well(idle: Client[int]) -> None:
    """Another pipe can be waited for too."""
    reading, writing = os.pipe()
    idle.watch(reading)
    os.write(writing, b"x")
    assert elapsed(lambda: idle.finished(5)) < 1
    os.read(reading, 1)
    assert elapsed(lambda: idle.finished(0.1)) > 0.09
    idle.unwatch(reading)
    os.close(reading)
    os.close(writing)


def test_close_abandons_calls_in_flight() -> None:
    """close() does not wait for the calls, and their connections are closed."""
    with serving(silent) as server, open_client(server.url) as client:
        client.start(1, CALL, SHOP)
        client.finished(0.1)
        assert elapsed(client.close) < 1
        assert client.in_flight == 0


def test_descriptors_beyond_the_limit_of_select() -> None:
    """Descriptors above 1024 work."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    with serving(answering(NO_CONTENT, NO_CONTENT)) as server, ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):
            stack.callback(os.close, os.dup(0))
        client = stack.enter_context(open_client(server.url))
        client.start(1, CALL, SHOP)
        assert [one.failure for one in finished(client)] == [None]


def test_nothing_is_printed_about_a_call(capfd: pytest.CaptureFixture[str]) -> None:
    """Neither a key nor a body is printed, however a call ends."""
    with serving(answering(b"garbage\r\n\r\n")) as server, open_client(server.url) as client:
        for address in (server.url, "http://a\0b", "http://no-such-host.invalid", "http://127.0.0.1:1"):
            client.start(1, CALL, replace(SHOP, tweakwise_url=address))
        assert "1234abcd" not in repr(finished(client))
    assert capfd.readouterr() == ("", "")
