"""One process at a time; the second is told who the first is, and a killed holder is no holder."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from seeding_platform.errors import BusyError
from seeding_platform.settings import project_root
from seeding_platform.storage.locks import exclusive, in_turn

HOLD = """
import sys, time
from pathlib import Path
from seeding_platform.storage.locks import exclusive
with exclusive(Path(sys.argv[1]), holder="the nightly run since 02:00"):
    print("held", flush=True)
    time.sleep(60)
"""

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "work.lock"


def test_the_second_process_is_told_who_holds_the_lock_and_a_killed_one_frees_it(lock: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], cwd=project_root(), stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(BusyError, match=rf"held by process {holder.pid} \(the nightly run since 02:00\)\. .*kill {holder.pid}"):
                exclusive(lock, holder="me").__enter__()
        finally:
            holder.kill()
            holder.wait()
    with exclusive(lock, holder="me"):
        assert lock.read_text() == f"{os.getpid()}\nme"


def test_the_lock_is_free_again_after_an_error_and_its_file_stays(lock: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(lock, holder="me"):
        _ = 1 / 0
    inode = lock.stat().st_ino
    with exclusive(lock, holder="a line\nand another") as nothing:
        assert nothing is None
        assert lock.read_text().splitlines() == [str(os.getpid()), "a line and another"]
    assert lock.stat().st_ino == inode
    assert lock.read_text() == ""


def test_a_program_started_meanwhile_does_not_inherit_the_lock(lock: Path) -> None:
    with exclusive(lock, holder="me"):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
    try:
        with exclusive(lock, holder="me again"):
            assert lock.read_text().endswith("me again")
    finally:
        child.kill()
        child.wait()


def test_a_lock_taken_in_turn_is_the_same_lock(lock: Path) -> None:
    with in_turn(lock), pytest.raises(BusyError, match="another process"), exclusive(lock, holder="me"):
        pass
    with in_turn(lock):
        pass
