"""What the adapters' test beds share: free ports, Debian packages, throw-away processes.

A `testbed.py` defines BEDS: a name → a context manager that takes a scratch folder and gives a `Fresh`: a callable that
makes a new, empty database on the running server and returns its address. A bed raises Unavailable where its server
cannot be had; its tests are then skipped with that reason.

A system that can only be read also defines SEEDING, by which the contract suite fills its databases. Nothing else is
asked of it: the suite then runs every test of a source, and leaves out those of a target.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.core.ports import CARRIED
from wayfare.core.tables import Table

Fresh = Callable[[], Address]
Bed = Callable[[Path], AbstractContextManager[Fresh]]
Beds = Mapping[str, Bed]


@dataclass(frozen=True, slots=True)
class Seeding:
    """How a bed's databases are filled where the adapter cannot write: by the system's own driver or interface.

    `put` makes one table with its rows. Columns are landed (`native` is the type to create); key, indexes, identity and
    comments are as `Stages.seal` and `publish` would make them, as far as `carries` says. It raises Unavailable, with
    the reason, for a table that the system cannot hold at all: that test is then skipped.
    """

    put: Callable[[Address, Table, Iterable[pa.RecordBatch]], None]
    carries: frozenset[str] = CARRIED
    name_bytes_max: int = 63


START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 10.0


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def from_environment(variable: str) -> Address | None:
    """The address a developer gave for a server of their own, or None."""
    return Address.parse(os.environ[variable], where=variable) if os.environ.get(variable) else None


def debian(program: str, package: str) -> str:
    """The path of `program`, installing its Debian package when it is missing and we are root. Raises Unavailable."""
    search = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return _of_package(lambda: shutil.which(program, path=search), program, package)


def debian_file(pattern: str, package: str) -> str:
    """The same for a file such as a library: the first that matches `pattern`, below /usr. Raises Unavailable."""
    return _of_package(lambda: next((str(p) for p in sorted(Path("/usr").glob(pattern))), None), pattern, package)


def _of_package(find: Callable[[], str | None], what: str, package: str) -> str:
    """One process at a time looks: a program is seen before its package is all there, while another installs it."""
    with (Path(tempfile.gettempdir()) / f"wayfare-apt-{os.geteuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if found := find():
            return found
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise Unavailable(f"{what} is not installed.", remedy=f"Install the package {package}.")
        _apt_get("update")
        _apt_get("-y", "install", "--no-install-recommends", package)
        if found := find():
            return found
    raise Unavailable(f"{what} cannot be had: installing {package} failed.")


def _apt_get(*words: str) -> None:
    """Quiet, and without a verdict: whether it worked is seen by the program being there."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    quiet = subprocess.DEVNULL
    subprocess.run(["apt-get", "-qq", *words], check=False, stdout=quiet, stderr=quiet, env=environment)


@contextmanager
def process(command: Sequence[str], log: Path, *, user: str | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server for a while; it is stopped (then killed) by its pid at the end."""
    with log.open("ab") as out:
        server = subprocess.Popen(list(command), stdout=out, stderr=out, stdin=subprocess.DEVNULL, user=user)
    try:
        yield server
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_until(ready: Callable[[], object], server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until `ready` no longer raises. Raises Unavailable, with the log's end, when the server dies or is slow."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            ready()
            return
        except Exception as error:  # whatever a driver raises while its server starts
            if server.poll() is not None or time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-500:]
                raise Unavailable(f"the test server did not start: {tail}") from error
            time.sleep(0.05)
