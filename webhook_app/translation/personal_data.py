"""Recognises personal data where a key belongs: e-mail addresses, phone numbers, IBANs, national numbers, IP addresses.

A key has up to 128 characters, and every pattern here is linear. Names cannot be recognised, and neither can hashes.
"""

from __future__ import annotations

import base64
import binascii
import re
from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING
from urllib.parse import unquote

from schemas.call_fields import LONGEST_PROFILE_KEY
from webhook_app.translation import account_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

# An @ in any spelling: as such, URL-encoded, as in a mail header, or spelled out to deter crawlers.
AT_SIGN = re.compile(r"@|%40|=40|&#0*64;|&#x0*40;|&commat;|\(at\)|\[at\]|\{at\}| at ", re.IGNORECASE)
OF_AT_SIGNS = re.compile(r"[@%=&(\[{ ]")  # with one of these each of them begins
# A bare -at- is one only before what ends like a host name: most ids with such a part are no addresses.
BARE_AT = re.compile(r"[._-]at[._-]", re.IGNORECASE)
HOST_ENDS = (re.compile(r"\.[a-z]{2,}$", re.IGNORECASE), re.compile(r"[._-]dot[._-][a-z]{2,}$", re.IGNORECASE))
EMAIL = re.compile(r"\S@\S")
# An address whose @ was replaced by a character that a key may have: jane.roe$example.com, jane_roe_example_com.
SEPARATOR = re.compile(r"[._$=-]+")
GENERIC = """
    com net org info biz edu gov mil int eu name mobi pro app dev shop store online site email cloud live tech xyz club
    example test invalid local localhost
"""
COUNTRIES = """
    ad ae al am ar at au az ba be bg br by ca ch cl cn co cr cy cz de dk ee eg es fi fr ge gi gr hk hr hu id ie il in io
    ir is it jp ke kr kz lb li lt lu lv ma mc md me mk mt mx my ng nl no nz pe ph pk pl pt ro rs ru sa se sg si sk sm th
    tn tr tv tw ua uk us uy va vn za
"""
LAST_LABELS = frozenset(f"{GENERIC} {COUNTRIES}".split())
FEWEST_LABELS = 3  # local part, domain, country: fewer are a host at most
NUMBER_WORDS = re.compile(
    r"^(?:telephone|telefoon|tel|phone|mobile|mobiel|gsm|whatsapp|sms|callto|bsn|ssn|sofi|insz|niss|rrn|nir|pesel|cpr"
    r"|iban|bank|rekening)[._\s-]*(?:number|nummer|nr)?[:.=_$\s-]*",
    re.IGNORECASE,
)
PREFIX = re.compile(r"^[a-z]{1,20}[:.=_$\s-]*", re.IGNORECASE)  # before a number that is recognised by itself
SUFFIX = re.compile(r"[:.=_$|-][a-z][a-z0-9]{0,9}$|(?<=[0-9])[_|][0-9]{1,4}$", re.IGNORECASE)  # and behind one
IBAN_BEHIND_LETTERS = re.compile(r"^[a-z]+?[:.=_$\s-]*(?=[a-z]{2}[0-9]{2})", re.IGNORECASE)
NUMBER_SEPARATORS = re.compile(r"[\s().,/_$=+-]+")
# https://www.itu.int/rec/T-REC-E.164 : a number has at most 15 digits; fewer than 7 cannot be called. The national
# numbers of most countries have as many.
NUMBER = re.compile(r"[0-9]{7,15}")
# Behind letters only what begins like a phone number: with 0 or 00, or with a country's code and of its length.
DIALLED = re.compile(
    r"0[0-9]{8,14}|1[2-9][0-9]{2}[2-9][0-9]{6}|(?:31|33|34|41|46|48|61)[0-9]{9}|(?:32|45|47)[0-9]{8}|324[0-9]{8}"
    r"|(?:44|90)[0-9]{10}|(?:39|43|49)[0-9]{9,11}|(?:351|353|358|420|421)[0-9]{9}|352[0-9]{6,9}"
)
IPV4 = re.compile(r"([0-9]{1,3})([._$=-])([0-9]{1,3})\2([0-9]{1,3})\2([0-9]{1,3})")
IPV6 = re.compile(
    r"(?:ip(?:v6)?[:._$=-]?)?([0-9a-f]{0,4}(?:[:._$=-][0-9a-f]{0,4}){1,6}[:._$=-][0-9a-f]{1,4})", re.IGNORECASE
)
IPV6_BEGINNING = re.compile(r"[23][0-9a-f]{3}|f[cdef][0-9a-f]{2}", re.IGNORECASE)  # of addresses that are in use
BASE64 = re.compile(r"[A-Za-z0-9+/]{8,}")
HEX = re.compile(r"(?:0x)?((?:[0-9a-f]{2}){6,})", re.IGNORECASE)
BEFORE_ENCODED = re.compile(r"[a-z0-9]{1,20}[:.=_$-]", re.IGNORECASE)  # user_, b64. and the like
BETWEEN_VALUES = re.compile(r"[\"'{}\[\],;|<>&?]+")  # in what was encoded: JSON, a query, a list
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)  # the usual key, quickly accepted
DEEPEST_ENCODING = 5


