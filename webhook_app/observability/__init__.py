"""Metrics, traces and error reports: tools that the core knows only as protocols (webhook_app.instrumentation)."""
