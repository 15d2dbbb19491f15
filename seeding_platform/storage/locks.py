"""Locks between processes of one machine, held by the kernel (`flock`): a process that dies, even by kill -9, frees its own.

A lock file is never deleted: whoever unlinks it lets two processes lock two different files of the same name.
Leases over several machines are rows of the state database, not this.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from seeding_platform.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_TEXT = 1000
"""Bytes of a lock file that are read back: a pid and one line about its holder."""


@contextmanager
def exclusive(path: Path, *, holder: str) -> Iterator[None]:
    """Hold the lock of `path` or fail at once.

    A child made by `fork` shares the lock and keeps it while it lives; a child made by `exec` does not.

    Args:
        path: the lock file; made, with its folders, where it is missing.
        holder: one line for whoever comes second, such as what is being done and since when.

    Raises:
        BusyError: another holder has it; names its pid and its line.
    """
    descriptor = _opened(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _busy(path, os.pread(descriptor, _MOST_TEXT, 0).decode(errors="replace")) from None
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n{' '.join(holder.split())}".encode()[:_MOST_TEXT], 0)
            yield
        finally:
            os.ftruncate(descriptor, 0)
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


@contextmanager
def in_turn(path: Path) -> Iterator[None]:
    """Hold the lock of `path`, waiting for as long as another process has it: for work of seconds that everybody needs done once."""
    descriptor = _opened(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _busy(path: Path, text: str) -> BusyError:
    pid, _, holder = text.partition("\n")
    if not pid.isdigit():  # the holder has locked the file and not yet written its line
        return BusyError(f"{path} is held by another process.", fix="Wait until it ends, then repeat.")
    shown = f" ({holder})" if holder else ""
    return BusyError(f"{path} is held by process {pid}{shown}.", fix=f"Wait until it ends, or end it (kill {pid}), then repeat.")
