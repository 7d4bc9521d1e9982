"""How Shopify's Admin API is asked: the token of the app, the points that queries cost, and what errors mean."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from webhook_app.errors import SourceError
from webhook_app.sources.http import Answer, Http, failed
from webhook_app.sources.shapes import lifetime, part, rows, text
from webhook_app.time_units import uptime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhook_app.config.shop_api import ShopApi

VERSION = "2026-10"
ENDPOINT, TOKEN = f"/admin/api/{VERSION}/graphql.json", "/admin/oauth/access_token"
RENEW_BEFORE = 300.0  # seconds before a token ends
TRIES = 5
LONGEST_PAUSE = 60.0  # seconds
# read_customers is needed to see whether a company ordered (purchasingEntity), and for the customer's id.
SCOPES = ("read_orders", "read_products", "read_customers")
CREDENTIALS = (
    "In Shopify's Dev Dashboard, open the app, add the scope to a new version and release it, and accept the new "
    "permissions in the shop."
)


class TooExpensiveError(Exception):
    """The query costs more than Shopify allows for one."""


class GraphQl:
    """One shop's Admin API, with a token of the app, which is fetched, renewed before it ends, and never stored.

    `date` is the time of the last answer that names one, in milliseconds.
    """

    def __init__(self, api: ShopApi, secret: str, rate: float) -> None:
        """Nothing is asked yet; `secret` is the app's where `api` has none, `rate` is in requests a second."""
        self.host = urlsplit(api.url).hostname or ""
        self.date: int | None = None
        self._api, self._secret = api, api.client_secret or secret
        self._http = Http(api.url, rate)
        self._token, self._ends = api.token, float("inf") if api.token else 0.0
        self._free_at = 0.0  # uptime at which the next query may begin
        self._longest_pause = min(LONGEST_PAUSE, LONGEST_PAUSE * 100 / rate)

    def query(self, query: str, variables: Mapping[str, Any], *, reads: bool = True) -> dict[str, Any]:
        """Return the data of a query, after waiting for points where too few are left.

        Raises SourceError, and TooExpensiveError.
        """
        for _ in range(TRIES):
            self._wait()
            answer = self._posted(query, variables, reads=reads)
            content = part(answer.data)
            self._note_cost(content.get("extensions"))
            errors = rows(content.get("errors"))
            codes = {text(part(one.get("extensions")).get("code")) for one in errors}
            if "THROTTLED" in codes:
                continue
            if "MAX_COST_EXCEEDED" in codes:
                raise TooExpensiveError
            if errors or not isinstance(content.get("data"), dict):
                raise self._error_of(codes, errors)
            data: dict[str, Any] = content["data"]
            return data
        raise SourceError("api_throttled", f"{self.host} asks for fewer queries; the next attempt comes later.")

    def _posted(self, query: str, variables: Mapping[str, Any], *, reads: bool) -> Answer:
        send = self._http.read if reads else self._http.write
        for is_last in (False, True):
            headers = {"X-Shopify-Access-Token": self._valid_token()}
            answer = send("POST", ENDPOINT, json={"query": query, "variables": variables}, headers=headers)
            self.date = answer.date or self.date
            if answer.status == HTTPStatus.OK:
                return answer
            if answer.status != HTTPStatus.UNAUTHORIZED or is_last or self._api.token:
                break
            self._ends = 0.0  # the token was revoked: one more try with a new one
        raise failed(answer, self.host, CREDENTIALS)

    def _valid_token(self) -> str:
        if uptime() < self._ends - RENEW_BEFORE:
            return self._token
        asked = {
            "grant_type": "client_credentials",
            "client_id": self._api.client_id,
            "client_secret": self._secret,
        }
        answer = self._http.read("POST", TOKEN, json=asked)
        content = part(answer.data)
        token, seconds = content.get("access_token"), content.get("expires_in")
        if answer.status != HTTPStatus.OK or not isinstance(token, str):
            why = "client_id and client_secret must be those of an app that is installed in this shop"
            raise SourceError("api_unauthorized", f"{self.host} gives no token ({answer.status}): {why}.")
        self._token = token
        self._ends = uptime() + lifetime(seconds, RENEW_BEFORE * 2)
        return token

    def _note_cost(self, extensions: Any) -> None:
        """Learn from an answer when there will be points for a query like it."""
        given = part(part(extensions).get("cost"))
        status, wanted = part(given.get("throttleStatus")), given.get("requestedQueryCost")
        figures = (wanted, status.get("currentlyAvailable"), status.get("restoreRate"))
        try:
            cost, left, rate = (float(str(figure)) for figure in figures)
        except ValueError:
            return
        lacking = cost - left
        self._free_at = uptime() + (max(0.0, lacking / rate) if rate > 0 else 1.0)

    def _wait(self) -> None:
        time.sleep(min(max(0.0, self._free_at - uptime()), self._longest_pause))

    def _error_of(self, codes: set[str], errors: Sequence[Mapping[str, Any]]) -> SourceError:
        if "ACCESS_DENIED" in codes:
            needed = ", ".join(SCOPES)
            return SourceError("api_scope_missing", f"{self.host} denies access: the app needs {needed}. {CREDENTIALS}")
        named = ", ".join(sorted(filter(None, codes))) or ("errors" if errors else "no data")
        return SourceError("api_odd_answer", f"{self.host} did not answer the query: {named}.")
