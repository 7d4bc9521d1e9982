"""The scenarios, in the order of the table."""

from bench.scenarios import accepting, delivering, growing, looking, together, waiting

ALL = (
    accepting.SQLITE,
    accepting.SLOW_DISK,
    accepting.POSTGRES,
    delivering.AT_ONCE,
    delivering.SLOW_SINK,
    together.SQLITE,
    together.POSTGRES,
    waiting.SCENARIO,
    growing.SQLITE,
    growing.POSTGRES,
    growing.MEMORY,
    looking.SCENARIO,
)
