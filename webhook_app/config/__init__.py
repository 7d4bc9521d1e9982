"""Configuration: environment variables for the process, one TOML document for the shops."""
