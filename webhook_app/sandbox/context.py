"""What every route of the imitation shares; create_app puts it in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import current_app

if TYPE_CHECKING:
    from webhook_app.sandbox.failure_switches import FailureSwitches
    from webhook_app.sandbox.memory import SandboxStore

NAME = "sandbox"
NOTICE = "This is a local imitation, not Tweakwise."


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One imitation: the accounts and products it knows, what it remembers and what goes wrong."""

    instance_keys: frozenset[str]
    catalogue: frozenset[str]
    memory: SandboxStore
    trouble: FailureSwitches


def current() -> Sandbox:
    """Return the imitation that serves this request."""
    sandbox: Sandbox = current_app.extensions[NAME]
    return sandbox
