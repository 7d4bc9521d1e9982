"""Every error class of the receiver; each docstring says what the caller does about it.

One convention: every class derives from ReceiverError, stands in this module and ends in "Error". The web process
answers by class and the commands print by class, so a class that is defined elsewhere would slip through both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class ReceiverError(Exception):
    """The root of the tree."""


class ConfigurationError(ReceiverError):
    """A setting or a shop is wrong: report every fault, start nothing."""

    def __init__(self, faults: Sequence[str]) -> None:
        """`faults` are sentences, each naming the line or the variable to change."""
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class TemplateError(ReceiverError):
    """A product key template is invalid: report it as a fault of the shop; the message names the part to change."""


class BadSignatureError(ReceiverError):
    """The signature of a request does not verify: answer 401 with `reason`, store nothing.

    `reason` is a stable name (`signature_missing`, ...); `hint` a sentence for the developer who set the webhook up.
    """

    def __init__(self, reason: str, hint: str = "") -> None:
        """Neither text may hold a secret or anything of the body."""
        super().__init__(reason)
        self.reason, self.hint = reason, hint


class RegistrationRefusedError(ReceiverError):
    """An app may not register itself in this way: answer `status` with `reason`, change nothing."""

    def __init__(self, reason: str, hint: str, *, status: int = 401, signed: bool = True) -> None:
        """Neither text may hold a secret; `hint` says what to do. `signed` is False where anyone may have sent it."""
        super().__init__(reason)
        self.reason, self.hint, self.status, self.signed = reason, hint, status, signed


class StoreUnavailableError(ReceiverError):
    """The inbox can neither store nor read now: answer 503 with Retry-After, or retry.

    `transient` means that an immediate retry may succeed: a connection broke, or two transactions were in conflict.
    """

    def __init__(self, sentence: str, *, transient: bool = False, advice: str = "") -> None:
        """`sentence` is the driver's message, without anything of a body; `advice` says what to do, if known."""
        super().__init__(sentence)
        self.transient, self.advice = transient, advice


class OverloadedError(StoreUnavailableError):
    """Too much is going on at once: answer 503 with Retry-After. Nothing is wrong with the database."""


class UnknownDeliveryError(ReceiverError):
    """There is no delivery with this number: answer 404, or end the command with the message."""


class BackupRefusedError(ReceiverError):
    """No backup was made, and nothing was replaced: show the message."""


class MoveRefusedError(ReceiverError):
    """Moving now could lose deliveries or count them twice: nothing was changed; the message says what to do."""


class FeedUnreadableError(ReceiverError):
    """A product feed cannot be read to its end: show the message, which says where and why."""


class SourceError(ReceiverError):
    """A platform's API did not answer as it should: stop, change no watermark, show the message, and retry later.

    `reason` is a stable name: api_unauthorized, api_scope_missing, api_throttled, api_unreachable, api_odd_answer.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        """`sentence` says what happened and what to change, without credentials and without anything of an order."""
        super().__init__(sentence)
        self.reason = reason


class TooMuchError(SourceError):
    """A platform's API did not finish an answer, or sent too much: ask for less, then as for a SourceError."""


class UnreadableHeadersError(ReceiverError):
    """A text that should hold HTTP headers holds none: show the message, which says what was expected."""


class TunnelRefusedError(ReceiverError):
    """The tunnel does not open and a retry would not help: stop, and show the message, which says what to do."""


class UnreadableBodyError(ReceiverError):
    """The body of a sandbox call is not valid JSON in UTF-8: answer 400."""


class CallRefusedError(ReceiverError):
    """The sandbox refuses a call: answer `status` with `errors`, and record no event.

    `errors` are sentences by field; `retry_after` is in seconds, 0 for no such header.
    """

    def __init__(self, status: int, reason: str, errors: dict[str, list[str]], retry_after: int = 0) -> None:
        """`reason` is a short name for the sandbox's pages."""
        super().__init__(reason)
        self.status, self.reason, self.errors, self.retry_after = status, reason, errors, retry_after
