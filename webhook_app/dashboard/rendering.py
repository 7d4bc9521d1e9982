"""Renders the dashboard's pages, strictly, in an environment of their own: other pages of the app have other rules."""

from __future__ import annotations

from typing import Any

from flask import Flask, current_app
from jinja2 import Environment, StrictUndefined

NAME = "dashboard_templates"  # in the app's extensions


def environment(app: Flask) -> Environment:
    """Return the app's environment with the rules of the dashboard: a name that is not given is an error."""
    return app.jinja_env.overlay(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def render(template: str, **values: Any) -> str:
    """Return a page; it sees what every template of the app sees."""
    templates: Environment = current_app.extensions[NAME]
    current_app.update_template_context(values)
    return templates.get_template(template).render(values)
