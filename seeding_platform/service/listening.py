"""Where this machine serves: on the loopback only."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from seeding_platform.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"


@contextlib.contextmanager
def listening(port: int, setting: str) -> Iterator[socket.socket]:
    """A port of the loopback for whoever serves.

    Args:
        port: which.
        setting: where another one is chosen.

    Raises:
        ConfigError: it is taken, or not ours to have.
    """
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with door:
        try:
            door.bind((HOST, port))
        except OSError as error:
            told = f"Port {port} of {HOST} cannot be had ({error.strerror})."
            raise ConfigError(told, fix=f"End what listens there, or set {setting} to another one.") from error
        yield door
