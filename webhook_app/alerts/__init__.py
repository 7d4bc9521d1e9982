"""Alerts: evaluates alert rules over the inbox and sends a notification when a problem begins and when it ends."""
