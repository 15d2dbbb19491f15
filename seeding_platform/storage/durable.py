"""Making sure that what was written survives a loss of power, and that a secret is made by one process only."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def synced(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def made_once(path: Path, text: str) -> None:
    """Write a small file whole, for its owner's eyes only (mode 0600), unless another process was first: then its text stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
    synced(partial)
    try:
        os.link(partial, path)
    except FileExistsError:
        return
    finally:
        partial.unlink()
    synced(path.parent)
