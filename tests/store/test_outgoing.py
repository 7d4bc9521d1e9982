"""Every place from which a connection to another server is opened: which certificates it trusts, and through what."""

from __future__ import annotations

import os
import re
import socket
import ssl
import sys
import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import requests
import sentry_sdk
from apprise import NotifyBase
from structlog.testing import capture_logs

from tests.support.calls import SHOP, open_client, send
from tests.support.certificates import make_certificate
from tests.support.processes import ROOT, free_port
from tests.support.smtp import MailServer
from tests.support.web_server import running
from webhook_app import logs
from webhook_app.alerts import heartbeat, messages
from webhook_app.alerts.apprise_sender import AppriseSender
from webhook_app.alerts.notifier import Notifier
from webhook_app.cli.support import feed_input, sample_requests
from webhook_app.config import network, settings
from webhook_app.doctor import large_bodies
from webhook_app.doctor.http_probe import probe
from webhook_app.errors import FeedUnreadableError, SourceError
from webhook_app.inbox.presence import WORKER, Presence
from webhook_app.observability import error_reporting
from webhook_app.observability.tracing import OpenTelemetryTracer
from webhook_app.platforms import all_platforms
from webhook_app.sources.http import Http
from webhook_app.tweakwise.transport import Route, route_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from webhook_app.config.settings import Settings
    from webhook_app.inbox import Inbox

pytestmark = pytest.mark.engines("sqlite")
OPENS = re.compile(
    r"\brequests\.(?:Session|get|post|put|request|head)\(|urlopen\(|HTTPS?Connection\(|pycurl\.Curl\(|PoolManager\("
    r"|create_connection\(|OTLPSpanExporter\(|sentry_sdk\.init\(|import apprise\b|smtplib"
    r"|timed_answers import .*\bSession\b|timed_answers\.Session\("
)
# Each is asked below, or asks this machine alone.
PLACES = {
    "alerts/apprise_sender.py",
    "alerts/heartbeat.py",
    "alerts/notifier.py",
    "cli/support/feed_input.py",
    "cli/support/sample_requests.py",
    "dashboard/pages/setup.py",  # the receiver itself
    "doctor/http_probe.py",
    "doctor/large_bodies.py",
    "observability/error_reporting.py",
    "observability/tracing.py",
    "processes/supervisor.py",  # a child process
    "sources/http.py",
    "tweakwise/transport.py",
}
Ask = tuple[str, "Callable[[str], str]"]  # the place, and what asks an address and returns why that failed


class Servers(NamedTuple):
    """What a web server with a private certificate, and a mail server, received."""

    url: str
    mail: MailServer
    paths: list[str]
    authorities: Path


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test shares through the environment ends with it; apprise does not pause between two messages."""
    monkeypatch.setattr(NotifyBase, "request_rate_per_sec", 0)
    before = dict(os.environ)
    for name in [one for one in before if one.lower().endswith("_proxy") or one in network.AUTHORITIES]:
        del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """A server for localhost, whose certificate is in a folder with other letters."""
    folder = tmp_path / "josé müller 日本"
    folder.mkdir()
    certificate = make_certificate(folder)
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        """Records each path."""

        def do_POST(self) -> None:
            left = int(self.headers.get("Content-Length", 0))
            while left > 0:
                left -= len(self.rfile.read(min(left, 65_536)))
            paths.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            """Write no log."""

    with tls_server(Handler, *certificate) as port, closing(MailServer(certificate)) as mail:
        yield Servers(f"https://localhost:{port}", mail, paths, certificate[0])


def tls_server(handler: type[BaseHTTPRequestHandler], certificate: Path, key: Path) -> AbstractContextManager[int]:
    """Serve with a certificate until the block ends; yields the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    class Server(ThreadingHTTPServer):
        """Does the handshake in the thread of the connection; says nothing of one that fails."""

        def finish_request(self, request: Any, client_address: Any) -> None:
            with suppress(OSError), context.wrap_socket(request, server_side=True) as wrapped:
                super().finish_request(wrapped, client_address)

    return running(Server(("127.0.0.1", 0), handler))


