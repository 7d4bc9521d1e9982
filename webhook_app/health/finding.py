"""A finding, which is what a check reports, and how bad it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from webhook_app.formatting import timestamp

LONGEST_NAME = 400  # characters, as in the tables of alerts and of muted findings


class Severity(StrEnum):
    """How bad a finding is. Warnings and errors need attention; only an error makes `doctor` exit with 1."""

    OK = "ok"
    INFO = "info"  # cannot be decided from here, may be intended, or is over by itself
    WARNING = "warning"  # may cost events, or delays them for a while
    ERROR = "error"  # webhooks are refused, or events are not sent, until someone acts


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check: a sentence, and advice unless it is ok. Holds no secret and nothing of a body.

    `shop` is "" where it is about all, `others` are further shops that the sentence names. `detail` distinguishes
    findings of one check and shop: a scope, topic or reason. Findings of many shops with the same `summary` are shown
    as one. `link` is a path of the dashboard, `sample` the number of a delivery that shows the problem. `alerts`: an
    error that a notifier reports. `is_muted`: operators muted it, until `muted_until` (milliseconds), or until it is
    over (None).
    """

    check: str
    severity: Severity
    text: str
    advice: str = ""
    shop: str = ""
    detail: str = ""
    summary: str = ""
    link: str = ""
    topic: str = ""
    sample: int | None = None
    others: tuple[str, ...] = ()
    alerts: bool = False
    is_muted: bool = False
    muted_until: int | None = None

    @property
    def name(self) -> str:
        """The identity of the problem: the same for as long as it lasts."""
        return " ".join(filter(None, (self.check, self.shop, self.detail)))[:LONGEST_NAME]

    @property
    def muted(self) -> str:
        """For how long it is muted, in words; "" where it is not."""
        end = "it is over" if self.muted_until is None else timestamp(self.muted_until)
        return f"until {end}" if self.is_muted else ""

    @property
    def is_problem(self) -> bool:
        """Whether it is a warning or an error."""
        return self.severity in (Severity.WARNING, Severity.ERROR)

    @property
    def needs_attention(self) -> bool:
        """Whether it is a warning or an error that is not muted."""
        return self.is_problem and not self.is_muted

    @property
    def is_alert(self) -> bool:
        """Whether a notifier reports it."""
        return self.alerts and self.severity is Severity.ERROR
