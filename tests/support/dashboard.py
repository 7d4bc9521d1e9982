"""A browser without a browser: requests and forms of the dashboard through Flask's test client."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.support import opened
from tests.support.processes import OWN_VARIABLES
from webhook_app.app import create_app

if TYPE_CHECKING:
    import pytest
    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse


PASSWORD = "correct horse battery staple"


PAGES = (
    "",
    "/deliveries",
    "/deliveries/1",
    "/accounting",
    "/accounting.csv",
    "/shops/demo-shopify",
    "/actions",
    "/sessions",
)


CSRF = re.compile(r'name="csrf" value="([^"]+)"')


class Browser:
    """Sends requests and forms with the cookies of one browser."""

    def __init__(self, app: Flask, **environ: str) -> None:
        self.client: FlaskClient = app.test_client()
        self.environ = environ

    def get(self, path: str = "", **headers: str) -> TestResponse:
        return self.client.get(f"/dashboard{path}", headers=headers, environ_overrides=self.environ)

    def post(self, path: str, page: str = "", /, **form: Any) -> TestResponse:
        """Send a form of a page with the CSRF token of that page, unless another one is given."""
        token = CSRF.search(self.get(page).text)
        headers: dict[str, str] = form.pop("headers", {})
        fields = {"csrf": token[1] if token else "", **form}
        return self.client.post(f"/dashboard{path}", data=fields, headers=headers, environ_overrides=self.environ)

    def sign_in(self, password: str = PASSWORD, **form: str) -> TestResponse:
        return self.post("/login", "/login", password=password, **form)


def configured(monkeypatch: pytest.MonkeyPatch, database_url: str, **variables: str) -> Flask:
    for name in OWN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    given = {"DATABASE_URL": database_url, "SHOPS_FILE": "shops.demo.toml", "DASHBOARD_PASSWORD": PASSWORD}
    for name, value in {**given, **variables}.items():
        monkeypatch.setenv(name, value)
    return new_app()


def new_app() -> Flask:
    """An app of the environment, which is closed when the test ends; a second one is as in another process."""
    app = create_app()
    opened.close_later(app.extensions["webhooks"].inbox.close)
    return app
