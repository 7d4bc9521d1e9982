"""Calls to a sandbox through Flask's test client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhook_app.sandbox.app import create_app

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse


INSTANCE_KEY = "1234abcd"


PROFILE_KEY = "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"


PURCHASE = {"ProductKeys": ["100012345", "100012346"], "ProfileKey": PROFILE_KEY, "Revenue": 59.9}


VALID: dict[str, dict[str, Any]] = {
    "pageview": {"ProductKey": "100012345", "ProfileKey": PROFILE_KEY},
    "purchase": PURCHASE,
    "search": {"SearchTerm": "winterjas", "ProfileKey": PROFILE_KEY},
    "addtocart": {
        "ProductKey": "1",
        "Quantity": 2,
        "TotalAmount": 39.98,
        "ProfileKey": PROFILE_KEY,
        "SessionKey": "a-1",
    },
    "addtowishlist": {"ProductKey": "1", "ProfileKey": PROFILE_KEY, "SessionKey": "a-1"},
    "sessionstart": {"ProfileKey": PROFILE_KEY, "SessionKey": "a-1", "Source": "mail"},
    "itemclick": {"RequestId": "r-1", "ItemId": "100012345"},
    "pageimpression": {"RequestId": "r-1", "ProfileKey": PROFILE_KEY, "SessionKey": "a-1"},
}


OFF = {"delay_ms": 0, "status": 0, "rate": 1.0, "retry_after": 0, "hang": False}


def client_of(**settings: Any) -> FlaskClient:
    app = create_app(**settings)
    # Otherwise a fault of the sandbox would be a 500 here instead of a traceback.
    app.testing = True
    return app.test_client()


def send(client: FlaskClient, event: str, body: Any, key: str = INSTANCE_KEY, **headers: str) -> TestResponse:
    return client.post(f"/api/{event}", json=body, headers={"Instance-Key": key, **headers})


def send_raw(client: FlaskClient, raw: bytes, content_type: str = "application/json") -> TestResponse:
    return client.post("/api/purchase", data=raw, content_type=content_type, headers={"Instance-Key": INSTANCE_KEY})


def view(client: FlaskClient, profile: str, key: str = INSTANCE_KEY) -> None:
    assert send(client, "pageview", {"ProductKey": "1", "ProfileKey": profile}, key).status_code == 204


def events(client: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/events{query}").get_json()["events"]
    return found


def page(client: FlaskClient, path: str = "/") -> str:
    return client.get(path).get_data(as_text=True)


def with_field(field: str, value: Any) -> dict[str, Any]:
    return {**PURCHASE, field: value}
