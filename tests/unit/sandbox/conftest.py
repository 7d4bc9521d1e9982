"""A sandbox without settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.sandbox import (
    client_of,
)

if TYPE_CHECKING:
    from flask.testing import FlaskClient


@pytest.fixture
def client() -> FlaskClient:
    """A client of a new sandbox."""
    return client_of()
