"""Profile keys that are personal data are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.sandbox import (
    PROFILE_KEY,
    page,
    send,
    with_field,
)

if TYPE_CHECKING:
    from flask.testing import FlaskClient


@pytest.mark.parametrize(
    "key",
    [
        "x",
        "a" * 128,
        "tw.fg$ae12deH.8631552",
        "d9428888-122b-11e1-b85c-61cd3cbb3210",
        "7351239876123",
        "31612345678",
        "2024-000123",
        "1234567890.1698765432",
        "000000123456",
        PROFILE_KEY,
    ],
)
def test_ids_and_hashes_are_profile_keys(client: FlaskClient, key: str) -> None:
    """Neither a UUID nor a customer id is mistaken for a telephone number."""
    assert send(client, "purchase", with_field("ProfileKey", key)).status_code == 204


@pytest.mark.parametrize(
    "key",
    [
        "jan@example.nl",
        "jan%40example.nl",
        "jan%2540example.nl",
        " jan @ example.nl ",
        "mailto:jan@example.nl",
        "jan\uff20example.nl",
        "+31612345678",
        "%2B31612345678",
        "+31 6 1234 5678",
        "+31 (0)6-12345678",
        "+31%206%2012345678",
        "(+31) 612345678",
        "tel:+31612345678",
        "0031612345678",
        "0612345678",
        "06-12345678",
        "06 12 34 56 78",
        "555-123-4567",
        "(555) 123-4567",
    ],
)
def test_personal_data_is_refused_and_never_repeated(client: FlaskClient, key: str) -> None:
    """A key that reads as an e-mail address or a phone number appears neither in the answer nor in any list."""
    answer = send(client, "purchase", with_field("ProfileKey", key))
    assert (answer.status_code, list(answer.get_json()["errors"])) == (400, ["ProfileKey"])
    shown = answer.get_data(as_text=True) + page(client) + page(client, "/refused") + page(client, "/events")
    assert key not in shown
    assert "e-mail address or a phone number" in shown
