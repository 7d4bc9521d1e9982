"""Compares e-mail addresses and phone numbers in normal form, as a shop and its customers write them; pure."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress

LONGEST = 1000  # characters of a text in which an e-mail address is searched
NOT_DIGITS = re.compile(r"\D+")
OF_A_NUMBER = re.compile(r"(?:tel:)?[\d\s().+/_-]{1,60}")
FEWEST_DIGITS, FEWEST_COMMON = 7, 8  # of a number; of two that differ in the country's code
LONGEST_CODE = 4  # digits that one of two numbers may have in front: the country's code, or a 0 within it
WORDS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
IN_ADDRESS = WORDS | set("._%+-@")


def normal_email(text: str) -> str:
    """Return an address in lower case, its domain as the domain name system writes it."""
    local, _, domain = unicodedata.normalize("NFKC", text).strip().casefold().rpartition("@")
    with suppress(UnicodeError):
        domain = domain if domain.isascii() else domain.encode("idna").decode()
    return f"{local}@{domain.rstrip('.')}"


def normal_phone(text: str) -> str:
    """Return the digits of a phone number without 0 or 00 in front; "" for what is none."""
    number = unicodedata.normalize("NFKC", text).strip().lower()
    if not OF_A_NUMBER.fullmatch(number):
        return ""
    digits = NOT_DIGITS.sub("", number.replace("(0)", ""))
    return digits.lstrip("0") if len(digits) >= FEWEST_DIGITS else ""


def is_same(known: str, value: str | int) -> bool:
    """Return whether a value of a payload is, or a text in it contains, what is known of a person."""
    text = str(value)
    if "@" in known:
        return "@" in text and _contains(unicodedata.normalize("NFKC", text[:LONGEST]).casefold(), known)
    if known.strip() and known.strip().casefold() == text.strip().casefold():
        return True
    wanted, found = normal_phone(known), normal_phone(text)
    if not wanted or not found:
        return False
    # What is written as a number may be an id: it must have every digit.
    return wanted == found or (isinstance(value, str) and _differs_in_code(wanted, found))


def _differs_in_code(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    more = len(longer) - len(shorter)
    return len(shorter) >= FEWEST_COMMON and more <= LONGEST_CODE and longer.endswith(shorter)


def _contains(text: str, known: str) -> bool:
    wanted = normal_email(known)
    if normal_email(text) == wanted:
        return True
    start = text.find(wanted)
    while start >= 0:
        if _is_whole(text[:start], text[start + len(wanted) :]):
            return True
        start = text.find(wanted, start + 1)
    return False


def _is_whole(before: str, after: str) -> bool:
    """Return whether an address ends where these begin: neither goes on with characters of an address."""
    return before[-1:] not in IN_ADDRESS and after[:1] not in IN_ADDRESS - {"."} and after[:2].strip(".") not in WORDS
