"""Encrypts what is secret before it is stored, with SECRETS_KEY: several keys, of which the newest encrypts."""

from __future__ import annotations

import base64
import hashlib

SEPARATOR = ","


class Sealer:
    """Encrypts and decrypts texts. The library takes 10 MB, so it is loaded at the first use."""

    def __init__(self, keys: str) -> None:
        """`keys` is SECRETS_KEY: one key or several, separated by commas, newest first."""
        self._keys = [key.strip() for key in keys.split(SEPARATOR)]

    def seal(self, text: str) -> str:
        """Return the text encrypted with the newest key, and authenticated."""
        from cryptography.fernet import Fernet  # noqa: PLC0415 - see the class

        return Fernet(_derived(self._keys[0])).encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str | None:
        """Return the text that any of the keys encrypted, None where none did."""
        from cryptography.fernet import Fernet, InvalidToken, MultiFernet  # noqa: PLC0415 - see the class

        try:
            return MultiFernet([Fernet(_derived(key)) for key in self._keys]).decrypt(sealed.encode()).decode()
        except InvalidToken:
            return None


def _derived(key: str) -> bytes:
    """Return the 32 bytes that Fernet takes; a key is random and long, so a digest is enough."""
    return base64.urlsafe_b64encode(hashlib.sha256(b"secrets\0" + key.encode()).digest())
