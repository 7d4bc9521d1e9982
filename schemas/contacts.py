"""What names one person: an e-mail address or a phone number, as a request to erase or to report gives it."""

from __future__ import annotations

FEWEST_CHARACTERS = 7  # letters and digits of a phone number


def names_a_person(text: str) -> bool:
    """Return whether a text can name one person: `-`, `0` or `n/a` stands in the payloads of others too."""
    before, sign, after = (part.strip() for part in text.partition("@"))
    if sign:
        return bool(before and after)
    return sum(map(str.isalnum, text)) >= FEWEST_CHARACTERS and any(map(str.isdigit, text))
