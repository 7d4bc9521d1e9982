"""The environment: defaults, and a sentence for every variable that is wrong."""

from __future__ import annotations

import os
import sys
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import certifi
import pytest

from webhook_app.config import network, settings
from webhook_app.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [field.name.upper() for field in fields(settings.Settings)]
DURATIONS = ["MAX_AGE", "MAX_ORDER_AGE", "LEASE", "RETRY_BASE", "RETRY_CAP", "RETRY_FOR", "KEEP_BODIES", "KEEP_ROWS"]
DURATION_SENTENCE = "expected a duration such as 90s, 24h or 7d."
ADDRESS_SENTENCE = "expected an address such as https://navigator-analytics.tweakwise.com"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a test sets is set."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def loaded(monkeypatch: pytest.MonkeyPatch, **variables: str) -> settings.Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return settings.load()


def faults(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        loaded(monkeypatch, **variables)
    return list(error.value.faults)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database_url", "sqlite:///var/inbox.db"),
        ("tweakwise_url", "https://navigator-analytics.tweakwise.com"),
        ("tweakwise_content_type", "application/json"),
        ("port", 8000),
        ("web_concurrency", 2),
        ("web_concurrency_set_by", None),
        ("web_threads", 5000),
        ("worker_threads", 8),
        ("max_rate", None),
        ("max_body", 5 * 1024 * 1024),
        ("max_age", 24 * 3600),
        ("max_order_age", 7 * 24 * 3600),
        ("lease", 60),
        ("retry_base", 5),
        ("retry_cap", 3600),
        ("retry_for", 72 * 3600),
        ("on_timeout", "retry"),
        ("keep_bodies", 7 * 24 * 3600),
        ("keep_rows", 90 * 24 * 3600),
        ("log_level", "INFO"),
        ("log_format", "console"),
    ],
)
def test_default(name: str, value: object) -> None:
    """An empty environment is enough."""
    assert getattr(settings.load(), name) == value


@pytest.mark.parametrize("name", NAMES)
def test_empty_counts_as_unset(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A host's form that saves what was left blank changes nothing."""
    assert loaded(monkeypatch, **{name: ""}) == settings.load()


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("DATABASE_URL", "sqlite:////data/inbox.db", "sqlite:////data/inbox.db"),
        ("DATABASE_URL", "postgres://u:p@db/inbox", "postgres://u:p@db/inbox"),
        ("DATABASE_URL", "postgresql:///inbox?host=/run/postgresql", "postgresql:///inbox?host=/run/postgresql"),
        ("DATABASE_POOLER", "transaction", "transaction"),
        ("TWEAKWISE_URL", "http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("PORT", "65535", 65535),
        ("WEB_CONCURRENCY", "1", 1),
        ("WEB_CONCURRENCY_SET_BY", "heroku/python", "heroku/python"),
        ("WEB_THREADS", "256", 256),
        ("WORKER_THREADS", " 4 ", 4),
        ("MAX_BODY", "1024", 1024),
        ("MAX_RATE", "0.5", 0.5),
        ("VISITOR_RATE", "1.5", 1.5),
        ("SHOP_RATE", "1", 1),
        ("ON_TIMEOUT", "park", "park"),
        ("TWEAKWISE_CONTENT_TYPE", "text/json", "text/json"),
        ("LOG_LEVEL", "DEBUG", "DEBUG"),
        ("LOG_FORMAT", "json", "json"),
    ],
)
def test_variable_is_read(monkeypatch: pytest.MonkeyPatch, name: str, value: str, meant: object) -> None:
    """A variable that is set goes before the default."""
    assert getattr(loaded(monkeypatch, **{name: value}), name.lower()) == meant


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7d", 604_800),
        ("24h", 86_400),
        ("15m", 900),
        ("90s", 90),
        ("500ms", 0.5),
        ("1ms", 0.001),
        ("90", 90),
        ("1d12h", 129_600),
        (" 90 s ", 90),
        ("365000d", 31_536_000_000),
    ],
)
def test_duration_in_seconds(monkeypatch: pytest.MonkeyPatch, value: str, seconds: float) -> None:
    """Durations are written with a unit and used in seconds."""
    assert loaded(monkeypatch, MAX_AGE=value).max_age == seconds


