"""Failures on purpose: real processes, real databases and real faults, and what must hold after each."""
