"""Reports: what pages and commands read from the inbox."""
