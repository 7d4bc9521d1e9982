"""A local imitation of the Tweakwise Analytics API: for developers and tests, never for production."""
