"""The client of the Tweakwise Analytics API: the call as a value, its transport, and when to retry."""
