"""Numbers and dates in the addresses of pages: any text is answered with a page, never with an internal error."""

from __future__ import annotations

from contextlib import closing
from itertools import product
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from tests.support.dashboard import Browser
    from webhook_app.inbox import Inbox

NUMBERS = ["0", "-1", "1.5", "1e400", "٣", "9" * 18, str(2**63 - 1), str(2**63), "9" * 30, "9" * 5000]
OF_NUMBERS = ["/deliveries/{}", "/deliveries?below={}", "/deliveries?number={}", "/deliveries?order={}"]
TIMES = [
    "0001-01-01T00:00",
    "9999-12-31T23:59",
    "0001-01-01T00:00+23:59",
    "9999-12-31T23:59-23:59",
    "99999-01-01",
    "-0001-01-01",
    "1e9",
    "nan",
    "9" * 5000,
]
OF_TIMES = ["/deliveries?since={}", "/deliveries?until={}", "/accounting?day={}", "/accounting.csv?day={}", "?range={}"]


def test_any_number_has_an_answer(filled: tuple[Browser, Inbox]) -> None:
    """A number that no delivery has is not found or ignored; a date that no calendar has is named or ignored."""
    addresses = [
        address.format(quote(value))
        for addresses, values in ((OF_NUMBERS, NUMBERS), (OF_TIMES, TIMES))
        for address, value in product(addresses, values)
    ]
    answers = {address[:60]: filled[0].get(address).status_code for address in addresses}
    assert set(answers.values()) == {200, 400, 404}


def test_a_nul_is_refused_before_it_is_searched(filled: tuple[Browser, Inbox]) -> None:
    """PostgreSQL takes none: the page would report that the database is unavailable."""
    browser, _ = filled
    pages = ("/deliveries?shop=a%00", "/issues?shop=%00", "/refused?shop=%00")
    posts: tuple[tuple[str, dict[str, str]], ...] = (
        ("/search", {"q": "a\0"}),
        ("/deliveries", {"profile_key": "\0"}),
        ("/sessions/%00/end", {}),
    )
    answers = [browser.get(path).status_code for path in pages]
    answers += [browser.post(path, "/deliveries", **form).status_code for path, form in posts]
    assert answers == [400] * 6


def test_a_page_below_any_number_is_the_newest(filled: tuple[Browser, Inbox]) -> None:
    """A number beyond the newest delivery skips no empty numbers on the way to it."""
    assert filled[0].get(f"/deliveries?below={'9' * 18}").text.count('href="/dashboard/deliveries/') > 10


@pytest.mark.parametrize("name", ["If-Modified-Since", "If-Unmodified-Since", "If-Range"])
@pytest.mark.parametrize(
    "date",
    [
        "Sun, 99999999999999999999 Oct 2015 07:28:00 GMT",
        "Fri, 31 Dec 99999 23:59:59 GMT",
        "Mon, 01 Jan 2001 00:00:00 +99999999",
        "1e999",
    ],
)
def test_a_date_that_cannot_be_read_is_ignored(browser: Browser, name: str, date: str) -> None:
    """The whole file is the answer, to clients that are not signed in too."""
    with closing(browser.get("/static/dashboard.css", **{name: date, "Range": "bytes=0-1"})) as answer:
        assert (answer.status_code, len(answer.data) > 2) == (200, True)


def test_a_condition_that_can_be_read_holds(browser: Browser) -> None:
    """Browsers load an unchanged file once."""
    condition = {"If-Modified-Since": "Fri, 31 Dec 2060 23:59:59 GMT"}
    with closing(browser.get("/static/dashboard.css", **condition)) as answer:
        assert answer.status_code == 304
