"""The disk of the store runs full in mid-load, and has room again."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from chaos import disks
from chaos.traffic import Traffic

if TYPE_CHECKING:
    from pathlib import Path

    from chaos.context import Context

MEGABYTES = 24


def run(context: Context) -> None:
    """A full disk is a 503 and never a lost order; once there is space again everything continues by itself."""
    tweakwise = context.tweakwise()
    with disks.small_disk(context.folder, MEGABYTES) as disk:
        system = context.system(tweakwise.url, folder=disk)
        system.start_web()
        system.start_worker()
        with Traffic(system.port, senders=2, pause=context.pause(0.01)) as shop:
            time.sleep(1.0)
            ballast = fill(disk)
            time.sleep(2.0 if context.short else 10.0)
            during = dict(shop.refusals)
            ballast.unlink()
            before = len(shop.acknowledged)
            time.sleep(2.0 if context.short else 5.0)
        context.figures |= {"refused while full": sum(during.values())}
        context.expect(set(during) == {"503"}, f"Answers while the disk was full: {during}")
        context.expect(len(shop.acknowledged) > before, "Nothing was accepted after there was room again.")
        context.sum_up(system, shop, tweakwise)
        system.stop()


def fill(disk: Path) -> Path:
    """Take every byte that is left."""
    ballast = disk / "ballast"
    room = os.statvfs(disk)
    with ballast.open("wb", buffering=0) as file:
        try:
            for _ in range(room.f_bavail + 1):
                file.write(b"\0" * room.f_frsize)
        except OSError:
            pass
    return ballast
