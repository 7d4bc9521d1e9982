"""Recognises IBANs and national numbers with letters, without their separators."""

from __future__ import annotations

import re

# The account part of each country's IBAN, n digits, a letters, c both: https://www.swift.com/standards/data-standards/iban
FORMATS = (
    "AD8n12c AE19n AL8n16c AT16n AZ4a20c BA16n BE12n BG4a6n8c BH4a14c BR23n1a1c BY4c4n16c CH5n12c CR18n CY8n16c CZ20n "
    "DE18n DK14n DO4c20n EE16n EG25n ES20n FI14n FO14n FR10n11c2n GB4a14n GE2a16n GI4a15c GL14n GR7n16c GT24c HR17n "
    "HU24n IE4a14n IL19n IQ4a15n IS22n IT1a10n12c JO4a4n18c KW4a22c KZ3n13c LB4n20c LC4a24c LI5n12c LT16n LU3n13c "
    "LV4a13c MC10n11c2n MD20c ME18n MK3n10c2n MR23n MT4a5n18c MU4a19n3a NL4a10n NO11n PK4a16c PL24n PS4a21c PT21n "
    "QA4a21c RO4a16c RS18n SA2n18c SC4a20n3a SE20n SI15n SK20n SM1a10n12c ST21n SV4a20n TL19n TN20n TR6n16c UA6n19c "
    "VA18n VG4a16n XK16n"
)
PART = re.compile(r"([0-9]{1,2})([nac])")
CLASSES = {"n": "[0-9]", "a": "[A-Z]", "c": "[A-Z0-9]"}
CHECKED = "c"  # with parts of this kind a random key may have the form, and the check digits decide


def _pattern(form: str) -> str:
    """Return the pattern of a country's IBAN."""
    parts = "".join(f"{CLASSES[kind]}{{{length}}}" for length, kind in PART.findall(form[2:]))
    return f"{form[:2]}[0-9]{{2}}{parts}"


IBAN = re.compile("|".join(map(_pattern, FORMATS.split())))
COUNTRIES = frozenset(form[:2] for form in FORMATS.split())
CHECKED_COUNTRIES = frozenset(form[:2] for form in FORMATS.split() if CHECKED in form[2:])
REMAINDER = 97

DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
DNI = re.compile(r"([0-9XYZ][0-9]{7})([A-Z])")  # Spain
NINO = re.compile(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]")  # United Kingdom
CODICE_FISCALE = re.compile(r"[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]")  # Italy
HETU = re.compile(r"([0-3][0-9][01][0-9]{3})[A-FU-Y]?([0-9]{3})([0-9A-Y])")  # Finland
HETU_SIGNS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
PPS = re.compile(r"([0-9]{7})([A-W])([A-IW]?)")  # Ireland
PPS_LETTERS = "WABCDEFGHIJKLMNOPQRSTUV"
NIR = re.compile(r"[12][0-9]{4}2[AB][0-9]{8}")  # France, of people born in Corsica; all others are digits

PLAIN = re.compile("|".join(each.pattern for each in (NINO, CODICE_FISCALE, NIR)))  # without a check digit


def is_account_number(text: str) -> bool:
    """Return whether a text without separators is an IBAN or a national number, in either case."""
    number = text.upper()
    return _is_iban(number) or _is_national(number) or (text == number and _is_pps(number))


def _is_iban(text: str) -> bool:
    if text[:2] not in COUNTRIES or not IBAN.fullmatch(text):
        return False
    return (
        text[:2] not in CHECKED_COUNTRIES
        or int("".join(str(int(sign, 36)) for sign in text[4:] + text[:4])) % REMAINDER == 1
    )


def _is_national(text: str) -> bool:
    return bool(PLAIN.fullmatch(text)) or _is_dni(text) or _is_hetu(text)


def _is_dni(text: str) -> bool:
    found = DNI.fullmatch(text)
    if not found:
        return False
    number = int(found[1].translate(str.maketrans("XYZ", "012")))
    return DNI_LETTERS[number % len(DNI_LETTERS)] == found[2]


def _is_hetu(text: str) -> bool:
    found = HETU.fullmatch(text)
    return found is not None and HETU_SIGNS[int(found[1] + found[2]) % len(HETU_SIGNS)] == found[3]


def _is_pps(text: str) -> bool:
    found = PPS.fullmatch(text)
    if not found:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(found[1], range(8, 1, -1), strict=True))
    total += 9 * PPS_LETTERS.index(found[3]) if found[3] else 0
    return PPS_LETTERS[total % len(PPS_LETTERS)] == found[2]
