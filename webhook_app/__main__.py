"""python -m webhook_app; as `webhook-app` where a shell asks for completions (docs/commands.md)."""

import gc
import os
import signal
import sys

from webhook_app import green_threads

COMPLETION = "_WEBHOOK_APP_COMPLETE"  # click's variable for a program that is called webhook-app

if __name__ == "__main__":
    gc.disable()  # until the command's modules are loaded, of which none is garbage: a tenth of the time
    if sys.argv[1:2] in (["run"], ["web"], ["worker"]):
        # One that can reload does so once it is ready, and is not ended before.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        for ignored in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU):  # see reloading.py
            signal.signal(ignored, signal.SIG_IGN)
    if sys.argv[1:] == ["run"]:
        from webhook_app.processes import early_start

        early_start.begin("web", "--migrate")
    if sys.argv[1:2] == ["web"]:
        green_threads.patch()
    from webhook_app.cli import main

    if "WEBHOOKS_EARLY_START" in os.environ:
        from webhook_app.cli import early_receiver

        early_receiver.load_and_wait()
    main(prog_name="webhook-app" if COMPLETION in os.environ else None)
