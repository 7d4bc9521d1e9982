"""Every error of ours, and what it means for the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class ReceiverError(Exception):
    """The root of the tree."""


class ConfigurationError(ReceiverError):
    """A setting or a shop is wrong: say every fault, start nothing."""

    def __init__(self, faults: Sequence[str]) -> None:
        """`faults` are sentences, each naming the line or the variable to change."""
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class BadSignature(ReceiverError):  # noqa: N818 - the word of the field
    """The request did not prove itself: answer 401 with `reason`, keep nothing.

    `reason` is a stable name (`signature_missing`, ...); `hint` a sentence for whoever set the webhook up.
    """

    def __init__(self, reason: str, hint: str = "") -> None:
        """Neither text may hold a secret or anything of the body."""
        super().__init__(reason)
        self.reason, self.hint = reason, hint


class StoreUnavailable(ReceiverError):  # noqa: N818 - says what is the case
    """The inbox cannot keep or tell anything now: answer 503 with Retry-After, or try again.

    `passing` says that another try may work at once: a connection broke, or two transactions stood in each other's way.
    """

    def __init__(self, sentence: str, *, passing: bool = False) -> None:
        """`sentence` is the driver's own, without anything of a body."""
        super().__init__(sentence)
        self.passing = passing


class UnknownDelivery(ReceiverError):  # noqa: N818 - says what is the case
    """There is no delivery with this number."""


class MoveRefused(ReceiverError):  # noqa: N818 - says what is the case
    """Moving now could lose something or count it twice: nothing was changed; the sentence says what to do."""


class FeedUnreadable(ReceiverError):  # noqa: N818 - says what is the case
    """A product feed cannot be read to its end; the sentence says where and why."""


class TunnelRefused(ReceiverError):  # noqa: N818 - says what is the case
    """The tunnel does not open, and trying again would not help: the sentence says what to do."""
