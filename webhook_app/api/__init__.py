"""The read API for machines: what the pages show, as JSON, for those who have API_TOKEN."""
