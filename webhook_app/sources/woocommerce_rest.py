"""How WooCommerce's REST API is asked: how a request carries the key, and what errors mean."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from requests.auth import AuthBase, HTTPBasicAuth

from webhook_app.errors import SourceError
from webhook_app.sources import http, oauth1
from webhook_app.sources.http import Answer, Http

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import PreparedRequest

    from webhook_app.config.shop_api import ShopApi

API = "/wp-json/wc/v3"
CREDENTIALS = (
    "Make a key in WooCommerce > Settings > Advanced > REST API, for a user who may see orders, and write it into "
    "[shops.<name>.api]."
)
SCOPES = frozenset({"woocommerce_rest_cannot_view", "rest_forbidden"})
REJECTED = "woocommerce_rest_authentication_error"


class _QueryAuth(AuthBase):
    """Key and secret in the query, for hosts that remove the Authorization header."""

    def __init__(self, key: str, secret: str) -> None:
        self._parameters = {"consumer_key": key, "consumer_secret": secret}

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.prepare_url(str(request.url), self._parameters)
        return request


class Rest:
    """One shop's REST API. Over plain http requests are signed (OAuth 1.0a), over https they carry key and secret.

    `date` is the time of the last answer that names one, in milliseconds.
    """

    def __init__(self, api: ShopApi, rate: float) -> None:
        """Nothing is asked yet; `rate` is in requests a second."""
        self.host = urlsplit(api.url).hostname or ""
        self.date: int | None = None
        self._api, self._http = api, Http(api.url + API, rate)
        self._signs = not api.is_encrypted
        if not self._signs:
            self._http.auth = HTTPBasicAuth(api.key, api.secret)

    @property
    def is_readable_on_the_way(self) -> bool:
        """Whether answers leave this machine without encryption."""
        return self._signs and not self._api.is_loopback

    def list(self, path: str, asked: Mapping[str, str]) -> Answer:
        """Return an answer with a list of objects. Raises SourceError."""
        answer = self.read(path, asked)
        listed = answer.data
        if answer.status != HTTPStatus.OK or not isinstance(listed, list) or not all(map(_is_row, listed)):
            raise self.failed(answer)
        return answer

    def read(self, path: str, asked: Mapping[str, str]) -> Answer:
        """Return the answer to a GET, whatever it is. Raises SourceError where there is none."""
        answer = self._http.read("GET", path, params=self._parameters("GET", path, asked))
        if answer.status == HTTPStatus.UNAUTHORIZED and isinstance(self._http.auth, HTTPBasicAuth):
            self._http.auth = _QueryAuth(self._api.key, self._api.secret)
            answer = self._http.read("GET", path, params=asked)
            if answer.status == HTTPStatus.UNAUTHORIZED:
                self._http.auth = HTTPBasicAuth(self._api.key, self._api.secret)
        self.date = answer.date or self.date
        return answer

    def write(self, method: str, path: str, what: Mapping[str, Any]) -> Answer:
        """Create or change something; returns the answer with it. Raises SourceError."""
        # It shows how the host takes the key, and that the key is right: one that may only read is refused as wrong.
        self.list("/webhooks", {"per_page": "1", "_fields": "id"})
        answer = self._http.write(method, path, params=self._parameters(method, path, {}), json=what)
        if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise self._lacks("Read/Write", str(_code(answer)))
        if answer.status not in {HTTPStatus.OK, HTTPStatus.CREATED} or not isinstance(answer.data, dict):
            raise self.failed(answer)
        return answer

    def _parameters(self, method: str, path: str, asked: Mapping[str, str]) -> Mapping[str, str]:
        if not self._signs:
            return asked
        return oauth1.signed(method, self._http.base + path, asked, self._api.key, self._api.secret)

    def _lacks(self, permission: str, code: str) -> SourceError:
        sentence = f"{self.host} refuses this to the key ({code}): it needs the permission {permission}, and its user"
        return SourceError("api_scope_missing", f"{sentence} must be a shop manager. {CREDENTIALS}")

    def failed(self, answer: Answer) -> SourceError:
        """Return why an answer is not the one that was asked for."""
        code = _code(answer)
        if code in SCOPES:
            return self._lacks("Read", code)
        if code == REJECTED or (code and answer.status == HTTPStatus.OK):  # a host that hides the status
            return SourceError("api_unauthorized", f"{self.host} does not take the key ({code}). {CREDENTIALS}")
        if answer.status == HTTPStatus.NOT_FOUND:
            why = "there is no WooCommerce API at `url`; or Settings > Permalinks is Plain, which has no such addresses"
            return SourceError("api_odd_answer", f"{self.host} answered 404: {why}.")
        if answer.status == HTTPStatus.OK:
            return SourceError("api_odd_answer", f"{self.host} did not send a list of orders.")
        return http.failed(answer, self.host, CREDENTIALS)


def _code(answer: Answer) -> str:
    code = answer.data.get("code") if isinstance(answer.data, dict) else None
    return code if isinstance(code, str) and code.isascii() and code.replace("_", "").isalnum() else ""


def _is_row(row: Any) -> bool:
    return isinstance(row, dict)


def count_of(answer: Answer, header: str) -> int | None:
    """Return the number in a header, None for anything else."""
    text = answer.headers.get(header, "")
    return int(text) if text.isdecimal() and len(text) < 12 else None  # noqa: PLR2004 - digits
