"""A local stand-in for the Tweakwise Analytics API, for developers and tests; never for production."""
