"""Commands that need the secret of a shop whose app has registered itself."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.recordings import FOLDER
from webhook_app.inbox.sealing import Sealer
from webhook_app.inbox.shop_records import registrations
from webhook_app.platforms.registration import Registration

if TYPE_CHECKING:
    from tests.support.commands import Run
    from webhook_app.inbox import Inbox

KEY = "k" * 32
ORDER = FOLDER / "shopware/checkout.order.placed__guest-simple-and-variant"
SECRET = "shopSecretForTests0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP"
SHOP = '[shops.acme]\nplatform = "shopware"\ninstance_key = "1234abcd"\napp_secret = "an-app-secret-0123456789"\n'
OLD = Registration("id-1", "https://s.example", "new", previous=SECRET)
VERIFY = ("verify", "--shop=acme", f"--headers={ORDER}/headers.json", f"--body={ORDER}/body.raw")


@pytest.mark.engines("sqlite")
def test_what_is_registered_verifies(run: Run, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what the former secret signed, for a minute; what is missing is named, and no secret is printed."""
    monkeypatch.delenv("SHOPS_FILE", raising=False)
    monkeypatch.setenv("SHOPS", SHOP)
    sample = ("send-sample", "shopware", "checkout.order.placed", "--shop=acme")
    for command in (VERIFY, sample):
        assert "set SECRETS_KEY" in run(*command).output
    monkeypatch.setenv("SECRETS_KEY", KEY)
    for command in (VERIFY, sample):
        assert "has not registered itself yet" in run(*command).output
    old = replace(OLD, previous_until=time.time() + 60)
    registrations.change(inbox, Sealer(KEY), "acme", lambda _: old)
    result = run(*VERIFY)
    assert result.exit_code == 0, result.output
    assert SECRET not in result.output
    monkeypatch.setenv("SECRETS_KEY", "x" * 32)
    assert "cannot be decrypted" in run(*VERIFY).output
