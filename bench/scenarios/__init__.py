"""The scenarios, in the order of the table."""

from bench.scenarios import accepting, delivering

ALL = (accepting.SQLITE, accepting.SLOW_DISK, accepting.POSTGRES, delivering.AT_ONCE, delivering.SLOW_SINK)
