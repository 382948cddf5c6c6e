"""Throw-away servers: Debian's MariaDB, and a real MySQL 9 unpacked beside the system.

MySQL takes 36 seconds and 400 MB to fetch, so it is optional: it serves when it lies in the cache already or when
WAYFARE_TEST_MYSQL97=1 asks for it. WAYFARE_TEST_MARIADB and WAYFARE_TEST_MYSQL name servers of one's own.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import platformdirs
import pymysql

from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.core.redacted import Redacted
from wayfare.systems import testing

_USER, _PASSWORD = "wayfare", "way fare@1/%"
_SMALL = (
    "--innodb-buffer-pool-size=96M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--skip-log-bin",
    "--local-infile=1",
    "--max-allowed-packet=256M",
    "--character-set-server=utf8mb4",
    "--max-connections=200",
    "--skip-name-resolve",
)
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_PACKAGES = ("mysql-server-core", "mysql-client-core")


@contextmanager
def mariadb(scratch: Path) -> Iterator[testing.Fresh]:
    if own := testing.from_environment("WAYFARE_TEST_MARIADB"):
        yield fresh_on(own)
        return
    with maria_server(scratch) as address:
        yield fresh_on(address)


@contextmanager
def mariadb_counting(scratch: Path) -> Iterator[testing.Fresh]:
    """One that counts its queries, which takes some 30 MB: none of the BEDS."""
    with maria_server(scratch, "--performance-schema=ON") as address:
        yield fresh_on(address)


@contextmanager
def maria_server(scratch: Path, *settings: str, zone: str = "UTC") -> Iterator[Address]:
    """One with options of one's own, on a machine in that time zone."""
    server = testing.debian("mariadbd", "mariadb-server-core")
    install = testing.debian("mariadb-install-db", "mariadb-server-core")
    testing.debian("my_print_defaults", "mariadb-client-core")  # which the script calls
    options = ["--no-defaults", f"--datadir={scratch / 'data'}", *_as_root()]
    _must([install, *options, "--auth-root-authentication-method=normal", "--skip-test-db"])
    log_size = ["--innodb-log-file-size=64M", "--innodb-flush-method=nosync"]
    command = ["env", f"TZ={zone}", server, *options, *_SMALL, *log_size, *settings]
    with _running(command, scratch) as address:
        yield address


@contextmanager
def mysql(scratch: Path) -> Iterator[testing.Fresh]:
    if own := testing.from_environment("WAYFARE_TEST_MYSQL"):
        yield fresh_on(own)
        return
    with mysql_server(scratch) as address:
        yield fresh_on(address)


@contextmanager
def mysql_counting(scratch: Path) -> Iterator[testing.Fresh]:
    """One that counts its queries, as MySQL does unless it is told not to: none of the BEDS."""
    with mysql_server(scratch, "--performance-schema=ON") as address:
        yield fresh_on(address)


@contextmanager
def mysql_server(scratch: Path, *settings: str, zone: str = "UTC") -> Iterator[Address]:
    """One with options of one's own, on a machine in that time zone."""
    root = _mysql_root()
    folders = {"basedir": "", "lc-messages-dir": "share/mysql", "plugin-dir": "lib/mysql/plugin"}
    options = ["--no-defaults", f"--datadir={scratch / 'data'}", *_as_root()]
    options += [f"--{name}={root / 'usr' / folder}" for name, folder in folders.items()]
    server = [*_loader(root), str(root / "usr/sbin/mysqld"), *options]
    _must([*server, "--initialize-insecure"])
    light = ["--mysqlx=OFF", "--secure-file-priv=NULL", "--performance-schema=OFF", "--innodb-redo-log-capacity=64M"]
    command = ["env", f"TZ={zone}", *server, *_SMALL, *light, "--innodb-flush-method=O_DIRECT_NO_FSYNC", *settings]
    with _running(command, scratch) as address:
        yield address


BEDS: testing.Beds = {"mariadb": mariadb, "mysql": mysql}


def _as_root() -> list[str]:
    """Both servers refuse to run as root without being told."""
    return ["--user=root"] if os.geteuid() == 0 else []


