"""doctor: each check against a real database, real servers and real trouble."""

from __future__ import annotations

import json
import ssl
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from click.testing import CliRunner, Result
from werkzeug.serving import make_server

from tests.support import local_tweakwise, web_server
from tests.support.certificates import make_certificate
from tests.support.deliveries import arrival, claim_one, open_breaker, settle
from tests.support.processes import free_port
from tests.support.recordings import ORDER
from webhook_app import doctor as examination
from webhook_app.app import create_app
from webhook_app.cli import main
from webhook_app.inbox import Inbox, State, feed_check_results, migrate
from webhook_app.inbox.activity import ActivityCount, ActivityKind, record
from webhook_app.inbox.feed_check_results import FeedCheckResult, TemplateTrial
from webhook_app.time_units import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Clock
    from tests.support.local_tweakwise import LocalTweakwise
    from tests.support.postgres import Server

    Examine = Callable[..., list[dict[str, str]]]

SECRET = "a-secret-of-its-own-1"
SHOPS = f"""
[shops.acme]
platform = "shopify"
secrets = ["{SECRET}"]
instance_key = "1234abcd"
profile_salt = "a-salt"
"""


@pytest.fixture(scope="module")
def tweakwise() -> Iterator[LocalTweakwise]:
    with local_tweakwise.serving() as server:
        yield server


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, tweakwise: LocalTweakwise) -> None:
    for name in ("SHOPS_FILE", "PORT", "DYNO", "SPOOL", "DATABASE_POOLER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHOPS", SHOPS)
    monkeypatch.setenv("TWEAKWISE_URL", tweakwise.url)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments])


def examined(*arguments: str) -> list[dict[str, str]]:
    """Run the command; returns its findings, after a look at what holds for all of them."""
    result = run(*arguments, "--json")
    findings = [json.loads(line) for line in result.output.splitlines()]
    assert result.exit_code == any(one["severity"] == "error" for one in findings), result.output
    assert all(one["advice"] for one in findings if one["severity"] in ("warning", "error"))
    assert SECRET not in result.output
    return findings


