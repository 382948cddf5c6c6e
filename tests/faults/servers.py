"""Servers that can be killed and started again, as an operator or the power supply would do it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_connection

from faults.ground import sql
from wayfare.core.address import Address

SECONDS_MAX = 60.0


@dataclass
class Mortal:
    """The server behind `address`, which must be one that this test run has started."""

    address: Address
    _command: list[str] = field(default_factory=list)
    _owner: int = 0
    _child: subprocess.Popen[bytes] | None = None

    def kill(self) -> None:
        """SIGKILL: nothing is written, nobody is told."""
        pid = self._pid()
        self._command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
        self._owner = Path(f"/proc/{pid}").stat().st_uid
        os.kill(pid, signal.SIGKILL)
        if self._child:
            self._child.wait()
        else:
            os.waitpid(pid, 0)  # a child of this process too; as a zombie it would pass for a running server

    def start(self) -> None:
        """The same command again, on the same data."""
        deadline = time.monotonic() + SECONDS_MAX
        while not self._comes_up():  # PostgreSQL waits for the last child of its predecessor
            assert time.monotonic() < deadline, "the server does not come back"
            time.sleep(0.1)

    def stop(self) -> None:
        """At the end, whatever we have started ourselves."""
        if self._child:
            self._child.kill()
            self._child.wait()

    def _comes_up(self) -> bool:
        quiet = subprocess.DEVNULL
        self._child = subprocess.Popen(self._command, user=self._owner, stdin=quiet, stdout=quiet, stderr=quiet)
        while self._child.poll() is None:
            if self._answers():
                return True
            time.sleep(0.05)
        return False

    def _answers(self) -> bool:
        try:
            with closing(create_connection((self.address.host, self.address.port), 1)):
                pass
            sql(self.address, "SELECT 1")
        except Exception:  # whatever a driver raises while its server starts
            return False
        return True

    def _pid(self) -> int:
        if self._child:
            return self._child.pid
        if self.address.system == "mysql":
            file = Path(sql(self.address, "SELECT @@pid_file")[0][0])
        else:
            file = Path(sql(self.address, "SHOW data_directory")[0][0]) / "postmaster.pid"
        return int(file.read_text().split()[0])
