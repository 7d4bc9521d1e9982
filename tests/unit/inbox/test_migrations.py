"""Released migrations are never edited: a database that ran the earlier text would lack what was added to it."""

from __future__ import annotations

import hashlib

from alembic.config import Config
from alembic.script import ScriptDirectory

from webhook_app.inbox import migrate

# A new migration adds its line, and is frozen from then on. What a file lacks goes into a further migration, or into
# tables alone: `migrate` creates tables, nullable columns and indexes that a database lacks.
DIGESTS = {
    "0001": "44eeb66cf66e1d7a68e5d8996b2ed23834a407edfdc32b7f295d2cce563902a2",
    "0002": "bc5846b6785edbcffeaf825e1dc702ce70b1564b2e825bfa610f57ba9bc7e861",
    "0003": "3e1f8b750e68e0862ed7393644bbb6c1001b6045cd4e963a84ec20b7a58344d9",
    "0004": "524a35a61b6c15e69f89555c89e2db656868d4b9822ed3aadb4648c562bfd90b",
    "0005": "2bd16b47e327773c01e29801f5caa2d89ac8ccb6780dc0c69bef8e7ab7985f72",
    "0006": "0fbab6191d88e860840689d1562562249a22aebbdd53dee831e189abf6def1d4",
    "0007": "cbd3aa5c05c36b4e29f6ff1862c71d3effad407584d0a9801db96803466ad3c6",
}


def test_migrations_are_frozen() -> None:
    """Each file is, byte for byte, what it was when it was committed."""
    files = (migrate.SCRIPTS / "versions").glob("*.py")
    assert {file.name[:4]: hashlib.sha256(file.read_bytes()).hexdigest() for file in files} == DIGESTS


def test_names_of_files_are_the_revisions() -> None:
    """The revisions that the checks know, without Alembic, are those that Alembic applies, in its order."""
    config = Config()
    config.set_main_option("script_location", str(migrate.SCRIPTS))
    scripts = ScriptDirectory.from_config(config)
    assert migrate.revisions() == tuple(script.revision for script in scripts.walk_revisions())[::-1]
    assert migrate.head() == scripts.get_current_head()
