"""`seeding ui` as processes: a code server, the daemon, and the web UI in this one; all of them end with this one, even when it is killed.

The web UI listens in this process, so that its port is free the moment it ends. The daemon watches a pipe, the code server (a socket
file, no port) waits for a heartbeat and is gone within a minute and a half.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import uvicorn
import yaml
from dagster._cli.proxy_server_manager import ProxyServerManager
from dagster._core.workspace.load_target import ModuleTarget, WorkspaceFileTarget
from dagster_webserver.version import __version__

from seeding_platform.defs.run import instance_for
from seeding_platform.service.listening import HOST, listening
from seeding_platform.settings import project_root
from seeding_platform.storage.state import State
from seeding_platform.webui.app import create_app, door_of
from seeding_platform.webui.context import RoleProcessContext

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from dagster import DagsterInstance
    from dagster._core.workspace.load_target import WorkspaceLoadTarget

    from seeding_platform.settings import Settings
    from seeding_platform.webui.door import Door

CHILD_ENDS_S = 30.0
LISTENERS_S = 5
"""How long pages that listen for events may hold up the end."""
LOOKED_AFTER_S = 2.0
QUIET = "warning"


def serve(settings: Settings, *, now: Callable[[], dt.datetime], new_id: Callable[[int], str], says: Callable[[str], None]) -> bool:
    """Serve until told to stop.

    Args:
        settings: where things are kept, port, who comes in.
        now: the clock.
        new_id: unguessable ids of so many bytes, in hex.
        says: takes one line at a time.

    Returns:
        False when the daemon ended before it was told to.

    Raises:
        ConfigError: the port is taken.
    """
    signal.signal(signal.SIGTERM, _stopped)
    for folder in (settings.state, settings.landing, settings.sources):
        folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        taken = stack.enter_context(listening(settings.ui_port, "SEEDING_UI_PORT"))
        state = stack.enter_context(State.open(settings.state_url))
        door = door_of(settings, state, now=now, new_id=new_id)
        instance = stack.enter_context(instance_for(settings, root=project_root()))
        says("Starting the code server and the daemon ...")
        workspace = stack.enter_context(_code_server(instance))
        daemon = stack.enter_context(_daemon(workspace))
        instance.optimize_for_webserver(15_000, 3600, 20)
        context = RoleProcessContext(instance, WorkspaceFileTarget(paths=[str(workspace)]), version=__version__)
        stack.enter_context(context)
        app = create_app(context, settings, state, door)
        config = uvicorn.Config(app, log_level=QUIET, server_header=False, timeout_graceful_shutdown=LISTENERS_S)
        server = uvicorn.Server(config)
        lost = threading.Event()
        threading.Thread(target=_watch, args=(daemon, server, lost), daemon=True).start()
        taken.listen()  # whoever comes once the address is told waits, and is not turned away
        for line in welcome(door, settings.ui_port):
            says(line)
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[taken])
        if lost.is_set():
            says("The daemon ended by itself; what it said stands above. Start again.")
        return not lost.is_set()


def welcome(door: Door, port: int) -> list[str]:
    """What is said when it is up: the address, and who may do what."""
    where = f"Web UI, sensors and schedules on http://{HOST}:{port}"
    if door.asks:
        return [f"{where}; it asks for a key of this installation."]
    told = "SEEDING_UI_AUTH is off" if door.mode == "off" else "There are no keys"
    return [
        where,
        f"{told}: anybody on this machine may do everything here. `seeding keys create --role admin` makes a key, and from then on it asks.",
    ]


@contextlib.contextmanager
def _code_server(instance: DagsterInstance) -> Iterator[Path]:
    """The code server, as a workspace file that says where it listens; it ends when nobody has called for 45 seconds."""
    own = project_root() / "workspace.yaml"
    module = "seeding_platform.definitions"
    target: WorkspaceLoadTarget = (
        WorkspaceFileTarget(paths=[str(own)])
        if own.is_file()
        else ModuleTarget(module_name=module, attribute=None, working_directory=None, location_name="seeding_platform")
    )
    with ProxyServerManager(instance, target, code_server_log_level=QUIET) as servers, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "workspace.yaml"
        file.write_text(yaml.safe_dump({"load_from": list(servers.get_code_server_specs())}), encoding="utf-8")
        yield file


@contextlib.contextmanager
def _daemon(workspace: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "seeding_platform.webui.daemon", "-w", str(workspace), "--log-level", QUIET]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield child
    finally:
        if child.stdin is not None:
            child.stdin.close()
        try:
            child.wait(CHILD_ENDS_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _watch(daemon: subprocess.Popen[bytes], server: uvicorn.Server, lost: threading.Event) -> None:
    """End the web UI when the daemon has ended: without it nothing that is started would run."""
    while not server.should_exit:
        try:
            daemon.wait(LOOKED_AFTER_S)
        except subprocess.TimeoutExpired:
            continue
        if not server.should_exit:
            lost.set()
            server.should_exit = True
        return


def _stopped(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
