"""The scenarios, in the order of the table."""

from bench.scenarios import accepting

ALL = (accepting.SQLITE, accepting.SLOW_DISK, accepting.POSTGRES)
