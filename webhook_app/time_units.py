"""Units of time in milliseconds, the unit of every point in time and duration that is stored."""

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
