"""python -m webhook_app.processes.healthcheck: the exit code is 0 where the receiver of this container answers.

It asks where BIND and PORT say, and reads nothing else of the configuration: a program that runs once a minute, and
must not fail because of a setting that the receiver took over before it became invalid.
"""

import sys

from webhook_app.config import env_file, variables
from webhook_app.errors import ConfigurationError
from webhook_app.web import listening

WITHIN = 4.0  # seconds


def main() -> int:
    """Return the exit code; writes why it is not 0, which the container's host shows."""
    try:
        known = env_file.environment()
        bind, port = variables.value("BIND", known) or "0.0.0.0", variables.value("PORT", known) or "8000"  # noqa: S104
        if listening.is_answered(bind, int(port), "/healthz", WITHIN):
            return 0
    except (ConfigurationError, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(f"Nothing answers with 200: BIND={bind} PORT={port}", file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
