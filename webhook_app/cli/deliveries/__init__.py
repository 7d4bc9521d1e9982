"""Commands that read and change stored deliveries."""

HEADING = "Deliveries"