@pytest.mark.parametrize("name", DURATIONS)
@pytest.mark.parametrize(
    "value", ["soon", "1.5h", "10x", "h", "h1", " ", "999999999999d", "9" * 30 + "d", "9" * 5000 + "d", "1s1d"]
)
def test_no_duration(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """What is no duration, or longer than time can be counted, is a sentence that shows one."""
    assert faults(monkeypatch, **{name: value}) == [f"{name}: {DURATION_SENTENCE}"]


@pytest.mark.parametrize("name", DURATIONS)
@pytest.mark.parametrize("value", ["0", "0s", "-1s", "-7d", "1us"])
def test_duration_is_positive(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Zero and negative durations are refused."""
    (fault,) = faults(monkeypatch, **{name: value})
    assert fault.startswith(f"{name}: Must be greater than or equal to ")


def test_lease_outlasts_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease shorter than two time-outs would run out under a call."""
    assert faults(monkeypatch, LEASE="9s")[0].startswith("LEASE: Must be greater than or equal to ")


def test_rows_are_kept_as_long_as_orders_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """An order that was forgotten while its edits still count would be counted twice."""
    (fault,) = faults(monkeypatch, KEEP_ROWS="1d", MAX_ORDER_AGE="2d")
    assert fault.startswith("KEEP_ROWS: shorter than MAX_ORDER_AGE")


def test_spool_is_for_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spool beside a file would be one more file on the same disk."""
    (fault,) = faults(monkeypatch, SPOOL="/data/spool.db")
    assert fault.startswith("SPOOL: only beside PostgreSQL")
    assert loaded(monkeypatch, SPOOL="/data/spool.db", DATABASE_URL="postgres://u@db/i").spool == "/data/spool.db"


@pytest.mark.parametrize("name", ["PORT", "WEB_CONCURRENCY", "WEB_THREADS", "WORKER_THREADS", "MAX_BODY"])
@pytest.mark.parametrize("value", ["many", "1.5", "0x10", "5MB", " ", "9" * 5000])
def test_no_number(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """What is no whole number is a sentence naming the variable."""
    assert faults(monkeypatch, **{name: value}) == [f"{name}: Not a valid integer."]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("WEB_CONCURRENCY", "0"),
        ("WEB_CONCURRENCY", "257"),
        ("WEB_THREADS", "0"),
        ("WORKER_THREADS", "257"),
        ("MAX_BODY", "1023"),
        ("MAX_BODY", "-1"),
    ],
)
def test_number_out_of_range(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A number that cannot work is a sentence naming the variable and the bound."""
    (fault,) = faults(monkeypatch, **{name: value})
    assert fault.startswith(f"{name}: Must be greater than or equal to ")


@pytest.mark.parametrize(
    ("name", "value", "choices"),
    [
        ("ON_TIMEOUT", "drop", "retry, park"),
        ("TWEAKWISE_CONTENT_TYPE", "text/plain", "application/json, text/json"),
        ("ON_TIMEOUT", "Retry", "retry, park"),
        ("LOG_LEVEL", "TRACE", "DEBUG, INFO, WARNING, ERROR"),
        ("LOG_FORMAT", "xml", "console, json"),
    ],
)
def test_no_choice(monkeypatch: pytest.MonkeyPatch, name: str, value: str, choices: str) -> None:
    """What is none of the choices is a sentence that lists them."""
    assert faults(monkeypatch, **{name: value}) == [f"{name}: Must be one of: {choices}."]


@pytest.mark.parametrize(
    "value",
    [
        "navigator-analytics.tweakwise.com",
        "ftp://example.com",
        "https://",
        "https:///path",
        "http://[::1",
        "http://example.com:99999",
        "http://example.com:0",
        "http://example.com:x",
        "//example.com",
        " ",
        "file:///etc/passwd",
    ],
)
def test_no_address(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """What is no http(s) address is a sentence that shows one."""
    assert faults(monkeypatch, TWEAKWISE_URL=value) == [f"TWEAKWISE_URL: {ADDRESS_SENTENCE}"]


@pytest.mark.parametrize(
    "value",
    [
        "mysql://u:geheim@db/inbox",
        "postgresql+asyncpg://u:geheim@db/inbox",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "inbox.db",
    ],
)
def test_other_databases(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Another engine is refused with a clear sentence that does not repeat a password."""
    [fault] = faults(monkeypatch, DATABASE_URL=value)
    assert fault.startswith("DATABASE_URL: expected sqlite:///var/inbox.db or postgres://<user>:<password>@")
    assert "geheim" not in fault


@pytest.mark.parametrize(
    "value",
    ["postgres://", "postgres:///", "postgres://u:geheim@/inbox", "postgres://u:geheim@db", "postgresql://u@db:x/i"],
)
def test_incomplete_postgres_address(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """An address without host or database is a fault of this variable, not of a connection later."""
    [fault] = faults(monkeypatch, DATABASE_URL=value)
    assert fault == "DATABASE_URL: expected postgres://<user>:<password>@<host>:<port>/<database>"


def test_all_faults_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """All faults are reported together, one sentence a variable."""
    wrong = {"PORT": "x", "MAX_AGE": "999999999999d", "ON_TIMEOUT": "x", "TWEAKWISE_URL": "x", "LEASE": "-1s"}
    assert {fault.partition(":")[0] for fault in faults(monkeypatch, **wrong)} == set(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_can_be_wrong(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """No variable takes just anything, and its sentence begins with its name."""
    (fault,) = faults(monkeypatch, **{name: "\x7f?"})
    assert fault.startswith(f"{name}: ")


def test_configuration_error_holds_every_sentence() -> None:
    """The error's text is its sentences, one a line."""
    assert str(ConfigurationError(["a: b", "c: d"])) == "a: b\nc: d"


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("192.0.2.7", "http://192.0.2.7:8000"),
        ("::", "http://[::1]:8000"),
        ("2001:db8::1", "http://[2001:db8::1]:8000"),
    ],
)
def test_the_receiver_is_asked_where_it_listens(monkeypatch: pytest.MonkeyPatch, bind: str, url: str) -> None:
    """Programs of this machine find it on the address of BIND, or on the loopback interface where that is any."""
    assert loaded(monkeypatch, BIND=bind).local_url == url


@pytest.mark.parametrize("bind", ["localhost", "127.0.0.1:8000", "*", "[::]", "300.0.0.1"])
def test_bind_is_an_ip_address(monkeypatch: pytest.MonkeyPatch, bind: str) -> None:
    """Neither a name nor a port is part of it."""
    assert faults(monkeypatch, BIND=bind)[0].startswith("BIND: expected an IP address of this machine")


@pytest.mark.parametrize("password", ["Password1234", "tweakwise webhooks", "abc12"])
def test_weak_password_is_refused_where_it_is_judged(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    """The sentence names the variable and not the password."""
    monkeypatch.setenv("DASHBOARD_PASSWORD", password)
    with pytest.raises(ConfigurationError) as refused:
        settings.load(judges_password=True)
    [fault] = refused.value.faults
    assert fault.startswith("DASHBOARD_PASSWORD: ")
    assert password not in fault


@pytest.mark.parametrize("name", ["API_TOKEN", "METRICS_TOKEN"])
def test_a_token_is_random(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Guesses are not limited, so one that is short or repeats a few characters is refused, and not quoted."""
    for token in ("0123456789abcde", "a" * 40, "1234567" * 5):
        [fault] = faults(monkeypatch, **{name: token})
        assert fault.startswith(f"{name}: expected at least 16 characters, 8 of them different; make one with")
        assert token not in fault
    assert loaded(monkeypatch, **{name: "0123456789abcdef"})


def test_no_other_command_loads_the_lists_of_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take 15 MB: only what serves the dashboard or checks the configuration needs them."""
    monkeypatch.setitem(sys.modules, "zxcvbn", None)
    monkeypatch.setenv("DASHBOARD_PASSWORD", "Password12345")
    assert settings.load().dashboard_password == "Password12345"
    with pytest.raises(ImportError):
        settings.load(judges_password=True)


def test_authorities_are_certificates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A CA_BUNDLE that is missing or holds none is named before a connection fails because of it."""
    empty = tmp_path / "none.pem"
    empty.write_text("no certificate")
    assert faults(monkeypatch, CA_BUNDLE="/nowhere.pem")[0].startswith("CA_BUNDLE: the file cannot be used (No such")
    for path in (str(empty), os.devnull):
        assert faults(monkeypatch, CA_BUNDLE=path)[0].startswith("CA_BUNDLE: the file holds no certificates")
    assert loaded(monkeypatch, CA_BUNDLE=certifi.where()).ca_bundle == certifi.where()


def test_proxy_is_no_part_of_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address may hold a password."""
    assert "secret" not in repr(loaded(monkeypatch, TWEAKWISE_PROXY="http://user:secret@proxy:3128"))
    for value in ("proxy:3128", "socks5://user:secret@proxy:1080"):
        (fault,) = faults(monkeypatch, TWEAKWISE_PROXY=value)
        assert fault.startswith("TWEAKWISE_PROXY: expected the address of an HTTP proxy")
        assert "secret" not in fault


def test_address_that_no_request_could_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a fault of the setting, and no failure of each call."""
    hosts = ("", "a..b", f"{'a' * 70}.de", "exa mple", "h:1\n", "h\x7f", "h%zz", "u%00:p@h")
    for value in (f"http://{host}" for host in hosts):
        for name in ("TWEAKWISE_URL", "TWEAKWISE_PROXY", "HEARTBEAT_URL"):
            with monkeypatch.context() as patch:
                assert faults(patch, **{name: value})[0].startswith(f"{name}: expected"), value
    for value in ("http://münchen.example", "http://[::1]:8000", "https://u:p@under_score.example./x?y"):
        assert loaded(monkeypatch, TWEAKWISE_URL=value).tweakwise_url == value


def test_connections_follow_the_settings_after_a_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables for other libraries are those of the newest settings, and are restored where there are none."""
    shared = (*network.AUTHORITIES, network.EXEMPT)
    for name in (*shared, *(network.MARK + one for one in shared)):
        monkeypatch.setenv(name, "")  # so that what is shared ends with the test
        monkeypatch.delenv(name)
    monkeypatch.setenv("SSL_CERT_FILE", "/of-the-host.pem")
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    config = loaded(monkeypatch)
    for _ in range(2):
        network.share(replace(config, ca_bundle="/first.pem", bind="10.0.0.5"))
    network.share(replace(config, ca_bundle="/second.pem", bind="10.0.0.5"))
    assert {os.environ[name] for name in network.AUTHORITIES} == {"/second.pem"}
    assert os.environ["no_proxy"] == "intranet.example,localhost,127.0.0.1,127.0.0.0/8,::1,10.0.0.5"
    monkeypatch.setenv("NO_PROXY", "*")
    network.share(config)
    assert [os.environ.get(name) for name in network.AUTHORITIES] == [None, "/of-the-host.pem"]
    assert os.environ.get("no_proxy") is None
