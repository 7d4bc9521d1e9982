"""Counts: the statistics of deliveries, and what web processes saw besides."""