@pytest.fixture
def empty(configured: None, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Examine:
    """The command on a database without tables, on either engine."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    return examined


@pytest.fixture
def examine(empty: Examine, inbox: Inbox) -> Examine:
    """The command on the inbox."""
    return empty


@pytest.fixture
def plain(configured: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Examine:
    """The command on an empty SQLite inbox, for checks that have nothing to do with it."""
    url = f"sqlite:///{tmp_path / 'plain.db'}"
    with closing(Inbox(url)) as inbox:
        migrate.upgrade(inbox.database)
    monkeypatch.setenv("DATABASE_URL", url)
    return examined


def of(findings: list[dict[str, str]], check: str) -> list[tuple[str, str]]:
    return [(one["severity"], one["text"]) for one in findings if one["check"] == check]


def one_of(findings: list[dict[str, str]], check: str) -> tuple[str, str]:
    [found] = of(findings, check)
    return found


def saw(inbox: Inbox, topic: str) -> None:
    """Note that a webhook came, as a web process does."""
    now = inbox.clock()
    record(inbox, [ActivityCount("acme", "shopify", ActivityKind.TOPIC, topic, 1, now, now)])


def test_a_sound_receiver_is_fine(inbox: Inbox, examine: Examine, clock: Clock) -> None:
    """A worker listens, orders came and went, the keys are in the feed: nothing but what is fine or a note."""
    clock.now = now_ms() - 60_000
    for topic in ("orders/create", "orders/paid", "orders/updated"):
        inbox.store(arrival(topic, topic=topic, body=ORDER.body))
        saw(inbox, topic)
        settle(inbox, claim_one(inbox), State.DELIVERED, attempted=True)
    feed_check_results.save(inbox, [match(sent_found=100)])
    with listening(inbox):
        findings = examine()
    assert {one["severity"] for one in findings} <= {"ok", "info"}
    assert {"clock", "workers", "feed", "product key", "instance key", "events"} <= {one["check"] for one in findings}
    for check in ("database", "secrets", "clock", "workers", "breakers", "events", "product key", "feed"):
        assert one_of(findings, check)[0] == "ok", check


def test_it_says_what_to_do(plain: Examine) -> None:
    """As text: severity, check and sentence, the remedy below, the sum at the end."""
    result = run()
    assert result.exit_code == 0
    assert "warning  events         No webhook was ever received from acme." in result.output
    assert "send-sample" in result.output
    assert result.output.rstrip().endswith("warnings.")
    assert "0 errors" in result.output


@contextmanager
def listening(inbox: Inbox) -> Iterator[None]:
    """Somebody waits for the bell of the same database, as a worker does."""
    address = inbox.database.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    with closing(Inbox(address)) as worker:
        worker.wakeups.wait(0.01)
        yield


def test_a_worker_is_heard(inbox: Inbox) -> None:
    """While one listens and no longer; asking wakes nobody."""
    assert inbox.wakeups.has_listener() is False
    with listening(inbox):
        assert inbox.wakeups.has_listener() is True
    assert inbox.wakeups.has_listener() is False


@pytest.fixture
def on_postgres(postgres: Server, configured: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Examine]:
    """The command on an empty inbox in PostgreSQL, for what SQLite does not know."""
    with postgres.migrated() as address:
        monkeypatch.setenv("DATABASE_URL", address)
        yield examined


def test_a_pooler_hides_workers(on_postgres: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind one nobody listens: that is a note, and no fault."""
    assert one_of(on_postgres(), "workers")[0] == "warning"
    monkeypatch.setenv("DATABASE_POOLER", "transaction")
    assert one_of(on_postgres(), "workers")[0] == "info"


def test_events_that_nobody_takes_are_wrong(inbox: Inbox, examine: Examine, clock: Clock) -> None:
    """An event is due for minutes: no worker runs, or it cannot. A shop's open breaker is no such case."""
    clock.now = now_ms() - 300_000
    inbox.store(arrival())
    severity, text = one_of(examine(), "workers")
    assert severity == "error"
    assert "acme" in text
    assert "no worker listens" in text
    open_breaker(inbox, "acme")
    assert one_of(examine(), "workers")[0] == "warning"


def test_an_open_breaker_is_wrong(inbox: Inbox, examine: Examine, clock: Clock) -> None:
    """With its reason in words; that of another shop does not concern."""
    clock.now = now_ms()
    open_breaker(inbox, "globex")
    assert one_of(examine("--shop=acme"), "breakers")[0] == "ok"
    open_breaker(inbox, "acme")
    severity, text = one_of(examine("--shop=acme"), "breakers")
    assert severity == "error"
    assert "instance key was refused" in text


def test_events_and_dead_ones_are_told(inbox: Inbox, examine: Examine, clock: Clock) -> None:
    """When the last one came, which topic never did, and how many are dead."""
    clock.now = now_ms() - 10 * 86400 * 1000
    inbox.store(arrival())
    saw(inbox, "orders/create")
    settle(inbox, claim_one(inbox), State.DEAD, reason="http_422")
    findings = examine()
    assert of(findings, "events") == [
        ("warning", "The last event of acme was received 10 d ago (orders/create)."),
        ("info", "acme never sent orders/paid, orders/updated."),
    ]
    assert one_of(findings, "dead") == ("warning", "1 dead delivery: given up, and not sent to Tweakwise.")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("template", "severity", "fitting"),
    [("{product_id}", "ok", 2), ("{sku}", "warning", 1), ("{variant_id:04d}{locale}", "error", 0)],
)
def test_the_template_is_tried(  # noqa: PLR0913, PLR0917 - three of them are the table's columns
    inbox: Inbox, examine: Examine, monkeypatch: pytest.MonkeyPatch, template: str, severity: str, fitting: int
) -> None:
    """On the bodies that are still held, whatever became of them."""
    line = {"product_id": 5, "price": "1", "quantity": 1}
    order = {"id": 1, "created_at": "2026-11-23T10:00:00Z", "line_items": [line, {**line, "sku": "S"}]}
    inbox.store(arrival(body=json.dumps(order).encode()))
    inbox.store(arrival("odd", body=b"no JSON"))
    monkeypatch.setenv("SHOPS", f'{SHOPS}product_key = "{template}"')
    found = one_of(examine(), "product key")
    assert found[0] == severity
    assert f"{fitting} of the last 2 order lines" in found[1]


