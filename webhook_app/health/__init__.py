"""Judges whether something is wrong: checks as values, evaluated once, which pages, commands and alerts show."""
