"""Receives signed webhooks, stores them and delivers their events to Tweakwise.

Nothing is imported here, so that the worker never loads Flask.
"""

__version__ = "1.0.0"