def looks_personal(key: str) -> bool:
    """Return whether `key` looks like personal data, in any spelling or encoding; a longer text is no key."""
    if len(key) > LONGEST_PROFILE_KEY or UUID.fullmatch(key):
        return False
    return any(map(_is_personal, _readings(key)))


def _readings(key: str) -> Iterator[str]:
    """Yield the text and what it may have been encoded from: URL, mail header, base64 or hex, the last two once."""
    texts = [_unquoted(key), _unquoted(key.replace("=", "%"))] if "=" in key else [_unquoted(key)]
    for text in dict.fromkeys(texts):
        yield text
        for decoded in _decoded(text.strip()):
            plain = _unquoted(decoded)
            yield plain
            yield from (value.strip(":= ") for value in BETWEEN_VALUES.split(plain) if value != plain)


def _unquoted(text: str) -> str:
    """Undo URL-encoding, even where it was applied more than once."""
    for _ in range(DEEPEST_ENCODING):
        decoded = unquote(text)
        if decoded == text:
            break
        text = decoded
    return text


def _decoded(text: str) -> Iterator[str]:
    """Yield the text that base64 or hex stands for, also behind a word; what decodes to no text is a random key."""
    yield from _wholly_decoded(text)
    if before := BEFORE_ENCODED.match(text):
        yield from _wholly_decoded(text[before.end() :])


def _wholly_decoded(text: str) -> Iterator[str]:
    plain = text.rstrip("=%").replace("-", "+").replace("_", "/")
    if BASE64.fullmatch(plain) and len(plain) % 4 != 1:
        yield from _text(base64.b64decode(plain + "=" * (-len(plain) % 4)))
    if found := HEX.fullmatch(text):
        # Digits alone encode no address: its period is 2e.
        yield from (one for one in _text(binascii.unhexlify(found[1])) if "@" not in one or not text.isdecimal())


def _text(data: bytes) -> Iterator[str]:
    try:
        text = data.decode().strip()
    except UnicodeDecodeError:
        return
    if text.isprintable():
        yield text


def _is_personal(text: str) -> bool:
    plain = text.strip()
    return _is_email(plain) or _is_number(plain) or _is_ip_address(plain) or _is_number_with_letters(plain)


def _is_email(text: str) -> bool:
    plain = _with_bare_at_signs(AT_SIGN.sub("@", text) if OF_AT_SIGNS.search(text) else text)
    return ("@" in plain and bool(EMAIL.search(plain.replace(" ", "")))) or _is_disguised_email(text)


def _with_bare_at_signs(text: str) -> str:
    if not BARE_AT.search(text):
        return text
    host_end = next(filter(None, (pattern.search(text) for pattern in HOST_ENDS)), None)
    if host_end is None:
        return text
    return BARE_AT.sub("@", text[: host_end.start()]) + text[host_end.start() :]


def _is_disguised_email(text: str) -> bool:
    """Return whether a text ends like a host, with a name before it; random keys have digits and mixed case."""
    parts = SEPARATOR.split(text)
    last = parts[-1].lower()
    if len(parts) < FEWEST_LABELS or last not in LAST_LABELS:
        return False
    if text[-len(last) - 1] in ".$=":
        return bool(parts[0]) and any(map(str.isalpha, parts[-2]))
    return text in (text.lower(), text.upper()) and all(part.isalpha() for part in parts)


def _is_number(text: str, phone: re.Pattern[str] = NUMBER) -> bool:
    """Return whether a text is a phone number of that form, an IBAN or a national number."""
    digits = NUMBER_SEPARATORS.sub("", NUMBER_WORDS.sub("", text))
    return bool(phone.fullmatch(digits)) or account_numbers.is_account_number(digits)


def _is_number_with_letters(text: str) -> bool:
    """Return whether a text is letters before or behind a number that is recognised by itself."""
    without = SUFFIX.sub("", text)
    numbers = (PREFIX.sub("", text), without, PREFIX.sub("", without)) if text[-1:].isalnum() else ()
    return any(number != text and _is_number(number, DIALLED) for number in numbers) or _has_iban(without)


def _has_iban(text: str) -> bool:
    number = NUMBER_SEPARATORS.sub("", IBAN_BEHIND_LETTERS.sub("", text))
    return account_numbers.is_account_number(number)


def _is_ip_address(text: str) -> bool:
    """Return whether a text is an IP address, also with other separators and with letters in front of it."""
    plain = PREFIX.sub("", text)
    if any(map(_is_ipv4, (plain, SUFFIX.sub("", plain)))):
        return True
    found = IPV6.fullmatch(text)
    return found is not None and _is_ipv6(SEPARATOR.sub(_colons, found[1]))


def _is_ipv4(text: str) -> bool:
    found = IPV4.fullmatch(text)
    return found is not None and all(int(found[group]) <= 255 for group in (1, 3, 4, 5))  # noqa: PLR2004 - an octet


def _colons(separators: re.Match[str]) -> str:
    return ":" * len(separators[0])


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return IPV6_BEGINNING.fullmatch(text.partition(":")[0]) is not None
