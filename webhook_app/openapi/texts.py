"""The descriptions of fields, headers and answers in the OpenAPI document."""

from __future__ import annotations

from typing import Any

TITLE = "Storefront events"
VERSION = "1.1.0"  # the second number counts additions; the first never changes, for what would break is a new type
INTRODUCTION = (
    "Signed messages from any storefront: searches, views, purchases and more. The receiver verifies and stores "
    "them, and delivers them to the Tweakwise Analytics API. They are signed as Standard Webhooks "
    "(https://www.standardwebhooks.com). New fields may be added to a type of message, and receivers ignore unknown "
    "fields. A breaking change becomes a new type."
)
PURPOSE = (
    "The answer 200 means that the message is verified and stored; its content is read afterwards. "
    "`python -m webhook_app list` shows the outcome: a purchase that cannot be read is `dead`, any other message is "
    "ignored as `unreadable`, both with the path of the error."
)

# The document may promise less than the receiver accepts: every version understands a sender that follows it.
ID_PATTERN = r"^[!-~]*[1-9A-Za-z][!-~]*$"
LABEL_PATTERN = r"^[^\u0000-\u001f]*$"
FIELDS: dict[str, dict[str, Any]] = {
    "type": {"description": "What happened; determines what `data` contains."},
    "data": {"description": "What happened, in detail."},
    "term": {
        "description": "What was searched for, as typed.",
        "pattern": r"^[^\u0000-\u001f]*[^\s\u0000-\u001f][^\u0000-\u001f]*$",
    },
    "profile_key": {
        "description": (
            "The visitor's key, the same that the storefront sends to Tweakwise as `tn_profilekey`. Random or a hash: "
            "never an e-mail address, a phone number or a name. Without it and without `customer_id` nothing is sent."
        ),
        "pattern": r"^[A-Za-z0-9._$=-]{1,128}$",
    },
    "session_key": {"description": "The key of the visit, random.", "pattern": r"^[A-Za-z0-9-]{1,128}$"},
    "customer_id": {
        "description": "The shop's number of the account; with `profile_salt` a profile key is derived from it.",
        "pattern": ID_PATTERN,
    },
    "user_agent": {
        "description": "The browser's User-Agent; events of bots are ignored.",
        "pattern": r"^[ -~]*$",
    },
    "locale": {
        "description": "Language and country such as `nl-NL`, for product keys that contain them.",
        "pattern": r"^[A-Za-z0-9-]{2,35}$",
    },
    "currency": {
        "description": "Code of the currency such as `EUR`, for product keys that contain it.",
        "pattern": r"^[A-Z]{3}$",
    },
    "product_id": {"description": "The product.", "pattern": ID_PATTERN},
    "variant_id": {"description": "Its variant, where it has any.", "pattern": ID_PATTERN},
    "sku": {"description": "Its stock keeping unit, for product keys that contain it.", "pattern": LABEL_PATTERN},
    "quantity": {"description": "How many."},
    "amount": {"description": "The price of the whole quantity, before tax."},
    "request_id": {
        "description": "The header `Twn-Request-Id` of Tweakwise's response that has the list.",
        "pattern": ID_PATTERN,
    },
    "item_id": {"description": "The item that was clicked, as that response names it.", "pattern": ID_PATTERN},
    "source": {"description": "Where the visitor came from, such as `newsletter`.", "pattern": LABEL_PATTERN},
    "internal": {
        "description": "`true` for an employee or a test: sent with the label `Internal-Traffic` (`TWN-Source`).",
    },
    "order_id": {"description": "The order; it is counted once, however often it is sent.", "pattern": ID_PATTERN},
    "order_number": {
        "description": "The number that people know the order by, such as `#1234`, to find it by.",
        "pattern": LABEL_PATTERN,
    },
    "lines": {"description": "What was bought."},
    "revenue": {"description": "Sum of the lines after discount, before tax, without shipping."},
    "created_at": {
        "description": "When the order was created (RFC 3339); one older than `MAX_ORDER_AGE` (7 days) is not counted.",
    },
}

HEADERS: dict[str, dict[str, Any]] = {
    "webhook-id": {
        "description": "The message's id: the same when it is repeated, different for every other. No full stop.",
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
            "`v1,` and the base64 of HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`; the key is the "
            "decoded base64 behind `whsec_`. Several signatures are separated by spaces; one valid one is enough."
        ),
        "schema": {"type": "string", "minLength": 1},
        "example": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    },
}

REASONS = {
    "id_missing": "There is no `webhook-id`.",
    "id_malformed": "`webhook-id` is longer than 128 characters, or has a full stop, a space or non-ASCII characters.",
    "timestamp_missing": "There is no `webhook-timestamp`.",
    "timestamp_malformed": "`webhook-timestamp` is not a whole number of seconds (milliseconds, perhaps, or a date).",
    "timestamp_too_old": "It was signed more than 5 minutes ago: sign again for every attempt.",
    "timestamp_too_new": "It is more than 5 minutes ahead: one of the clocks is wrong, or the time is not in UTC.",
    "signature_missing": "There is no `webhook-signature`.",
    "signature_malformed": "`webhook-signature` has no part that begins with `v1,`.",
    "signature_mismatch": "Another secret, or the signed bytes are not those that were sent; `hint` has more.",
}

RETRY_AFTER = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
ANSWERS: dict[int, str] = {
    200: "Verified and stored, or stored before under this `webhook-id`.",
    400: "The body was cut short, or the request is not valid HTTP.",
    401: "Not verified; `error` names the reason, and nothing is stored.",
    404: "There is no shop of that name for this platform.",
    408: "The body took longer than 30 seconds.",
    413: "The body is larger than `MAX_BODY` (5 MiB).",
    415: "The body is compressed: send it as it was signed.",
    429: "More storefront events than the receiver accepts from one shop; never for a purchase.",
    431: "The headers are too large.",
    503: "The store does not answer, or the receiver is stopping. Nothing is stored: send it again.",
}
