"""What was lost on the way is restored, or at least named: zeros of numbers, the end of a body, a secret's line end."""

from __future__ import annotations

import time

import pytest

from tests.support.signatures import ORDER, SECRET, b64, diagnose_post, digest, verified_causes

SENT = '{"id":7,"quantity":2,"total":1.0,"tax":0.0,"note":"\\"a\\": 5,","lines":[{"price":10.0,"weight":3}]}'
MONEY = '{"id": 7, "total": "x", "sum": 12.00, "discount": 10.50, "lines": []}'


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (SENT, SENT.replace("1.0,", "1,").replace("0.0,", "0,").replace("10.0,", "10,")),
        ('{"total":1.0}', '{"total":1}'),
        (MONEY, MONEY.replace("12.00", "12").replace("10.50", "10.5")),
    ],
)
def test_lost_zeros_are_found(sent: str, received: str) -> None:
    """1.0 became 1, as JavaScript writes it, in some of the numbers."""
    [cause] = verified_causes(diagnose_post(received.encode(), b64(digest(sent.encode()))))
    assert cause.startswith("Numbers were written again on the way: 1.0")


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_cut_end_is_found(cut: int) -> None:
    """Where only brackets, quotes and a part of a word are missing."""
    [cause] = verified_causes(diagnose_post(ORDER[:-cut].encode(), b64(digest(ORDER.encode()))))
    assert cause == "The end of the body was cut off."


def test_a_body_that_was_cut_further_is_named() -> None:
    """As what is unusual, since it cannot be restored."""
    diagnosis = diagnose_post(ORDER[:40].encode(), b64(digest(ORDER.encode())))
    assert any("it was cut off" in one.text and not one.verified for one in diagnosis.findings)
    whole = diagnose_post(ORDER.encode(), b64(digest(b"other")))
    assert not any("cut off" in one.text for one in whole.findings)


@pytest.mark.parametrize(("end", "name"), [("\n", "a line end"), ("\r\n", "a Windows line end"), (" ", "a space")])
def test_an_end_behind_the_senders_secret_is_found(end: str, name: str) -> None:
    """As echo writes it into a file."""
    [cause] = verified_causes(diagnose_post(ORDER.encode(), b64(digest(ORDER.encode(), SECRET + end))))
    assert f"matches with {name} behind it: the sender's secret has one" in cause


@pytest.mark.parametrize("between", ["", " ", ", ", ";"])
def test_a_doubled_header_is_found(between: str) -> None:
    """However the two were joined."""
    value = b64(digest(ORDER.encode()))
    [cause] = verified_causes(diagnose_post(ORDER.encode(), f"{value}{between}{value}"))
    assert "more than once" in cause


def test_many_numbers_take_no_long_time() -> None:
    """Not every combination is tried."""
    body = "{" + ",".join(f'"key{number}":{number}' for number in range(300)) + "}"
    began = time.process_time()
    assert verified_causes(diagnose_post(body.encode(), b64(digest(b"other")))) == []
    assert time.process_time() - began < 60