def match(**changed: Any) -> FeedCheckResult:
    values: dict[str, Any] = {
        "shop": "acme",
        "at": now_ms() - 7_200_000,
        "feed": "feed.xml",
        "items": 9,
        "days": 7,
        "template": "{product_id}",
        "sent": 100,
        "sent_found": 50,
        "keys": 10,
        "keys_found": 5,
        "misses": ("1",),
        "lines": 10,
        "trials": (TemplateTrial("{sku}", 9), TemplateTrial("{product_id}", 5)),
    }
    return FeedCheckResult(**{**values, **changed})


def test_the_last_match_is_told(inbox: Inbox, examine: Examine) -> None:
    """Too few keys in the feed is a warning, with the better template; never looked is a note."""
    assert one_of(examine(), "feed")[0] == "info"
    feed_check_results.save(inbox, [match()])
    findings = examine()
    assert one_of(findings, "feed") == ("warning", "50.0 % of the product keys of acme were in the feed 2 h ago.")
    assert any('product_key = "{sku}"' in one["advice"] for one in findings)
    feed_check_results.save(inbox, [match(template="{sku}")])
    assert one_of(examine(), "feed")[0] == "info"


def test_a_database_without_tables_is_wrong(empty: Examine) -> None:
    """Not migrated: text once, and what needs the inbox is left out."""
    findings = empty()
    assert one_of(findings, "database")[0] == "error"
    assert any("webhook_app migrate" in one["advice"] for one in findings)
    assert not of(findings, "workers")


def test_a_database_that_is_away_is_wrong(plain: Examine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The driver's own words, without the password."""
    (tmp_path / "not.db").write_bytes(b"this is no database, although it has enough bytes to be looked at")
    for url in (f"postgres://me:hidden@127.0.0.1:{free_port()}/none", f"sqlite:///{tmp_path / 'not.db'}"):
        monkeypatch.setenv("DATABASE_URL", url)
        findings = plain()
        assert one_of(findings, "database")[0] == "error"
        assert "hidden" not in json.dumps(findings)


@pytest.mark.parametrize(
    ("ahead", "severity", "words"),
    [(0, "ok", "agrees"), (-20, "warning", "ahead of"), (3590, "error", "59 min")],
)
def test_the_clock_is_compared(
    plain: Examine, monkeypatch: pytest.MonkeyPatch, ahead: float, severity: str, words: str
) -> None:
    """With the time that Tweakwise's answer says."""
    with web_server.serving(ahead=ahead) as server:
        monkeypatch.setenv("TWEAKWISE_URL", server)
        found = one_of(plain(), "clock")
    assert found[0] == severity
    assert words in found[1]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A certificate that nobody knows, for localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate(tmp_path_factory.mktemp("tls")))
    return context


