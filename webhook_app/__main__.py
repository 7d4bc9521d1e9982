"""python -m webhook_app; as `webhook-app` where a shell asks for completions (docs/commands.md)."""

import os

from webhook_app.cli import main

COMPLETION = "_WEBHOOK_APP_COMPLETE"  # click's variable for a program that is called webhook-app

if __name__ == "__main__":
    main(prog_name="webhook-app" if COMPLETION in os.environ else None)
