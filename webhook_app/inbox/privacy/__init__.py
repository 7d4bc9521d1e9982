"""Privacy requests, and bodies that are wiped."""
