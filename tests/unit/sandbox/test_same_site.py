"""The sandbox refuses names that are not this machine's, and what other sites send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.sandbox import VALID, send

if TYPE_CHECKING:
    from flask.testing import FlaskClient

PATHS = [("GET", "/"), ("GET", "/events"), ("GET", "/trouble"), ("POST", "/trouble"), ("DELETE", "/events")]
CROSS = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8001", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "[::2]", "["],
)
def test_another_name_is_refused(client: FlaskClient, host: str) -> None:
    """A name that an attacker lets point to this machine (DNS rebinding) opens nothing, calls included."""
    for method, path in [*PATHS, ("POST", "/api/search"), ("GET", "/nowhere")]:
        assert client.open(path, method=method, headers={"Host": host}).status_code == 403, path
    assert send(client, "search", VALID["search"], Host=host).status_code == 403
    assert client.get("/events").get_json()["events"] == []


@pytest.mark.parametrize("host", ["127.0.0.1:8001", "localhost", "LOCALHOST:8001", "[::1]:8001", "127.0.0.2"])
def test_names_of_this_machine_are_answered(client: FlaskClient, host: str) -> None:
    """Any port, because a tunnel or container may map another one."""
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        CROSS,
        CROSS | {"Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "null"},
    ],
)
def test_another_site_changes_nothing(client: FlaskClient, headers: dict[str, str]) -> None:
    """A form or script of any other page, also one of this machine, cannot switch failures on or remove events."""
    send(client, "search", VALID["search"])
    assert client.post("/trouble", data={"status": "503"}, headers=headers).status_code == 403
    assert client.delete("/events", headers=headers).status_code == 403
    assert client.get("/trouble").get_json()["status"] == 0
    assert len(client.get("/events").get_json()["events"]) == 1


def test_another_site_reads_nothing(client: FlaskClient) -> None:
    """A script or image of another page gets no data; a link to the sandbox can be followed."""
    assert client.get("/events", headers=CROSS).status_code == 403
    assert client.get("/", headers=CROSS | {"Sec-Fetch-Mode": "navigate"}).status_code == 200


def test_the_form_and_programs_pass(client: FlaskClient) -> None:
    """The sandbox's own page, and programs that are no browser."""
    own = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost", "Host": "localhost"}
    assert client.post("/trouble", data={"status": "503"}, headers=own).status_code == 303
    older = {"Origin": "http://localhost:8001", "Host": "localhost:8001"}
    assert client.post("/trouble", data={"status": "503"}, headers=older).status_code == 303
    assert client.post("/trouble", json={"status": 0}).status_code == 200