def configured(**changed: object) -> Settings:
    return replace(settings.load(environ={}), **changed)  # type: ignore[arg-type]


def places(inbox: Inbox, mail: MailServer, config: Settings) -> list[Ask]:
    """Every place that is asked, but those of traces and of Sentry, which run in threads of their own."""
    Presence(inbox, WORKER).record()
    route = route_of(config)
    smtp = f"mailtos://localhost:{mail.port}?from=a@example.com&to=b@example.com&mode=ssl"
    return [
        ("tweakwise", lambda url: tweakwise(url, route)),
        ("doctor as the worker", lambda url: probe("GET", url, **route.for_requests(url)).message),
        ("doctor --url", lambda url: probe("GET", url).message),
        ("large body", lambda url: large_bodies.post(url, "shopify")[1].message),
        ("feed", feed),
        ("API of a platform", source),
        ("sample", sample),
        ("alert", lambda url: logged(lambda: Notifier(url, "json", pause=lambda _: None).send(MESSAGE))),
        ("heartbeat", lambda url: logged(lambda: heartbeat.send(inbox, url))),
        (
            "chat",
            lambda url: logged(lambda: AppriseSender(url.replace("https", "jsons"), lambda _: None).send(MESSAGE)),
        ),
        ("e-mail", lambda _: logged(lambda: AppriseSender(smtp, lambda _: None).send(MESSAGE))),
    ]


MESSAGE = messages.test_message(["acme"])
UNNAMED = ("tweakwise", "chat", "e-mail")  # what fails there has a name, and no sentence


def tweakwise(url: str, route: Route) -> str:
    with open_client(url, route=route) as client:
        failure = send(client)
        return failure.name if failure else ""


def feed(url: str) -> str:
    try:
        return "" if list(feed_input.chunks(f"{url}/feed.xml")) else "empty"
    except FeedUnreadableError as error:
        return str(error)


def source(url: str) -> str:
    try:
        Http(url, 1000).write("GET", "/orders")
    except SourceError as error:
        return str(error)
    return ""


def sample(url: str) -> str:
    platform = all_platforms()["shopify"]
    target = sample_requests.SampleTarget("a", f"{url}/webhooks/shopify/a", "secret", "key", local=False)
    request = sample_requests.SampleRequest(platform, platform.topics[0], target)
    try:
        with sample_requests.session_for(target) as session:
            return "" if sample_requests.post(request, session).ok else "refused"
    except requests.RequestException as error:
        return sample_requests.no_response(target, error).message


def logged(run: Callable[[], object]) -> str:
    with capture_logs() as lines:
        run()
    return " ".join(str(line.get("reason")) for line in lines)


def failures(inbox: Inbox, servers: Servers, config: Settings) -> dict[str, str]:
    """Ask from each place; returns why that failed, for those where it did."""
    network.share(config)
    asked = {name: ask(servers.url) for name, ask in places(inbox, servers.mail, config)}
    return {name: text for name, text in asked.items() if text}


def test_every_place_is_listed() -> None:
    """A new one is added above, so that it trusts and fails like the others; requests alone makes no session."""
    files = {path: path.read_text() for path in (ROOT / "webhook_app").rglob("*.py")}
    found = {str(path.relative_to(ROOT / "webhook_app")) for path, text in files.items() if OPENS.search(text)}
    assert found == PLACES
    own = re.compile(r"\brequests\.(?:Session|get|post|put|request|head)\((?!\))")
    assert [path.name for path, text in files.items() if own.search(text)] == []


