"""The registrations of apps: the secrets that shops agreed with the receiver, encrypted with SECRETS_KEY."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.expressions import insert_into
from webhook_app.inbox.operations import audit_log
from webhook_app.inbox.operations.audit_log import AuditAction, AuditEvent
from webhook_app.inbox.tables import registrations
from webhook_app.platforms import registration
from webhook_app.platforms.address import normal_form
from webhook_app.platforms.registration import Registration

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_app.inbox.sealing import Sealer
    from webhook_app.inbox.store import Inbox

ATTEMPTS = 5  # at a change, while other processes change the same one


def find(inbox: Inbox, sealer: Sealer | None, shop: str) -> Registration:
    """Return the registration of a shop, an empty one without any. Raises StoreUnavailableError, also without a key."""
    return _found(inbox, sealer, shop)[0]


def versions(inbox: Inbox) -> dict[str, int]:
    """Return the version of each shop's registration, which every change raises. Raises StoreUnavailableError."""
    with inbox.database.read() as connection:
        found = connection.execute(select(registrations.c.shop, registrations.c.version))
        return {one.shop: one.version for one in found}


def change(inbox: Inbox, sealer: Sealer, shop: str, decide: Callable[[Registration], Registration]) -> Registration:
    """Store what `decide` makes of a registration, and an audit event, unless it is the same, and return it.

    `decide` is called again where another process was faster. Raises what it raises, and StoreUnavailableError.
    """
    for _ in range(ATTEMPTS):
        known, version = _found(inbox, sealer, shop)
        wanted = decide(known)
        sealed = sealer.seal(f"{shop}\n{wanted.as_json()}")
        if wanted == known or _stored(inbox, shop, sealed, version, _event(shop, known, wanted)):
            return wanted
    raise StoreUnavailableError(f"the registration of {shop} is changed by several requests at once", transient=True)


def _found(inbox: Inbox, sealer: Sealer | None, shop: str) -> tuple[Registration, int]:
    query = select(registrations.c.sealed, registrations.c.version).where(registrations.c.shop == shop)
    with inbox.database.read() as connection:
        row = connection.execute(query).first()
    if row is None:
        return Registration(), 0
    opened = sealer.open(row.sealed) if sealer else None
    owner, _, text = (opened or "").partition("\n")
    if owner != shop:
        advice = "Set SECRETS_KEY to the key with which it was stored, behind a new one after a comma."
        raise StoreUnavailableError(f"the registration of {shop} cannot be decrypted. {advice}", advice=advice)
    return registration.read(text), row.version


def _stored(inbox: Inbox, shop: str, sealed: str, version: int, event: AuditEvent) -> bool:
    """Store it unless it was changed since; returns whether it was stored."""
    row = {"sealed": sealed, "version": version + 1, "changed_at": inbox.clock()}
    here = (registrations.c.shop == shop) & (registrations.c.version == version)
    with inbox.database.write() as connection:
        new = insert_into(connection, registrations).values(shop=shop, **row).on_conflict_do_nothing()
        changed = update(registrations).where(here).values(**row) if version else new
        if is_stored := bool(connection.execute(changed).rowcount):
            audit_log.add(connection, event, inbox.clock())
        return is_stored


def _event(shop: str, known: Registration, wanted: Registration) -> AuditEvent:
    """Return what an operator should know of a change: no secret, only who registered."""
    action, shop_id, url = AuditAction.REGISTRATION_BEGUN, wanted.pending_id, wanted.pending_url
    if wanted.secret != known.secret:
        shop_id, url = wanted.shop_id, wanted.shop_url
        registered = AuditAction.REGISTERED_AGAIN if known.secret else AuditAction.REGISTERED
        action = registered if wanted.secret else AuditAction.APP_REMOVED
    return AuditEvent(action, audit_log.PLATFORM, detail=f"{shop} {normal_form(url)} (shop {shop_id})")
