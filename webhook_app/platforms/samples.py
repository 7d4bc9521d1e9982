"""Realistic sample deliveries, signed as the platform signs them."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from typing import TYPE_CHECKING

from webhook_app.formatting import timestamp
from webhook_app.platforms.base import SAMPLE_DOMAIN, SampleValues
from webhook_app.time_units import now_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhook_app.platforms.base import Platform, Topic


def address(domain: Sequence[str]) -> str:
    """Return the address that a sample names, one that a shop with this `domain` accepts."""
    return domain[0] if domain else SAMPLE_DOMAIN


def new_values(profile_attribute: str, domain: str = SAMPLE_DOMAIN) -> SampleValues:
    """Return the values of a new sample: an unused number, the present time and a random profile key."""
    return SampleValues(
        time.time_ns() // 1000, timestamp(now_ms()), profile_attribute, f"sample-{secrets.token_hex(8)}", domain
    )


def signed_delivery(
    platform: Platform, topic: Topic, profile_attribute: str, secret: str, domain: str = SAMPLE_DOMAIN
) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a sample delivery; `domain` is one that the shop accepts."""
    in_body = domain if platform.domain_in_body else SAMPLE_DOMAIN
    body = json.dumps(topic.sample(new_values(profile_attribute, in_body))).encode()
    return platform.sign_sample(topic.name, str(uuid.uuid4()), body, secret, domain), body