def test_authorities_are_trusted_everywhere(inbox: Inbox, servers: Servers) -> None:
    """CA_BUNDLE counts at every place, whatever letters its path has, and no proxy gets what is for this machine."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        os.environ[name] = f"http://127.0.0.1:{free_port()}"
    bundle = str(servers.authorities)
    route = configured(ca_bundle=bundle, tweakwise_proxy=f"http://127.0.0.1:{free_port()}")
    assert failures(inbox, servers, route) == {}
    assert len(servers.mail.messages) == 1


def test_others_are_refused_with_the_setting(inbox: Inbox, servers: Servers) -> None:
    """Without CA_BUNDLE each place fails, and names it where a sentence is written."""
    found = failures(inbox, servers, configured())
    assert set(found) == {name for name, _ in places(inbox, servers.mail, configured())}
    assert found["tweakwise"] == "tls"
    doctor = ("doctor as the worker", "doctor --url", "large body")  # it has advice beside the message
    unnamed = [name for name in found if name not in UNNAMED + doctor and "CA_BUNDLE" not in found[name]]
    assert unnamed == []
    assert servers.paths == []


def test_authorities_that_are_gone(inbox: Inbox, servers: Servers) -> None:
    """A file that was removed after the start is a failure with its name, not an exception."""
    config = configured(ca_bundle=str(servers.authorities))
    network.share(config)
    servers.authorities.unlink()
    found = failures(inbox, servers, config)
    assert set(found) == {name for name, _ in places(inbox, servers.mail, config)}
    assert found["tweakwise"] == "tls"
    assert [
        name for name in found if name not in (*UNNAMED, "large body") and "CA_BUNDLE: the file" not in found[name]
    ] == []


def test_what_cannot_be_sent_is_a_failure(inbox: Inbox, servers: Servers) -> None:
    """An address or a proxy's address that no library takes raises nothing."""
    asked = [(name, ask) for name, ask in places(inbox, servers.mail, configured()) if name != "e-mail"]
    assert [name for name, ask in asked if not ask("http://a..b")] == []
    os.environ["HTTPS_PROXY"] = "http://münchen..de:1"
    assert [name for name, ask in asked if name != "tweakwise" and not ask("https://shop.invalid")] == []
    assert "UnicodeEncodeError" in probe("GET", "http://127.0.0.1:1", headers={"Instance-Key": "日本"}).message


def test_sample_through_a_unix_socket(tmp_path: Path) -> None:
    """A receiver behind one is asked there, past any proxy; one that does not run is named with its path."""
    os.environ["HTTP_PROXY"] = f"http://127.0.0.1:{free_port()}"
    path = str(tmp_path / "josé.sock")
    platform = all_platforms()["shopify"]
    target = sample_requests.SampleTarget("a", "http://localhost/x", "secret", "key", local=True, socket_path=path)
    request = sample_requests.SampleRequest(platform, platform.topics[0], target)
    with sample_requests.session_for(target) as session, pytest.raises(requests.ConnectionError) as error:
        sample_requests.post(request, session)
    message = sample_requests.no_response(target, error.value).message
    assert (path in message, "no connection could be made" in message, "running?" in message) == (True, True, True)
    with closing(socket.socket(socket.AF_UNIX)) as listener, sample_requests.session_for(target) as session:
        listener.bind(path)
        listener.listen()
        answering = threading.Thread(target=store_one, args=(listener,))
        answering.start()
        assert sample_requests.post(request, session).field("id") == 7
        answering.join()


def store_one(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as reading:
        head = list(iter(reading.readline, b"\r\n"))
        reading.read(int(next(line for line in head if line.lower().startswith(b"content-length")).split()[1]))
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"id":7}')


def test_traces_and_errors(servers: Servers) -> None:
    """What OpenTelemetry and Sentry send trusts the same authorities, past the proxies too."""
    os.environ["HTTPS_PROXY"] = f"http://127.0.0.1:{free_port()}"
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = servers.url
    config = configured(ca_bundle=str(servers.authorities), sentry_dsn=servers.url.replace("//", "//key@") + "/1")
    network.share(config)
    tracer = OpenTelemetryTracer()
    with tracer.webhook(SHOP, "orders/create"):
        pass
    tracer.close()
    with reporting(config):
        logs.logger().exception("unexpected_error", exc_info=ValueError())
        sentry_sdk.flush(5)
    assert servers.paths == ["/v1/traces", "/api/1/envelope/"]


@contextmanager
def reporting(config: Settings) -> Iterator[None]:
    hooks = sys.excepthook
    error_reporting.configure(config)
    yield
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)
    sys.excepthook = hooks
    logs.report_to(lambda _: None)
