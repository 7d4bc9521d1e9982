"""Names that look like misspelt ones."""

from __future__ import annotations

from webhook_app.cli.commands import all_commands
from webhook_app.cli.setup.check import OPTIONS
from webhook_app.cli.support import near_names
from webhook_app.config.shop_documents import Document

SHOPS = Document("shops.toml", '[default]\nx = 1\n[shops.a]\nsecrets = ["${ACME_SECRET}"]\n')
USUAL = ["PATH", "HOME", "LANG", "PWD", "USER", "SHELL", "TERM", "SHLVL", "HOST", "HOSTNAME", "LOGNAME", "PAGER"]


def test_misspelt_variables_are_named() -> None:
    """Those that nothing reads, and whose name is near one that is read; a value is never shown."""
    environ = dict.fromkeys(
        ["PROT", "TWEEKWISE_URL", "LOGLEVEL", "ACME_SECRTE", "DATABASE_URI", "port", "SHOP_FILE", "PORT_FIEL"], "geheim"
    )
    found = list(near_names.variables(environ, [SHOPS], ["SAMPLE_SECRET"]))
    assert found == [
        f"{name} is set, and nothing reads it. Is {meant} meant?"
        for name, meant in {
            "ACME_SECRTE": "ACME_SECRET",
            "DATABASE_URI": "DATABASE_URL",
            "LOGLEVEL": "LOG_LEVEL",
            "PORT_FIEL": "PORT_FILE",
            "PROT": "PORT",
            "SHOP_FILE": "SHOPS_FILE",
            "TWEEKWISE_URL": "TWEAKWISE_URL",
            "port": "PORT",
        }.items()
    ]


def test_commands_that_no_shell_ran_are_named() -> None:
    """A password of `$(openssl rand ...)` is public; a dollar in a secret is none of them."""
    environ = {"DASHBOARD_PASSWORD": "$(openssl rand -base64 18)", "ACME_SECRET": "`pwgen`", "SECRETS_KEY": "a$b`c(d)"}
    found = list(near_names.unexpanded(environ, [SHOPS]))
    assert [sentence.split()[0] for sentence in found] == ["ACME_SECRET", "DASHBOARD_PASSWORD"]


def test_variables_of_options_are_those_of_the_commands() -> None:
    """The list that `check` passes has every variable of an option."""
    named = {str(one.envvar) for command in all_commands().values() for one in command.params if one.envvar}
    assert set(OPTIONS) == named


def test_usual_and_known_variables_are_not_named() -> None:
    """Neither those of any shell, nor of libraries, nor those that are read."""
    known = ["PORT", "PORT_FILE", "ACME_SECRET", "ACME_SECRET_FILE", "SAMPLE_SECRET", "OTEL_EXPORTER_OTLP_HEADERS"]
    assert not list(near_names.variables([*USUAL, *known], [SHOPS], ["SAMPLE_SECRET"]))


def test_unread_tables_are_named() -> None:
    """A misspelt table would be ignored silently."""
    assert list(near_names.tables([SHOPS])) == ["shops.toml:1: nothing reads [default]. Is [defaults] meant?"]
