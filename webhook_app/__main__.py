"""python -m webhook_app; as `webhook-app` where a shell asks for completions (docs/commands.md)."""

import gc
import os
import signal
import sys

from webhook_app import green_threads

COMPLETION = "_WEBHOOK_APP_COMPLETE"  # click's variable for a program that is called webhook-app

if __name__ == "__main__":
    gc.disable()  # until the command's modules are loaded, of which none is garbage: a tenth of the time
    if sys.argv[1:2] in (["web"], ["worker"]):  # one that can reload does so once it is ready, and is not ended before
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    if sys.argv[1:2] == ["web"]:
        green_threads.patch()
    from webhook_app.cli import main

    main(prog_name="webhook-app" if COMPLETION in os.environ else None)
