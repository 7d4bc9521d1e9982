"""Commands that check the configuration and diagnose problems."""

HEADING = "Set up and diagnose"
