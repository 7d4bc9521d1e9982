"""The Tweakwise Analytics API: the call as a value, the client that sends it, and the retry policy."""
