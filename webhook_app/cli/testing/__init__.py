"""Commands for testing on a development machine."""

HEADING = "Test"
