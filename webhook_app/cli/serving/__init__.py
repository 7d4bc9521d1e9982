"""Commands that run the receiver."""

HEADING = "Run the receiver"
