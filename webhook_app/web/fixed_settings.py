"""Gunicorn's settings as plain attributes: it searches for each by name, about 25 times for a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gunicorn.config import Config


class FixedSettings:
    """The settings as they are when a web process starts, for the loop that serves requests."""

    def __init__(self, config: Config) -> None:
        """Read every setting once."""
        self._config = config
        vars(self).update({name: setting.get() for name, setting in config.settings.items()})
        self.is_ssl = config.is_ssl

    def __getattr__(self, name: str) -> Any:
        """Return what gunicorn derives from its settings."""
        return getattr(self._config, name)
