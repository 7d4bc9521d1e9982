"""Searches for the change that explains why the signature of a webhook does not match."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from time import time as now
from typing import TYPE_CHECKING, Any

from webhook_app.errors import BadSignatureError
from webhook_app.signature_check import body_changes, header_changes, lost_parts, secret_variants
from webhook_app.signature_check.hints import hints

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.platforms.base import Platform
    from webhook_app.signature_check.change import Change

# Pairs of changes are tried only on bodies up to this size: there are some thousand pairs.
LARGEST_PAIRED = 128 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class SignatureFinding:
    """A possible cause and what to do about it, in sentences; `verified` if undoing it makes the signature match."""

    text: str
    advice: str
    verified: bool = True


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The receiver's answer to a request, and why: `reason` and `hint` are those of the answer, "" if it is accepted.

    `expected` and `received` describe the signature in words.
    """

    reason: str
    hint: str
    expected: str
    received: str
    findings: tuple[SignatureFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class Configuration:
    """Every shop and every platform: a request may be meant for another one."""

    shops: Mapping[str, Shop]
    platforms: Mapping[str, Platform]


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A request as it may have been sent, and the secrets that may have signed it."""

    body: bytes
    headers: Mapping[str, str]
    secrets: Sequence[str]


def diagnose(
    body: bytes, headers: Mapping[str, str], shop: Shop, known: Configuration, arrived: float | None = None
) -> Diagnosis:
    """Return whether the signature of a request is valid for `shop`, and if not, why.

    Header names are in lower case; `arrived` is when the request was received, in seconds since 1970, None for now.
    The result holds neither a secret nor a part of the body.
    """
    platform = _at(known.platforms[shop.platform], arrived)
    described = platform.signature.describe(headers)
    names = header_changes.carried_in(headers, described.headers)
    received = f"{_received(headers, names)}; a body of {len(body)} bytes"
    diagnosis = partial(Diagnosis, expected=described.summary, received=received)
    if platform.is_ping(body, headers):
        return diagnosis("", "It is a ping, which the platform does not sign.")
    try:
        platform.verify(body, headers, shop.secrets)
    except BadSignatureError as error:
        search = _Search(_at(platform, described.sent_at), _Attempt(body, headers, shop.secrets), shop, known.shops)
        found = _causes(error, search, platform, described.sent_at, arrived)
        unverified = [
            SignatureFinding(*hint, verified=False) for hint in hints(body, headers, platform, known.platforms)
        ]
        return diagnosis(error.reason, error.hint, findings=(*found, *unverified) or (_no_cause(platform),))
    return diagnosis("", "")


def _at(platform: Platform, seconds: float | None) -> Platform:
    """Return the platform with the clock of its signature set to that time."""
    return platform if seconds is None else replace(platform, signature=platform.signature.with_clock_at(seconds))


class _Search:
    """Undoes one change after the other until the platform's own verify() accepts the request."""

    def __init__(self, platform: Platform, given: _Attempt, shop: Shop, shops: Mapping[str, Shop]) -> None:
        self._signature, self._given = platform.signature, given
        self._described = self._signature.describe(given.headers)
        self._names = header_changes.carried_in(given.headers, self._described.headers)
        self._secrets = list(secret_variants.variants(shop, shops.values(), self._signature))

    def is_only_late(self) -> bool:
        """Return whether the signature matches at the time that it names."""
        return self._matches(self._given)

    def findings(self) -> list[SignatureFinding]:
        """Return the verified causes: one change, or two together only where no single one explains it."""
        one = next((change for change, attempt in self._single_changes() if self._matches(attempt)), None)
        return [finding_for(one)] if one else self._other_algorithm() or self._two_changes()

    def _single_changes(self) -> Iterator[tuple[Change[Any], _Attempt]]:
        for headers in self._header_changes():
            yield headers, self._with(headers=headers.value)
        for secret in self._secrets:
            yield secret, self._with(secrets=[secret.value])
        for body in body_changes.changed(self._given.body):
            yield body, self._with(body=body.value)
        for body in lost_parts.restored(self._given.body):
            yield body, self._with(body=body.value)

    def _two_changes(self) -> list[SignatureFinding]:
        if len(self._given.body) > LARGEST_PAIRED:
            return []
        all_headers = self._header_changes()
        for headers in all_headers:
            if secret := self._matching_secret(self._with(headers=headers.value)):
                return [finding_for(headers), finding_for(secret)]
        for body in body_changes.changed(self._given.body):
            if secret := self._matching_secret(self._with(body=body.value)):
                return [finding_for(body), finding_for(secret)]
            for headers in all_headers:
                if self._matches(self._with(body=body.value, headers=headers.value)):
                    return [finding_for(headers), finding_for(body)]
        return []

    def _matching_secret(self, attempt: _Attempt) -> Change[str] | None:
        """Return the secret with which `attempt` matches; tries all of them together first."""
        if not self._matches(replace(attempt, secrets=[secret.value for secret in self._secrets])):
            return None
        return next(secret for secret in self._secrets if self._matches(replace(attempt, secrets=[secret.value])))

    def _other_algorithm(self) -> list[SignatureFinding]:
        content = self._described.prefix + self._given.body
        for name in self._names:
            given = self._given.headers.get(name, "")
            keys = secret_variants.keys(self._given.secrets)
            if given and (algorithm := header_changes.algorithm(given, content, keys)):
                text = f"The digest was made by {algorithm}; this platform uses another algorithm."
                return [SignatureFinding(text, header_changes.SIGNER)]
        return []

    def _header_changes(self) -> list[Change[Mapping[str, str]]]:
        return [
            *header_changes.rewritten(self._given.headers, self._names),
            *header_changes.renamed(self._given.headers, self._names),
        ]

    def _with(self, **changed: Any) -> _Attempt:
        return replace(self._given, **changed)

    def _matches(self, attempt: _Attempt) -> bool:
        signature = self._signature
        if (sent_at := signature.describe(attempt.headers).sent_at) is not None:
            signature = signature.with_clock_at(sent_at)
        try:
            signature.verify(attempt.body, attempt.headers, attempt.secrets)
        except BadSignatureError:
            return False
        return True


def _received(headers: Mapping[str, str], names: Sequence[str]) -> str:
    """Describe the signature headers of a request, that of the digest first."""
    digest = headers.get(names[0], "")
    looks = f"{names[0]}: {header_changes.length(digest)}" if digest else f"no {names[0]}"
    return ", ".join([looks, *(name if headers.get(name) else f"no {name}" for name in names[1:])])


def finding_for(change: Change[Any]) -> SignatureFinding:
    """Return the verified finding of a change that makes the signature match."""
    return SignatureFinding(change.text, change.advice)


def _causes(
    error: BadSignatureError, search: _Search, platform: Platform, sent_at: float | None, arrived: float | None
) -> list[SignatureFinding]:
    """Return the causes that were found; if only the time is wrong, only that."""
    if error.reason == "topic_missing":
        text = f"The signature is valid, but the header {platform.topic_headers[0]} is missing or unusable."
        return [SignatureFinding(text, header_changes.PASSED_ON)]
    if sent_at is None or error.reason not in ("timestamp_too_old", "timestamp_too_new"):
        return search.findings()
    time = clock_finding((arrived if arrived is not None else now()) - sent_at, known=arrived is not None)
    return [time] if search.is_only_late() else [*search.findings(), replace(time, verified=False)]


def clock_finding(age: float, *, known: bool) -> SignatureFinding:
    """Describe how far the time of a request is from its arrival, or from now if the arrival is not `known`.

    `age` is in seconds, below 0 for a time in the future.
    """
    minutes = f"{abs(age) / 60:.0f} minutes {'old' if age > 0 else 'ahead'}"
    if known:
        advice = "Synchronise the sender's clock over the network, and sign each attempt again."
        return SignatureFinding(f"Its timestamp was {minutes} when it was received.", advice)
    text = f"Its timestamp is {minutes} now; apart from that, it depends on when the request was received."
    return SignatureFinding(
        text, "For a recorded request, give the time of its arrival with --at; otherwise check the sender's clock."
    )


def _no_cause(platform: Platform) -> SignatureFinding:
    text = (
        "No known change explains it: the secret belongs to another webhook, or the body was changed in a way that "
        "cannot be undone (keys in another order, fields left out, letters replaced)."
    )
    return SignatureFinding(text, f"Compare the secret first. {platform.title}: {platform.secret_help}", verified=False)
