"""The search for what happened to a request that does not prove itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from webhook_app.diagnosis import bodies, proofs, spellings, suspicions
from webhook_app.errors import BadSignature

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhook_app.diagnosis.change import Change
    from webhook_app.platform import Platform
    from webhook_app.shops import Shop

# Two mishaps at once are looked for only in bodies of this size: there are some thousand pairs.
MOST_PAIRED = 128 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """What happened and what to do about it, in sentences; `proven` where the signature matches once it is undone."""

    said: str
    todo: str
    proven: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the receiver answers (`reason` is "" for a request that proves itself), and why.

    `names` are the headers that carry the proof, `looks` says in words what came there.
    """

    reason: str
    hint: str
    names: tuple[str, ...]
    looks: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Try:
    """A request as it may have been, and the secrets it may have been signed with."""

    body: bytes
    headers: Mapping[str, str]
    secrets: Sequence[str]


def diagnose(
    body: bytes, headers: Mapping[str, str], shop: Shop, shops: Mapping[str, Shop], platforms: Mapping[str, Platform]
) -> Verdict:
    """Say whether a request proves itself to `shop`, and where it does not, why.

    Header names come in lower case. Nothing of what is said holds a secret or a part of the body.
    """
    platform = platforms[shop.platform]
    names, timeless = platform.signature.names, platform.signature.timeless()
    said = "" if timeless == platform.signature else "the request proves itself, were it signed just now."
    platform = replace(platform, signature=timeless)
    looks = ", ".join(f"{name}: {proofs.length(headers[name])}" for name in names[-1:] if headers.get(name))
    if platform.ping(body, headers):
        return Verdict("", "It is a ping, which the platform does not sign.", names, looks)
    try:
        platform.prove(body, headers, shop.secrets)
    except BadSignature as error:
        search = _Search(platform, _Try(body, headers, shop.secrets), names, shop, shops)
        found = tuple(_topic(platform) if error.reason == "topic_missing" else search.findings())
        doubts = [Finding(*doubt, proven=False) for doubt in suspicions.doubts(body, headers, platform, platforms)]
        return Verdict(error.reason, error.hint, names, looks, (*found, *doubts) or (_last_resort(platform),))
    return Verdict("", said, names, looks)


class _Search:
    """Undoes one mishap after the other until the platform's own verify() says that the request proves itself."""

    def __init__(
        self, platform: Platform, given: _Try, names: Sequence[str], shop: Shop, shops: Mapping[str, Shop]
    ) -> None:
        self._platform, self._given, self._names = platform, given, names
        self._spellings = list(spellings.spelled(shop, shops.values()))

    def findings(self) -> list[Finding]:
        """Return what was proven: single mishaps, and only without any of these two at once."""
        one = next((change for change, attempt in self._singles() if self._proves(attempt)), None)
        return [_found(one)] if one else self._other_algorithm() or self._two_at_once()

    def _singles(self) -> Iterator[tuple[Change[Any], _Try]]:
        for headers in self._proofs():
            yield headers, self._with(headers=headers.value)
        for secret in self._spellings:
            yield secret, self._with(secrets=[secret.value])
        for body in bodies.changed(self._given.body):
            yield body, self._with(body=body.value)

    def _two_at_once(self) -> list[Finding]:
        if len(self._given.body) > MOST_PAIRED:
            return []
        writings = self._proofs()
        for proof in writings:
            if secret := self._among(self._with(headers=proof.value)):
                return [_found(proof), _found(secret)]
        for body in bodies.changed(self._given.body):
            if secret := self._among(self._with(body=body.value)):
                return [_found(body), _found(secret)]
            for proof in writings:
                if self._proves(self._with(body=body.value, headers=proof.value)):
                    return [_found(proof), _found(body)]
        return []

    def _among(self, attempt: _Try) -> Change[str] | None:
        """Return the secret with which `attempt` proves itself, asking for all of them together first."""
        if not self._proves(replace(attempt, secrets=[secret.value for secret in self._spellings])):
            return None
        return next(secret for secret in self._spellings if self._proves(replace(attempt, secrets=[secret.value])))

    def _other_algorithm(self) -> list[Finding]:
        for name in self._names:
            given = self._given.headers.get(name, "")
            made_by = proofs.algorithm(given, [self._given.body], self._given.secrets) if given else ""
            if made_by:
                return [Finding(f"The digest was made by {made_by}; this platform takes another.", proofs.SIGNER)]
        return []

    def _proofs(self) -> list[Change[Mapping[str, str]]]:
        return [
            *proofs.rewritten(self._given.headers, self._names),
            *proofs.renamed(self._given.headers, self._names),
        ]

    def _with(self, **changed: Any) -> _Try:
        return replace(self._given, **changed)

    def _proves(self, attempt: _Try) -> bool:
        try:
            self._platform.signature.verify(attempt.body, attempt.headers, attempt.secrets)
        except BadSignature:
            return False
        return True


def _found(change: Change[Any]) -> Finding:
    return Finding(change.said, change.todo)


def _topic(platform: Platform) -> Iterator[Finding]:
    said = f"The signature is right, but the header {platform.topic_headers[0]} is missing or unusable."
    yield Finding(said, proofs.PASSED_ON)


def _last_resort(platform: Platform) -> Finding:
    said = (
        "None of the changes that are known reproduces it: the secret is another webhook's altogether, or the body was "
        "changed in a way that cannot be undone (keys in another order, fields left out, letters replaced)."
    )
    return Finding(said, f"Compare the secret first. {platform.title}: {platform.secret}", proven=False)
