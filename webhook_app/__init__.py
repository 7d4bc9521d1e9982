"""Receiving, keeping, delivering. Nothing is imported here, so that the worker never loads Flask."""
