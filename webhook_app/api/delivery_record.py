"""A delivery as a JSON object, the same in every command."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from webhook_app import masking
from webhook_app.delivery.causes import cause_of
from webhook_app.formatting import timestamp
from webhook_app.inbox import State

if TYPE_CHECKING:
    from webhook_app.inbox import Row


def record_of(row: Row, *, personal: bool = False) -> dict[str, object]:
    """Return one delivery as a JSON object, times in ISO 8601; `fault` is the cause of a dead one.

    What identifies a visitor, or was typed by one, is masked unless `personal`.
    """
    record = asdict(row)
    times = {name: timestamp(value) for name, value in record.items() if name.endswith("_at") and value}
    fault = cause_of(row.reason) if row.state == State.DEAD else None
    call = (json.loads(row.call) if personal else masking.masked_call(row.call)) if row.call else None
    answer = row.answer and masking.answer(row.answer, row.call, revealed=personal)
    return {**record, **times, "fault": fault, "call": call, "answer": answer}
