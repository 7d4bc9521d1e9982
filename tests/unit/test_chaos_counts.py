"""What the scenarios of chaos take for an order that was counted twice."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from chaos import orders
from chaos.context import Context
from chaos.traffic import Traffic
from chaos.tweakwise import Tweakwise
from tests.support.deliveries import arrival, claim_one, settle
from webhook_app.inbox import Inbox, State
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from pathlib import Path

CALL = Call("purchase", "purchase:1", {})


@pytest.mark.parametrize(("took", "fails_on_purpose", "faults"), [(5001, False, 0), (4000, False, 1), (5001, True, 1)])
def test_counted_twice(tmp_path: Path, took: int, faults: int, *, fails_on_purpose: bool) -> None:
    """Only a call that a busy machine held up for its whole time may have been counted, and repeated."""
    tweakwise, name = Tweakwise(), orders.make(1).identity
    tweakwise.counted[name] = 2
    tweakwise.failed["hang"] = int(fails_on_purpose)
    shop = Traffic(1)
    shop.acknowledged[name] = 0.1
    with Context(tmp_path, 1, short=True) as context:
        system = context.system(tweakwise.url)
        with closing(Inbox(system.database_url)) as inbox:
            inbox.store(arrival(name))
            settle(inbox, claim_one(inbox), State.WAITING, call=CALL, failure="timeout", took=took, retry_in=0)
            settle(inbox, claim_one(inbox), State.DELIVERED, call=CALL)
        context.sum_up(system, shop, tweakwise)
        assert len(context.faults) == faults, context.faults
        assert context.figures.get("counted twice after a time-out", 0) == 1 - faults
