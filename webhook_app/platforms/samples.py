"""Realistic samples, signed as the platform would sign them."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from webhook_app.platforms.base import Sample

if TYPE_CHECKING:
    from webhook_app.platforms.base import Platform, Topic


def fresh(profile_attribute: str) -> Sample:
    """Return what a sample of now is made of: a number nobody had before, and a profile of its own."""
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Sample(time.time_ns() // 1000, now, profile_attribute, f"sample-{secrets.token_hex(8)}")


def signed(platform: Platform, topic: Topic, profile_attribute: str, secret: str) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a sample delivery."""
    body = json.dumps(topic.sample(fresh(profile_attribute))).encode()
    return platform.sign_sample(topic.name, str(uuid.uuid4()), body, secret), body
