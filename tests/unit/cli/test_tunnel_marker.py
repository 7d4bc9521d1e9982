"""The file that closes a dashboard without a password while any tunnel is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.cli.support import tunnel_marker

if TYPE_CHECKING:
    from pathlib import Path


def test_it_is_there_until_the_last_tunnel_ends(tmp_path: Path) -> None:
    """The end of one tunnel, or a new start of the receiver, does not open what another one still leads to."""
    path = tmp_path / "sandbox" / "8000.tunnel"
    with tunnel_marker.held(path):
        with tunnel_marker.held(path):
            assert path.is_file()
        assert path.is_file()
        tunnel_marker.remove_stale(path)
        assert path.is_file()
    assert not path.exists()


def test_what_a_killed_tunnel_left_is_deleted(tmp_path: Path) -> None:
    """A lock ends with its process."""
    path = tmp_path / "8000.tunnel"
    path.touch()
    tunnel_marker.remove_stale(path)
    assert not path.exists()
    tunnel_marker.remove_stale(path)
