"""The scenarios, in the order of the table."""

from bench.scenarios import accept, beside, dashboard, deliver, end_to_end, growth, latency, reconcile

ALL = (
    accept.SQLITE,
    accept.SLOW_DISK,
    accept.POSTGRES,
    deliver.AT_ONCE,
    deliver.SLOW_SINK,
    end_to_end.SQLITE,
    end_to_end.POSTGRES,
    latency.SCENARIO,
    growth.SQLITE,
    growth.POSTGRES,
    growth.MEMORY,
    dashboard.SCENARIO,
    reconcile.ALONE,
    reconcile.PAIRS,
    beside.SQLITE,
    beside.POSTGRES,
)
