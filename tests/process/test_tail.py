"""`tail`: follows deliveries until Ctrl-C, in a pipe and in a terminal."""

from __future__ import annotations

import json
import signal
from contextlib import closing
from typing import TYPE_CHECKING

from tests.support import processes
from tests.support.deliveries import arrival, claim_one, settle
from webhook_app.inbox import Inbox, State

if TYPE_CHECKING:
    from pathlib import Path


def test_it_follows_what_others_write(migrated_url: str, tmp_path: Path) -> None:
    """One JSON object a line as long as it runs; Ctrl-C ends it with exit code 0 and no stack trace."""
    log, env = tmp_path / "log", processes.environment(DATABASE_URL=migrated_url)
    with processes.running("tail", "--json", "--since=1h", env=env, log=log) as process:
        with closing(Inbox(migrated_url)) as inbox:
            inbox.store(arrival())
            processes.wait_for(lambda: log.read_text().count("\n") == 1)
            settle(inbox, claim_one(inbox), State.IGNORED, reason="no_profile")
            processes.wait_for(lambda: log.read_text().count("\n") == 2)
        process.send_signal(signal.SIGINT)
        assert process.wait(processes.LONGEST) == 0
    changes = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(one["state"], one["reason"]) for one in changes] == [("received", ""), ("ignored", "no_profile")]