def test_a_tweakwise_that_is_not_reached_is_wrong(
    plain: Examine, monkeypatch: pytest.MonkeyPatch, certificate: ssl.SSLContext
) -> None:
    """By what went wrong: name, connection, certificate, redirect; a server in trouble is a warning."""
    with (
        web_server.serving(tls=certificate) as unknown,
        web_server.serving(status=302, Location="https://elsewhere.example/") as moved,
        web_server.serving(status=503) as down,
    ):
        cases = {
            "http://tweakwise.invalid": ("error", "DNS lookup of the address failed"),
            f"http://127.0.0.1:{free_port()}": ("error", "refused"),
            unknown: ("error", "self-signed certificate"),
            moved: ("error", "redirect (302)"),
            down: ("warning", "503"),
        }
        for url, (severity, words) in cases.items():
            monkeypatch.setenv("TWEAKWISE_URL", url)
            found = one_of(plain(), "tweakwise")
            assert found[0] == severity, found
            assert words in found[1]


def test_nothing_is_sent_unasked(plain: Examine, tweakwise: LocalTweakwise) -> None:
    """Without --send Tweakwise gets no event, and the key is a note."""
    before = len(tweakwise.events())
    assert one_of(plain(), "instance key")[0] == "info"
    assert len(tweakwise.events()) == before


def test_the_instance_key_is_tried_when_asked(
    plain: Examine, monkeypatch: pytest.MonkeyPatch, tweakwise: LocalTweakwise
) -> None:
    """One search, marked as internal; what was sent is text."""
    before = len(tweakwise.events())
    severity, text = one_of(plain("--send"), "instance key")
    assert severity == "ok"
    assert "Internal-Traffic" in text
    [event] = tweakwise.events()[before:]
    assert event["body"]["ProfileKey"] in text
    assert event["body"]["SearchTerm"] in text
    tweakwise.trouble(status=401)
    try:
        severity, text = one_of(plain("--send"), "instance key")
    finally:
        tweakwise.trouble()
    assert severity == "error"
    assert "401" in text


@contextmanager
def receiving() -> Iterator[str]:
    """The receiver that the environment describes, over HTTP."""
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_webhook_url_is_reached(plain: Examine) -> None:
    """Our own answer to GET is recognised, and /readyz is asked too; http:// alone is a warning."""
    with receiving() as url:
        found = of(plain("--url", f"{url}/"), "webhook URL")
    assert [severity for severity, _ in found] == ["warning", "ok", "ok"]
    assert f"{url}/webhooks/shopify/acme can be reached" in found[1][1]


def test_a_webhook_url_that_is_not_ours_is_wrong(plain: Examine, certificate: ssl.SSLContext) -> None:
    """A redirect, another server's page, a bad certificate, nobody at all."""
    with (
        web_server.serving(b"<html>parked</html>") as other,
        web_server.serving(status=301, Location="https://www.example/webhooks") as moved,
        web_server.serving(tls=certificate) as unknown,
    ):
        cases = {
            other: "answers 200; this receiver would answer 405",
            moved: "redirect (301) to https://www.example/webhooks",
            unknown: "self-signed certificate",
            f"https://127.0.0.1:{free_port()}": "no connection could be made",
            "https://webhooks.invalid": "DNS lookup of the address failed",
        }
        for url, words in cases.items():
            severity, text = of(plain("--url", url), "webhook URL")[-1]
            assert severity == "error"
            assert words in text


ODD = {
    "a-long-enough-secret ": "begins or ends with white space",
    "a-long enough-secret": "contains white space",
    "a-long-en\\u200bough-secret": "invisible character",
    "'a-long-enough-secret'": "quotation mark",
    "a-long-enough-sécret": "outside ASCII",
    "a-long-enough&amp;secret": "HTML entity",
    "short": "fewer than 16",
    "changeme": "placeholder",
    "1234abcd": "instance_key",
}


