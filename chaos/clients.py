"""Clients of every kind that a receiver has: each sends its requests over one connection, which it keeps open."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Self
from urllib.parse import urlencode

import requests

from chaos import orders
from chaos.traffic import COUNTER

if TYPE_CHECKING:
    from collections.abc import Callable

    from chaos.orders import Order

    # Sends the request of that number; returns its status, and the name of the event that was acknowledged.
    Send = Callable[[requests.Session, int], tuple[int, str]]

TIMEOUT = 30.0  # seconds for an answer
PASSWORD = "chaos-dashboard-password"  # noqa: S105 - made up, for a receiver that exists only here
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) chaos"  # a browser's: events of programs are not sent
PAGES = ("", "/deliveries", "/accounting", "/actions", "/issues", f"/shops/{orders.SHOP}")
CSRF = re.compile(r'name="csrf" value="([^"]+)"')


class Client:
    """A thread that sends requests until stopped: what was answered, what was acknowledged, and what took longest.

    A request without an answer within TIMEOUT, or over a connection that broke, is counted by the exception's name.
    """

    def __init__(self, name: str, send: Send, pause: float) -> None:
        """`pause` is in seconds, between an answer and the next request."""
        self.name = name
        self.answers: Counter[str] = Counter()
        self.acknowledged: set[str] = set()
        self.slowest = 0.0  # seconds
        self._send, self._pause = send, pause
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        with requests.Session() as session:
            session.headers["User-Agent"] = USER_AGENT
            while not self._stopping.wait(self._pause):
                self._request(session)

    def _request(self, session: requests.Session) -> None:
        began = time.monotonic()
        try:
            status, name = self._send(session, next(COUNTER))
        except requests.RequestException as error:
            self.answers[type(error).__name__] += 1
        else:
            self.answers[str(status)] += 1
            if name:
                self.acknowledged.add(name)
        self.slowest = max(self.slowest, time.monotonic() - began)


def shop(url: str) -> Send:
    """Send genuine orders."""

    def send(session: requests.Session, number: int) -> tuple[int, str]:
        order = orders.make(number)
        status = _post(session, url, order)
        return status, order.identity if status == requests.codes.ok else ""

    return send


def forger(url: str) -> Send:
    """Send orders whose body is not the one that was signed."""

    def send(session: requests.Session, number: int) -> tuple[int, str]:
        order = orders.make(number)
        return _post(session, url, orders.Order(order.identity, order.body + b" ", order.headers)), ""

    return send


def visitor(url: str) -> Send:
    """View products, each time as another visitor, as the platform's proxy passes it on."""

    def send(session: requests.Session, number: int) -> tuple[int, str]:
        name = f"chaos-visitor-{number}"
        path = f"/storefront/shopify/{orders.SHOP}/pageview?{signed_query(name)}"
        status = session.get(url + path, timeout=TIMEOUT).status_code
        return status, name if status == requests.codes.ok else ""

    return send


def reader(url: str) -> Send:
    """Sign in once, and look at one page after the other."""

    def send(session: requests.Session, number: int) -> tuple[int, str]:
        if not session.cookies:
            return sign_in(session, url), ""
        page = PAGES[number % len(PAGES)]
        return session.get(f"{url}/dashboard{page}", timeout=TIMEOUT, allow_redirects=False).status_code, ""

    return send


def _post(session: requests.Session, url: str, order: Order) -> int:
    return session.post(url + orders.PATH, data=order.body, headers=order.headers, timeout=TIMEOUT).status_code


def sign_in(session: requests.Session, url: str) -> int:
    """Sign in to the dashboard; return the status."""
    token = CSRF.search(session.get(f"{url}/dashboard/login", timeout=TIMEOUT).text)
    form = {"csrf": token[1] if token else "", "password": PASSWORD}
    return session.post(f"{url}/dashboard/login", data=form, timeout=TIMEOUT).status_code


def signed_query(name: str, secret: str = orders.SECRET) -> str:
    """Return a query as Shopify signs it: https://shopify.dev/docs/apps/build/online-store/app-proxies ."""
    parameters = {
        "product_id": "8011551572211",
        "profile_key": name,
        "shop": "chaos.myshopify.com",
        "logged_in_customer_id": "",
        "path_prefix": "/apps/tweakwise",
        "timestamp": str(int(time.time())),
    }
    message = "".join(sorted(f"{name}={value}" for name, value in parameters.items()))
    digest = hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    return urlencode({**parameters, "signature": digest})