def _must(command: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="wf-") as own:  # or it would clear other servers' temporary tables away
        environment = {**os.environ, "TMPDIR": own}
        done = subprocess.run(list(command), capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise Unavailable(f"{Path(command[0]).name} failed: {(done.stdout + done.stderr)[-500:]}")


@contextmanager
def _running(command: Sequence[str], scratch: Path) -> Iterator[Address]:
    port, log, first = testing.free_port(), scratch / "server.log", scratch / "first.sql"
    first.write_text(
        f"CREATE USER IF NOT EXISTS '{_USER}'@'%' IDENTIFIED BY '{_PASSWORD}';\n"
        f"GRANT ALL ON *.* TO '{_USER}'@'%' WITH GRANT OPTION;\n"
    )
    address = Address("mysql", "127.0.0.1", port, "", _USER, Redacted(_PASSWORD))
    # A UNIX socket's name holds about 100 bytes only, and scratch folders lie deep.
    with tempfile.TemporaryDirectory(prefix="wf-") as short:
        place = [
            f"--port={port}",
            "--bind-address=127.0.0.1",
            f"--socket={short}/sock",
            f"--tmpdir={short}",  # a server that starts removes what it takes for its own from there
            f"--pid-file={scratch / 'pid'}",
        ]
        with testing.process([*command, *place, f"--init-file={first}"], log) as server:
            testing.wait_until(lambda: connect(address).close(), server, log)
            try:
                yield address
            finally:
                server.kill()  # at once, whoever is connected: the data is thrown away


def connect(server: Address) -> Any:
    """The driver's own connection: somebody else's program."""
    return pymysql.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password.reveal(),
        database=server.database or None,
        autocommit=True,
        ssl_disabled=True,  # to read the machine's authorities takes 30 ms, each time
    )


def fresh_on(server: Address) -> testing.Fresh:
    """New databases on a server that runs."""
    numbers = itertools.count(1)

    def fresh() -> Address:
        name = f"wftest_{os.getpid()}_{next(numbers)}"
        with connect(server) as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return replace(server, database=name)

    return fresh


def _loader(root: Path) -> list[str]:
    """The unpacked programs run with their own loader and libraries, not with the machine's."""
    library = root / "usr/lib" / f"{os.uname().machine}-linux-gnu"
    found = sorted(root.glob("usr/lib*/ld-linux*.so.*")) + sorted(library.glob("ld-linux*.so.*"))
    if not found:
        raise Unavailable("the unpacked MySQL has no loader.", remedy=f"Remove {root} and try again.")
    return [str(found[0]), "--library-path", f"{library}:{root}/usr/lib/mysql/private:{library}/mysql"]


def _mysql_root() -> Path:
    cache = Path(platformdirs.user_cache_dir("wayfare")) / "mysql97"
    root = cache / "root"
    if (cache / "complete").exists():
        return root
    if os.environ.get("WAYFARE_TEST_MYSQL97") != "1":
        raise Unavailable("MySQL 9 is not in the cache.", remedy="WAYFARE_TEST_MYSQL97=1 fetches it once (400 MB).")
    if not shutil.which("apt-get") or not _KEYRING.exists():
        raise Unavailable("MySQL 9 is unpacked from Debian's packages, and this is not Debian.")
    _unpack(cache, _mirror())
    (cache / "complete").touch()
    return root


def _mirror() -> str:
    """The mirror this machine's own apt uses."""
    places = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for place in (p for p in places if p.is_file()):
        for line in place.read_text(errors="replace").splitlines():
            if found := re.match(r"(?:URIs:|deb(?:\s+\[[^]]*])?)\s*(\S+/debian/?)(?:\s|$)", line):
                return found[1]
    raise Unavailable("this machine's apt names no Debian mirror.")


def _unpack(cache: Path, mirror: str) -> None:
    """Fetch the packages with all they depend on into a root of their own; nothing of the machine's apt is touched."""
    apt = cache / "apt"
    shutil.rmtree(cache, ignore_errors=True)
    for folder in ("lists/partial", "cache/archives/partial", "etc/preferences.d"):
        (apt / folder).mkdir(parents=True)
    (apt / "status").touch()
    (apt / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {mirror} sid main\n")
    settings = {
        "Dir::Etc::sourcelist": apt / "sources.list", "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null", "Dir::State::Lists": apt / "lists", "Dir::Cache": apt / "cache",
        "Dir::State::status": apt / "status", "Debug::NoLocking": 1, "APT::Install-Recommends": 0,
        "APT::Sandbox::User": "root", "Acquire::Languages": "none",
    }  # fmt: skip
    get = ["apt-get", "-qq", *itertools.chain.from_iterable(("-o", f"{k}={v}") for k, v in settings.items())]
    for arguments in (["update"], ["-y", "--download-only", "install", *_PACKAGES]):
        done = subprocess.run([*get, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"apt could not fetch MySQL 9: {done.stderr[-300:]}")
    for package in sorted((apt / "cache/archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(package), str(cache / "root")], check=True)
    shutil.rmtree(apt)