@pytest.mark.parametrize("secret", ODD)
def test_odd_secrets_are_told(plain: Examine, monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    """By what is odd about them and by number, never by what they are."""
    monkeypatch.setenv("SHOPS", SHOPS.replace(f'"{SECRET}"', f'"{SECRET}", "{secret}"'))
    found = of(plain(), "secrets")
    assert any(severity == "warning" and ODD[secret] in text for severity, text in found)
    assert all(text.startswith("Secret 2 of acme") for _, text in found)
    assert all(secret.strip() not in text for _, text in found)


def test_a_secret_of_two_shops_is_told(plain: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret of two shops is reported, and one with characters that the platform changes."""
    woo = SHOPS.replace("acme", "globex").replace("shopify", "woocommerce").replace(SECRET, "a<b>c%20d-long-enough")
    monkeypatch.setenv("SHOPS", SHOPS + SHOPS.replace("acme", "initech") + woo)
    text = " ".join(sentence for _, sentence in of(plain(), "secrets"))
    assert "Secret 1 of initech is also a secret of acme" in text
    assert "Secret 1 of globex contains characters that WooCommerce changes" in text


def test_an_address_without_encryption_is_told(plain: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one shop, or of all of them; a sandbox on this machine is none."""
    assert {severity for severity, _ in of(plain(), "configuration")} == {"ok"}
    monkeypatch.setenv("SHOPS", f'{SHOPS}tweakwise_url = "http://tweakwise.invalid"')
    assert "unencrypted" in of(plain(), "configuration")[-1][1]


def test_a_wrong_configuration_is_wrong(configured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fault is a finding, and nothing else is looked at."""
    monkeypatch.setenv("SHOPS", SHOPS.replace("shopify", "shopfy"))
    monkeypatch.setenv("WEB_CONCURRENCY", "many")
    findings = examined()
    assert len(findings) == 2
    assert {one["severity"] for one in findings} == {"error"}


@pytest.mark.parametrize(("free", "severity"), [(50_000_000, "error"), (500_000_000, "warning"), (5_000_000_000, "ok")])
def test_a_full_disk_is_told(plain: Examine, monkeypatch: pytest.MonkeyPatch, free: int, severity: str) -> None:
    """Before it is full; the system's figure is the only thing that is made up here."""
    monkeypatch.setattr("shutil.disk_usage", lambda _path: Usage(free))
    assert one_of(plain(), "disk")[0] == severity


class Usage(NamedTuple):
    free: int


def test_a_folder_that_cannot_be_written_to_is_wrong(plain: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """/proc takes no file, not even from root."""
    monkeypatch.setenv("DATABASE_URL", "sqlite:////proc/inbox.db")
    findings = plain()
    assert one_of(findings, "disk")[0] == "error"
    assert one_of(findings, "database")[0] == "error"


def test_a_dynos_disk_is_wrong(plain: Examine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where DYNO says so and the file lies in the project's folder."""
    monkeypatch.setenv("DYNO", "web.1")
    assert one_of(plain(), "disk")[0] == "ok"
    monkeypatch.chdir(tmp_path)
    assert [severity for severity, _ in of(plain(), "disk")] == ["ok", "error"]


def test_what_waits_in_a_spool_is_told(on_postgres: Examine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It was acknowledged, and the database is back."""
    assert not of(on_postgres(), "spool")
    monkeypatch.setenv("SPOOL", str(tmp_path / "spool.db"))
    assert [severity for severity, _ in of(on_postgres(), "spool")] == ["ok"]
    with closing(Inbox(f"sqlite:///{tmp_path / 'spool.db'}")) as spool:
        migrate.upgrade(spool.database)
        spool.store(arrival())
    assert of(on_postgres(), "spool")[1] == ("warning", "Accepted events that wait in the spool for the database: 1.")


@pytest.mark.parametrize(
    ("arguments", "words"), [(["--shop=nobody"], "there are acme"), (["--url=events.example.com"], "https://")]
)
def test_wrong_use_is_said(plain: Examine, arguments: list[str], words: str) -> None:
    """Exit code 2, with what would have been right."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.output


@pytest.mark.parametrize("check", [*examination.CHECKS, *examination.INBOX_CHECKS], ids=lambda check: check.__name__)
def test_every_check_says_what_it_is_for(check: Any) -> None:
    """One check is one function with a sentence."""
    assert check.__doc__
