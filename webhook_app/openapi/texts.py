"""What the OpenAPI document says of fields, headers and answers besides their types."""

from __future__ import annotations

from typing import Any

TITLE = "Storefront events"
VERSION = "1.0.0"  # the second number counts additions; the first never changes, for what would break is a new type
INTRODUCTION = (
    "Signed messages from any storefront: searches, product views and purchases, which the receiver proves, stores and "
    "delivers to the Tweakwise Analytics API. They are signed as Standard Webhooks (https://www.standardwebhooks.com). "
    "To a type of message, fields are only added; a receiver ignores those it does not know. What would break a sender "
    "becomes a new type."
)
PURPOSE = (
    "The answer 200 says that the message is proven and stored, whatever it holds: it is read afterwards. What became "
    "of it, `python -m webhook_app list` tells: a purchase that cannot be read is `dead`, anything else is ignored as "
    "`unreadable`, each with the path of what is wrong."
)

# A contract may promise less than the receiver takes: a sender that keeps to it is understood by every version.
ID_PATTERN = r"^[!-~]*[1-9A-Za-z][!-~]*$"
LABEL_PATTERN = r"^[^\u0000-\u001f]*$"
FIELDS: dict[str, dict[str, Any]] = {
    "type": {"description": "What happened; says what `data` holds."},
    "data": {"description": "What happened, in detail."},
    "term": {
        "description": "What was searched for, as typed.",
        "pattern": r"^[^\u0000-\u001f]*[^\s\u0000-\u001f][^\u0000-\u001f]*$",
    },
    "profile_key": {
        "description": (
            "The visitor's key, the same that the storefront gives to Tweakwise as `tn_profilekey`. Random or a hash: "
            "never an e-mail address, a phone number or a name. Without it and without `customer_id` nothing is sent."
        ),
        "pattern": r"^[A-Za-z0-9._$=-]{1,128}$",
    },
    "session_key": {"description": "The key of the visit, random.", "pattern": r"^[A-Za-z0-9-]{1,128}$"},
    "customer_id": {
        "description": "The shop's own number of the account; the shop's `profile_salt` makes a profile key of it.",
        "pattern": ID_PATTERN,
    },
    "user_agent": {
        "description": "The browser's User-Agent; what names itself a bot is ignored.",
        "pattern": r"^[ -~]*$",
    },
    "locale": {
        "description": "Language and country such as `nl-NL`, for product keys that name them.",
        "pattern": r"^[A-Za-z0-9-]{2,35}$",
    },
    "currency": {
        "description": "Code of the currency such as `EUR`, for product keys that name it.",
        "pattern": r"^[A-Z]{3}$",
    },
    "product_id": {"description": "The product.", "pattern": ID_PATTERN},
    "variant_id": {"description": "Its variant, where it has any.", "pattern": ID_PATTERN},
    "sku": {"description": "Its stock keeping unit, for product keys that name it.", "pattern": LABEL_PATTERN},
    "quantity": {"description": "How many."},
    "amount": {"description": "What all of the quantity costs, before tax."},
    "order_id": {"description": "The order; it is counted once, however often it is sent.", "pattern": ID_PATTERN},
    "lines": {"description": "What was bought."},
    "revenue": {"description": "Sum of the lines after discount, before tax, without shipping."},
    "created_at": {
        "description": "When the order was made (RFC 3339); one older than `MAX_ORDER_AGE` (7 days) is not counted.",
    },
}

HEADERS: dict[str, dict[str, Any]] = {
    "webhook-id": {
        "description": "The message's own id: the same when it is repeated, and never that of another. No full stop.",
        "schema": {"type": "string", "pattern": r"^[!-,/-~-]{1,128}$"},
        "example": "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
    },
    "webhook-timestamp": {
        "description": "When this attempt was signed, in seconds since 1970; within 5 minutes of the receiver's clock.",
        "schema": {"type": "string", "pattern": r"^[0-9]{1,12}$"},
        "example": "1795003200",
    },
    "webhook-signature": {
        "description": (
            "`v1,` and the base64 of HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`; the key is what comes "
            "out when the base64 behind `whsec_` is decoded. Several, with a space between, where one is enough."
        ),
        "schema": {"type": "string", "minLength": 1},
        "example": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    },
}

REASONS = {
    "id_missing": "There is no `webhook-id`.",
    "id_malformed": "`webhook-id` is longer than 128 characters, or holds a full stop, a space or no ASCII.",
    "timestamp_missing": "There is no `webhook-timestamp`.",
    "timestamp_malformed": "`webhook-timestamp` is not a whole number of seconds (milliseconds, perhaps, or a date).",
    "timestamp_too_old": "It was signed more than 5 minutes ago: sign again for every attempt.",
    "timestamp_too_new": "It is more than 5 minutes ahead: one of the clocks is wrong, or the time is not in UTC.",
    "signature_missing": "There is no `webhook-signature`.",
    "signature_malformed": "`webhook-signature` holds nothing that begins with `v1,`.",
    "signature_mismatch": "Another secret, or other bytes than those that were sent; `hint` says more.",
}

RETRY_AFTER = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
ANSWERS: dict[int, str] = {
    200: "Proven and stored, or stored before under this `webhook-id`.",
    400: "The body was cut short, or the request is not HTTP as it should be.",
    401: "Not proven; `error` says why, and nothing is stored.",
    404: "There is no shop of that name for this platform.",
    408: "The body took longer than 30 seconds.",
    413: "The body is larger than `MAX_BODY` (5 MiB).",
    415: "The body is compressed: send it as it was signed.",
    429: "More storefront events at a time than the receiver takes from one shop; never for a purchase.",
    431: "The headers are too large.",
    503: "The store does not answer, or the receiver stops. Nothing is stored: send it again.",
}
