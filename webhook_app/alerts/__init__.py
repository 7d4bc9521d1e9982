"""Alerts: rules over what the inbox says, and a notification when one begins and when it ends."""
