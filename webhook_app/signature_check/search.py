"""The search for what happened to a request that does not prove itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from time import time as now
from typing import TYPE_CHECKING, Any

from webhook_app.errors import BadSignatureError
from webhook_app.signature_check import body_changes, header_changes, hints, secret_variants

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.platforms.base import Platform
    from webhook_app.signature_check.change import Change

# Two mishaps at once are looked for only in bodies of this size: there are some thousand pairs.
MOST_PAIRED = 128 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class SignatureFinding:
    """What happened and what to do about it, in sentences; `verified` where the signature matches once it is undone."""

    text: str
    advice: str
    verified: bool = True


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the receiver answers (`reason` is "" for a request that proves itself), and why.

    `expected` and `received` say in words what should have come and what came.
    """

    reason: str
    hint: str
    expected: str
    received: str
    findings: tuple[SignatureFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class Configuration:
    """Every shop and every platform: a request may be another one's."""

    shops: Mapping[str, Shop]
    platforms: Mapping[str, Platform]


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A request as it may have been, and the secrets it may have been signed with."""

    body: bytes
    headers: Mapping[str, str]
    secrets: Sequence[str]


def diagnose(
    body: bytes, headers: Mapping[str, str], shop: Shop, known: Configuration, arrived: float | None = None
) -> Diagnosis:
    """Say whether a request proves itself to `shop`, and where it does not, why.

    Header names come in lower case; `arrived` is when the request came, in seconds since 1970, None for now. Nothing of
    what is said holds a secret or a part of the body.
    """
    platform = _at(known.platforms[shop.platform], arrived)
    anatomy = platform.signature.describe(headers)
    names = header_changes.carried_in(headers, anatomy.headers)
    told = partial(
        Diagnosis, expected=anatomy.summary, received=f"{_came(headers, names)}; a body of {len(body)} bytes"
    )
    if platform.is_ping(body, headers):
        return told("", "It is a ping, which the platform does not sign.")
    try:
        platform.verify(body, headers, shop.secrets)
    except BadSignatureError as error:
        search = _Search(_at(platform, anatomy.sent_at), _Attempt(body, headers, shop.secrets), shop, known.shops)
        found = _topic(platform) if error.reason == "topic_missing" else _found(error, search, anatomy.sent_at, arrived)
        doubts = [
            SignatureFinding(*doubt, verified=False) for doubt in hints.doubts(body, headers, platform, known.platforms)
        ]
        return told(error.reason, error.hint, findings=(*found, *doubts) or (_last_resort(platform),))
    return told("", "")


def _at(platform: Platform, seconds: float | None) -> Platform:
    """Return the platform as it is at that time."""
    return platform if seconds is None else replace(platform, signature=platform.signature.with_clock_at(seconds))


class _Search:
    """Undoes one mishap after the other until the platform's own verify() says that the request proves itself."""

    def __init__(self, platform: Platform, given: _Attempt, shop: Shop, shops: Mapping[str, Shop]) -> None:
        self._signature, self._given = platform.signature, given
        self._anatomy = self._signature.describe(given.headers)
        self._names = header_changes.carried_in(given.headers, self._anatomy.headers)
        self._spellings = list(secret_variants.spelled(shop, shops.values(), self._signature))

    def is_sound(self) -> bool:
        """Tell whether nothing but its time is wrong."""
        return self._proves(self._given)

    def findings(self) -> list[SignatureFinding]:
        """Return what was proven: single mishaps, and only without any of these two at once."""
        one = next((change for change, attempt in self._singles() if self._proves(attempt)), None)
        return [finding_for(one)] if one else self._other_algorithm() or self._two_at_once()

    def _singles(self) -> Iterator[tuple[Change[Any], _Attempt]]:
        for headers in self._proofs():
            yield headers, self._with(headers=headers.value)
        for secret in self._spellings:
            yield secret, self._with(secrets=[secret.value])
        for body in body_changes.changed(self._given.body):
            yield body, self._with(body=body.value)

    def _two_at_once(self) -> list[SignatureFinding]:
        if len(self._given.body) > MOST_PAIRED:
            return []
        writings = self._proofs()
        for proof in writings:
            if secret := self._among(self._with(headers=proof.value)):
                return [finding_for(proof), finding_for(secret)]
        for body in body_changes.changed(self._given.body):
            if secret := self._among(self._with(body=body.value)):
                return [finding_for(body), finding_for(secret)]
            for proof in writings:
                if self._proves(self._with(body=body.value, headers=proof.value)):
                    return [finding_for(proof), finding_for(body)]
        return []

    def _among(self, attempt: _Attempt) -> Change[str] | None:
        """Return the secret with which `attempt` proves itself, asking for all of them together first."""
        if not self._proves(replace(attempt, secrets=[secret.value for secret in self._spellings])):
            return None
        return next(secret for secret in self._spellings if self._proves(replace(attempt, secrets=[secret.value])))

    def _other_algorithm(self) -> list[SignatureFinding]:
        for name in self._names:
            given = self._given.headers.get(name, "")
            content = self._anatomy.prefix + self._given.body
            made_by = (
                header_changes.algorithm(given, content, secret_variants.keys(self._given.secrets)) if given else ""
            )
            if made_by:
                return [
                    SignatureFinding(
                        f"The digest was made by {made_by}; this platform takes another.", header_changes.SIGNER
                    )
                ]
        return []

    def _proofs(self) -> list[Change[Mapping[str, str]]]:
        return [
            *header_changes.rewritten(self._given.headers, self._names),
            *header_changes.renamed(self._given.headers, self._names),
        ]

    def _with(self, **changed: Any) -> _Attempt:
        return replace(self._given, **changed)

    def _proves(self, attempt: _Attempt) -> bool:
        signature = self._signature
        if (sent_at := signature.describe(attempt.headers).sent_at) is not None:
            signature = signature.with_clock_at(sent_at)
        try:
            signature.verify(attempt.body, attempt.headers, attempt.secrets)
        except BadSignatureError:
            return False
        return True


def _came(headers: Mapping[str, str], names: Sequence[str]) -> str:
    """Say in words what came in the headers of a proof, that of the digest first."""
    digest = headers.get(names[0], "")
    looks = f"{names[0]}: {header_changes.length(digest)}" if digest else f"no {names[0]}"
    return ", ".join([looks, *(name if headers.get(name) else f"no {name}" for name in names[1:])])


def finding_for(change: Change[Any]) -> SignatureFinding:
    """Return what is proven once `change` proves itself."""
    return SignatureFinding(change.text, change.advice)


def _found(
    error: BadSignatureError, search: _Search, sent_at: float | None, arrived: float | None
) -> list[SignatureFinding]:
    """Return what is proven; where only the time is wrong, that."""
    if sent_at is None or error.reason not in ("timestamp_too_old", "timestamp_too_new"):
        return search.findings()
    moment = clock_finding((arrived if arrived is not None else now()) - sent_at, known=arrived is not None)
    return [moment] if search.is_sound() else [*search.findings(), replace(moment, verified=False)]


def clock_finding(age: float, *, known: bool) -> SignatureFinding:
    """Say how far a request's time is from when it arrived, or from now where that is not `known`.

    `age` is in seconds, below 0 where the time lies ahead.
    """
    minutes = f"{abs(age) / 60:.0f} minutes {'old' if age > 0 else 'ahead'}"
    if known:
        advice = "Set the sender's clock by the network, and let it sign each attempt anew."
        return SignatureFinding(f"Its timestamp was {minutes} when it arrived.", advice)
    text = f"Its timestamp is {minutes} now. The rest decides whether it was right when it arrived."
    return SignatureFinding(
        text, "If it was recorded earlier, say when it arrived with --at; else look at the sender's clock."
    )


def _topic(platform: Platform) -> list[SignatureFinding]:
    text = f"The signature is right, but the header {platform.topic_headers[0]} is missing or unusable."
    return [SignatureFinding(text, header_changes.PASSED_ON)]


def _last_resort(platform: Platform) -> SignatureFinding:
    text = (
        "None of the changes that are known reproduces it: the secret is another webhook's altogether, or the body was "
        "changed in a way that cannot be undone (keys in another order, fields left out, letters replaced)."
    )
    return SignatureFinding(text, f"Compare the secret first. {platform.title}: {platform.secret_help}", verified=False)
