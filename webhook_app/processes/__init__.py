"""Child processes and the supervisor that starts and stops several of them together."""
