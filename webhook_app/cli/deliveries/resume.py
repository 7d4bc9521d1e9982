"""`resume`: ends pauses, so that what waits is sent now."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from webhook_app.cli.support import configuration
from webhook_app.formatting import counted
from webhook_app.inbox import Inbox
from webhook_app.inbox.operations import audit_log, operator_actions
from webhook_app.inbox.operations.audit_log import COMMAND_LINE, AuditAction, AuditEvent
from webhook_app.throttling import descriptions
from webhook_app.throttling.state import ALL, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop


@dataclass(frozen=True, slots=True)
class _Target:
    """What is resumed: the pauses and lowered rates as sentences by scope, and the shops with unfinished deliveries."""

    paused: Mapping[Scope, str]
    shops: tuple[str, ...]

    def __str__(self) -> str:
        scopes = [*self.paused, *(Scope.shop(name) for name in self.shops)]
        return ", ".join(dict.fromkeys(map(descriptions.title, scopes)))


@click.command()
@click.option("--shop", help="Only this shop, with the Tweakwise address that it sends to; default: everything.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation before everything is resumed.")
def resume(*, shop: str | None, yes: bool) -> None:
    """End pauses: close circuit breakers, end the pause after a 429, lift lowered rates, and retry now what waits.

    With --shop it does so for that shop, and for the Tweakwise address that it sends to, which all shops with that
    address share. Configured rates (max_rate, MAX_RATE) stay. Where Tweakwise still refuses or fails, calls are paused
    again. It is recorded as an audit event.
    """
    config, known = configuration.load()
    configuration.chosen_shops(known, shop)
    with closing(Inbox.configured(config)) as inbox:
        target = _all(inbox) if shop is None else _of_shop(inbox, known[shop], config)
        if shop is None and str(target) and not yes:
            click.confirm(f"This resumes {target}. Continue?", abort=True, err=True)
        click.echo("\n".join(_carried_out(inbox, target, known, config)))


def _all(inbox: Inbox) -> _Target:
    return _Target(_paused(inbox), tuple(queue.shop for queue in inbox.queues()))


def _of_shop(inbox: Inbox, shop: Shop, config: Settings) -> _Target:
    scopes = (Scope.shop(shop.name), Scope.tweakwise(shop.tweakwise_url or config.tweakwise_url), ALL)
    return _Target({scope: text for scope, text in _paused(inbox).items() if scope in scopes}, (shop.name,))


def _paused(inbox: Inbox) -> dict[Scope, str]:
    now = inbox.clock()
    described = {
        scope: descriptions.sentences(throttle, now, with_action=False) for scope, throttle in inbox.throttles().items()
    }
    return {scope: text for scope, text in described.items() if text}


def _carried_out(inbox: Inbox, target: _Target, known: Mapping[str, Shop], config: Settings) -> Iterator[str]:
    """Record the action and carry it out; yields a line for each pause that ended, and one about the deliveries."""
    audit_log.write(inbox, AuditEvent(AuditAction.RESUME, COMMAND_LINE, detail=str(target) or "nothing"))
    retried = operator_actions.resume(inbox, list(target.paused), target.shops)
    for scope, text in target.paused.items():
        yield f"Ended: {text}{_sharing(scope, known, config)}"
    if not target.paused:
        yield "Nothing was paused or slowed down."
    yield f"{counted(retried, 'waiting delivery is', 'waiting deliveries are')} due now."


def _sharing(scope: Scope, known: Mapping[str, Shop], config: Settings) -> str:
    if scope.is_shop:
        return ""
    address = Scope.tweakwise
    names = [one.name for one in known.values() if scope in (ALL, address(one.tweakwise_url or config.tweakwise_url))]
    return f" It held the calls of {', '.join(names)}." if names else ""
