"""Dagster's daemon as a child that does not outlive its parent: it ends when the pipe on its standard input does, however the parent ended.

Run as `python -m seeding_platform.webui.daemon` with the daemon's own options.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading

PATIENCE_S = 20.0
"""How long the daemon may take to end by itself."""


def main() -> None:
    """Run the daemon until it ends or the parent does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.argv = ["dagster-daemon", "run", *sys.argv[1:]]
    runpy.run_module("dagster._daemon", run_name="__main__", alter_sys=True)


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        continue
    os.kill(os.getpid(), signal.SIGINT)
    threading.Event().wait(PATIENCE_S)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
