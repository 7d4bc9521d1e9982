"""Makes personal data in the forms in which storefronts write it into profile keys, and keys that are honest.

Everything comes from a seeded generator. It shares nothing with the patterns that it is to test: it is written from the
formats' own descriptions.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

FIRST = ("jane", "jan", "zoe", "m.l", "piet", "s", "maria-luz", "thijs", "anne_marie", "lars", "olivia2", "k9")
LAST = ("roe", "jansen", "devries", "oconnor", "mueller", "garcia", "visser", "bakker1980", "smith", "b")
HOSTS = ("example.com", "gmail.com", "ziggo.nl", "mail.example.org", "kpnmail.nl", "web.de", "outlook.be", "x.co.uk")
DIGITS, LETTERS = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PREFIXES = ("cust_", "user-", "c", "klant.", "id=", "tel", "k-", "visitor_", "P")


def digits(random: Random, count: int) -> str:
    return "".join(random.choices(DIGITS, k=count))


def email(random: Random) -> str:
    """An address, also with what a key may have in place of the @."""
    local = random.choice(FIRST) + random.choice((".", "", "_", "-")) + random.choice(LAST)
    host = random.choice(HOSTS)
    sign = random.choice(("@", "@", "@", "$", "=", ".at.", "-at-", "_at_", "."))
    return random.choice((str.lower, str.upper, str.title))(f"{local}{sign}{host}")


def phone(random: Random) -> str:
    """A number as people dial it, with separators or letters in front."""
    number = random.choice(
        (
            f"06{digits(random, 8)}",
            f"0{random.choice('12345')}{digits(random, 8)}",
            f"316{digits(random, 8)}",
            f"00316{digits(random, 8)}",
            f"+316{digits(random, 8)}",
            f"+324{digits(random, 8)}",
            f"+4915{digits(random, 9)}",
            f"+447{digits(random, 9)}",
            f"+1{random.choice('23456789')}{digits(random, 2)}{random.choice('23456789')}{digits(random, 6)}",
        )
    )
    form = random.randrange(4)
    if form == 0:
        separator = random.choice("-._ =$")
        return separator.join((number[:-8], number[-8:-4], number[-4:]))
    if form == 1:
        return random.choice(PREFIXES) + number.lstrip("+")
    return number


def check_digits(country: str, account: str) -> str:
    """ISO 7064, MOD 97-10."""
    values = "".join(str(DIGITS.find(sign) if sign in DIGITS else ord(sign) - 55) for sign in f"{account}{country}00")
    return f"{98 - int(values) % 97:02d}"


def iban(random: Random) -> str:
    """An account number of one of several countries, printed in groups or not."""
    bank = "".join(random.choices(LETTERS, k=4))
    country, account = random.choice(
        (
            ("NL", bank + digits(random, 10)),
            ("GB", bank + digits(random, 14)),
            ("IE", bank + digits(random, 14)),
            ("BE", digits(random, 12)),
            ("DE", digits(random, 18)),
            ("ES", digits(random, 20)),
            ("AT", digits(random, 16)),
            ("PL", digits(random, 24)),
            ("FR", digits(random, 10) + "".join(random.choices(DIGITS + LETTERS, k=11)) + digits(random, 2)),
            ("CH", digits(random, 5) + "".join(random.choices(DIGITS + LETTERS, k=12))),
        )
    )
    number = country + check_digits(country, account) + account
    separator = random.choice(("", "", "-", ".", "_"))
    number = separator.join(number[start : start + 4] for start in range(0, len(number), 4))
    return number if random.random() < 0.7 else number.lower()


def elfproef(random: Random) -> str:
    """A Dutch BSN: the weighted sum is a multiple of 11."""
    while True:
        number = digits(random, 9)
        total = sum(int(digit) * weight for digit, weight in zip(number, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True))
        if number[0] != "0" and total % 11 == 0:
            return number


def belgian(random: Random) -> str:
    first = f"{random.randrange(30, 99)}{random.randrange(1, 13):02d}{random.randrange(1, 29):02d}{digits(random, 3)}"
    whole = f"{first}{97 - int(first) % 97:02d}"
    return random.choice((whole, f"{whole[:2]}.{whole[2:4]}.{whole[4:6]}-{whole[6:9]}.{whole[9:]}"))


def spanish(random: Random) -> str:
    number = digits(random, 8)
    return number + "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]


def italian(random: Random) -> str:
    letters = "".join(random.choices(LETTERS, k=6))
    month = random.choice("ABCDEHLMPRST")
    last = random.choice(LETTERS)
    return f"{letters}{digits(random, 2)}{month}{random.randrange(1, 72):02d}{last}{digits(random, 3)}{last}"


def british(random: Random) -> str:
    return f"{random.choice('ABCEHJKLM')}{random.choice('ABCEHJKLM')}{digits(random, 6)}{random.choice('ABCD')}"


def finnish(random: Random) -> str:
    birth = f"{random.randrange(1, 29):02d}{random.randrange(1, 13):02d}{digits(random, 2)}"
    number = digits(random, 3)
    return f"{birth}{random.choice('-A')}{number}{'0123456789ABCDEFHJKLMNPRSTUVWXY'[int(birth + number) % 31]}"


def irish(random: Random) -> str:
    number = digits(random, 7)
    total = sum(int(digit) * weight for digit, weight in zip(number, (8, 7, 6, 5, 4, 3, 2), strict=True))
    return f"{number}{'WABCDEFGHIJKLMNOPQRSTUV'[total % 23]}"


def national(random: Random) -> str:
    return random.choice((elfproef, belgian, spanish, italian, british, finnish, irish))(random)


def ip_address(random: Random) -> str:
    """An address of either version, also with what a key may have in place of dots and colons."""
    if random.random() < 0.6:
        octets = [str(random.randrange(256)) for _ in range(4)]
        return random.choice(("", "", "ip-", "ip")) + random.choice(".-_").join(octets)
    groups = [f"{random.choice('23')}{digits(random, 3)}", *(f"{random.randrange(1, 65536):x}" for _ in range(7))]
    separator = random.choice(":-._")
    if random.random() < 0.5:
        return separator.join(groups)
    return separator.join(groups[:4]) + 2 * separator + groups[7]


def plain(text: str) -> str:
    return text


def as_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def as_base64_unpadded(text: str) -> str:
    return as_base64(text).rstrip("=")


def as_base64_for_urls(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def as_hex(text: str) -> str:
    return text.encode().hex()


def as_upper_hex(text: str) -> str:
    return text.encode().hex().upper()


def percent_encoded(text: str) -> str:
    return "".join(sign if sign.isalnum() else f"%{ord(sign):02X}" for sign in text)


def behind_a_word(text: str) -> str:
    """Return it in base64 behind what says whose it is."""
    return f"user_{base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}"


def as_hex_behind_a_word(text: str) -> str:
    return f"h-{text.encode().hex()}"


def in_json(text: str) -> str:
    """Return base64 of JSON, as sessions are written."""
    return as_base64(f'{{"v":"{text}"}}')


def in_mail_headers(text: str) -> str:
    return percent_encoded(text).replace("%", "=")


KINDS: tuple[Callable[[Random], str], ...] = (email, phone, iban, national, ip_address)
ENCODINGS: tuple[Callable[[str], str], ...] = (
    plain,
    as_base64,
    as_base64_unpadded,
    as_base64_for_urls,
    as_hex,
    as_upper_hex,
    percent_encoded,
    in_mail_headers,
    behind_a_word,
    as_hex_behind_a_word,
    in_json,
)


def personal(random: Random, count: int) -> Iterator[tuple[str, str]]:
    """Yield so many forms, each with its kind and its encoding in words."""
    for number in range(count):
        kind, encoding = KINDS[number % len(KINDS)], ENCODINGS[number // len(KINDS) % len(ENCODINGS)]
        yield f"{kind.__name__} {encoding.__name__}", encoding(kind(random))


BASE62 = DIGITS + LETTERS + LETTERS.lower()
HONEST: tuple[Callable[[Random], str], ...] = (
    lambda random: str(uuid.UUID(int=random.getrandbits(128), version=4)),
    lambda random: uuid.UUID(int=random.getrandbits(128), version=4).hex,
    lambda random: str(uuid.UUID(int=random.getrandbits(128), version=4)).upper(),
    lambda random: hashlib.md5(random.randbytes(8), usedforsecurity=False).hexdigest(),
    lambda random: hashlib.sha1(random.randbytes(8), usedforsecurity=False).hexdigest(),
    lambda random: hashlib.sha256(random.randbytes(8)).hexdigest(),
    lambda random: base64.b64encode(random.randbytes(16)).decode().replace("+", "-").replace("/", "_"),
    lambda random: base64.urlsafe_b64encode(random.randbytes(24)).decode(),
    lambda random: "".join(random.choices(BASE62 + "-_", k=21)),  # nanoid
    lambda random: "01" + "".join(random.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=24)),  # ULID
    lambda random: f"c{''.join(random.choices(DIGITS + LETTERS.lower(), k=24))}",  # cuid
    lambda random: random.randbytes(12).hex(),  # ObjectId
    lambda random: str(random.randrange(1, 1_000_000)),  # 4711
    lambda random: f"{random.choice(('cust', 'user', 'u', 'visitor'))}-{random.randrange(1, 10_000_000)}",
    lambda random: f"GA1.1.{random.randrange(10**8, 10**10)}.{random.randrange(15 * 10**8, 2 * 10**9)}",
    lambda random: f"{random.randrange(10**8, 10**10)}.{random.randrange(15 * 10**8, 2 * 10**9)}",
    lambda random: str(random.getrandbits(62) + 2**61),  # snowflake
    lambda random: f"tw.{''.join(random.choices(BASE62, k=12))}.{digits(random, 7)}",
)


def honest(random: Random, count: int) -> Iterator[str]:
    """Yield so many keys as storefronts and libraries make them."""
    for number in range(count):
        yield HONEST[number % len(HONEST)](random)
