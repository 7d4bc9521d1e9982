"""The context of every route of the sandbox, set by create_app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import current_app

if TYPE_CHECKING:
    from collections.abc import Collection

    from webhook_app.sandbox.failure_switches import FailureSwitches
    from webhook_app.sandbox.store import SandboxStore

NAME = "sandbox"
NOTICE = "This is a local sandbox, not Tweakwise."


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One sandbox: its instance keys and products, the stored events, and the failures that are switched on."""

    instance_keys: Collection[str]
    catalogue: frozenset[str]
    store: SandboxStore
    failures: FailureSwitches


def current() -> Sandbox:
    """Return the sandbox that serves this request."""
    sandbox: Sandbox = current_app.extensions[NAME]
    return sandbox
