"""The dashboard's users: what may be written, and every fault with its line."""

from __future__ import annotations

from dataclasses import replace

import pytest
from click.testing import CliRunner
from werkzeug.security import check_password_hash

from webhook_app.cli.commands import load
from webhook_app.cli.support import configuration
from webhook_app.config import settings, users
from webhook_app.config.users import HASH, Role
from webhook_app.errors import ConfigurationError

HASHED = f"scrypt:32768:8:1$aaaaaaaaaaaaaaaa${'0' * 128}"


def parse(text: str, **changed: object) -> dict[str, users.User]:
    config = replace(settings.load(), dashboard_password=None, dashboard_identity_header=None)
    return users.parse(text, "shops.toml", {"acme"}, replace(config, **changed))  # type: ignore[arg-type]


def test_a_user_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are lower-case, roles are reading unless named, shops are all unless named; a hash is never printed."""
    monkeypatch.setenv("ANNA_HASH", HASHED)
    anna = '[users.Anna]\npassword_hash = "${ANNA_HASH}"\nshops = ["acme"]\n'
    found = parse(f'{anna}[users.bob]\npassword_hash = "{HASHED}"\nroles = ["reveal"]')
    first, bob = found["anna"], found["bob"]
    assert (first.sees("acme"), first.sees("other"), bob.sees("other")) == (True, False, True)
    assert [[user.may(role) for role in Role] for user in (first, bob)] == [[True, False, False], [True, False, True]]
    assert "scrypt" not in repr(first)
    assert parse("") == {}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("users = 1", "shops.toml: users: expected tables"),
        ("[users]\nanna = 1", "shops.toml:2: users.anna: expected a table"),
        ("[users.anna]", "has no password_hash; make one with: python -m webhook_app hash-password"),
        ('[users.anna]\npassword_hash = "plain text 123"', "shops.toml:2: users.anna.password_hash: is no hash"),
        (f'[users.anna]\npassword_hash = "{HASHED[:-1]}"', "is no hash"),
        (f'[users.anna]\npassword_hash = "scrypt:2:8:1$aaaaaaaa${"0" * 128}"', "is no hash"),
        ('[users.anna]\npassword_hash = "${NOT_THERE}"', "the environment variable NOT_THERE is not set"),
        (f'[users.anna]\npassword_hash = "{HASHED}"\nroles = ["admin"]', "users.anna.roles: Must be one of: read"),
        (f'[users.anna]\npassword_hash = "{HASHED}"\nroles = []', "shops.toml:3: users.anna.roles: is empty"),
        (f'[users.anna]\npassword_hash = "{HASHED}"\nshops = []', "is empty; leave it out for all shops"),
        (
            f'[users.anna]\npassword_hash = "{HASHED}"\nshops = ["x"]',
            "shops.toml:3: users.anna.shops: there is no shop x",
        ),
        (f'[users.anna]\npassword_hash = "{HASHED}"\nshop = ["acme"]', "users.anna.shop: Unknown field"),
        (f'[users."a b"]\npassword_hash = "{HASHED}"', "a user's name has letters, digits"),
        (f'[users."*"]\npassword_hash = "{HASHED}"', "has no password"),
        (f'[users.a]\npassword_hash = "{HASHED}"\n[users.A]\npassword_hash = "{HASHED}"', "users.a: is there twice"),
    ],
)
def test_faults_name_the_line(text: str, fault: str) -> None:
    """No fault quotes a hash."""
    with pytest.raises(ConfigurationError) as raised:
        parse(text)
    assert fault in "\n".join(raised.value.faults)
    assert "0000" not in "\n".join(raised.value.faults)


def test_what_depends_on_the_environment() -> None:
    """The shared password's user is taken; a proxy needs users to name, and they need no password."""
    with pytest.raises(ConfigurationError, match="is the user of DASHBOARD_PASSWORD"):
        parse(f'[users.dashboard]\npassword_hash = "{HASHED}"', dashboard_password="a password")
    with pytest.raises(ConfigurationError, match="DASHBOARD_IDENTITY_HEADER: shops"):
        parse("", dashboard_identity_header="X-User")
    assert parse('[users."*"]\n[users."a@b.nl"]', dashboard_identity_header="X-User").keys() == {"*", "a@b.nl"}


@pytest.mark.parametrize(
    ("variables", "fault"),
    [
        ({"DASHBOARD_IDENTITY_HEADER": "X-User"}, "needs TRUSTED_PROXIES"),
        ({"DASHBOARD_IDENTITY_HEADER": "Cookie"}, "only the proxy writes"),
        ({"DASHBOARD_IDENTITY_HEADER": "X User"}, "only the proxy writes"),
        ({"DASHBOARD_IDENTITY_NETWORKS": "10.0.0.0/8, x"}, "expected addresses or networks"),
        ({"DASHBOARD_IDENTITY_NETWORKS": "10.0.0.1/8"}, "expected addresses or networks"),
    ],
)
def test_settings_of_the_proxy(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], fault: str) -> None:
    """Each fault names what is expected."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=fault):
        settings.load()


def test_a_worker_needs_no_variable_of_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what serves the dashboard reads users."""
    shop = '[shops.a]\nplatform = "shopify"\nsecrets = ["a-webhook-secret"]\ninstance_key = "demo0001"\n'
    monkeypatch.delenv("SHOPS_FILE", raising=False)
    monkeypatch.setenv("SHOPS", f'{shop}[users.anna]\npassword_hash = "${{NOT_THERE}}"')
    assert configuration.load()[1].keys() == {"a"}
    with pytest.raises(ConfigurationError, match="NOT_THERE is not set"):
        configuration.load(for_web=True)


def test_the_command_makes_a_hash() -> None:
    """The password comes from stdin; one that is easy to guess is refused, and none is repeated."""
    result = CliRunner().invoke(load("hash-password"), input="correct horse battery staple\n")
    made = result.stdout.strip()
    assert HASH.fullmatch(made)
    assert check_password_hash(made, "correct horse battery staple")
    refused = CliRunner().invoke(load("hash-password"), input="Password1234\n")
    assert (refused.exit_code, "easy to guess" in refused.output, "Password1234" in refused.output) == (1, True, False)
