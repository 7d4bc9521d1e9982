"""`drop`: the name of `discard` in earlier versions, which --help does not list."""

from __future__ import annotations

import copy

from webhook_app.cli.deliveries.discard import discard

drop = copy.copy(discard)
drop.name, drop.hidden = "drop", True
