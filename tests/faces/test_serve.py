"""`wayfare serve` as a command: what it refuses, how it ends, several processes, a store that leaves."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import httpx2
import psycopg
import pytest

import asking
from faces.journal import Watcher, new_run, watch_all, write_many
from faces.server import Server, serving
from prepared import PIPE, start
from store.beds import as_app
from wayfare.access.entrance import Entrance
from wayfare.access.scopes import Role
from wayfare.core.address import Address
from wayfare.core.errors import Unavailable
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted
from wayfare.core.status import Status
from wayfare.faces.http.face import faces
from wayfare.settings import Settings
from wayfare.store.store import Store
from wayfare.systems.databases.postgresql import testbed

SECRET = "a secret of thirty-two bytes or more"


def serve(home: Path, *args: str, **env: str) -> tuple[int, str]:
    """(exit code, what was said) of a command that is to end by itself."""
    own = {k: v for k, v in os.environ.items() if not k.startswith("WAYFARE_")}
    started = start("serve", *args, environ={**own, "WAYFARE_HOME": str(home), **env}, stdout=PIPE, stderr=PIPE)
    out, err = started.communicate(timeout=60)
    return started.wait(), out + err


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("--host", "0.0.0.0"), 2, "--auth-enabled"),  # check 45
        (("--host", "::"), 2, "--auth-enabled"),
        (("--host", "example.org"), 2, "--auth-enabled"),
        (("--host", "0.0.0.0", "--auth-enabled", "--jwt-secret", "short"), 2, "--jwt-secret"),  # check 2
        (("--workers", "2"), 2, "WAYFARE_STORE"),
        (("--face", "nothing"), 3, "jarvis"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_refused(tmp_path: Path, args: tuple[str, ...], code: int, said: str) -> None:
    found, told = serve(tmp_path, *args)
    assert found == code, told
    assert said in told
    assert "short" not in told.replace("shorter", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_well(tmp_path: Path, number: int) -> None:
    with serving(tmp_path) as server, closing(server.connect()):
        code, _ = server.end(number)
    assert code == 0


def test_one_face_alone(tmp_path: Path) -> None:
    with serving(tmp_path, "--face", "jarvis") as server:
        service = next(face.service for face in faces() if face.name == "jarvis")
        assert asking.get(f"{server.url}/health").json()["service"] == service
        assert asking.get(f"{server.url}/api/runs").status_code == 404
        assert asking.get(f"{server.url}/openapi/wayfare.json").status_code == 404
        assert asking.get(f"{server.url}/openapi/jarvis.json").status_code == 200


# On PostgreSQL


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Address]]:
    try:
        with testbed.launch(tmp_path_factory.mktemp("postgresql")) as fresh:
            yield fresh
    except Unavailable as error:
        pytest.skip(str(error))


def admin_of(url: str, home: Path) -> str:
    """A token of a new administrator."""
    with closing(Store.open(Settings(home, url))) as store:
        entrance = Entrance.to(store, secret=SECRET.encode())
        password = Redacted("correct horse battery")
        user = entrance.accounts.add(LOCAL, "admin", "admin@x.org", password, role=Role.ADMIN)
        return entrance.sign_in.of(user).token


def test_four_processes_are_one_service(cluster: Callable[[], Address], tmp_path: Path) -> None:
    """Check 31: 150 calls at 100 a minute over four workers: exactly 100. Their metrics are added up."""
    url = as_app(cluster()).url(reveal=True)
    headers = {"Authorization": f"Bearer {admin_of(url, tmp_path)}"}
    env = {"WAYFARE_STORE": url, "WAYFARE_JWT_SECRET": SECRET, "WAYFARE_CALLS_PER_MINUTE": "100"}
    with serving(tmp_path, "--workers", "4", "--auth-enabled", env=env) as server:
        wait_for_workers(server, 4)
        began = time.monotonic()
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: asking.get(f"{server.url}/api/runs", headers=headers), range(150)))
        came_back = int((time.monotonic() - began) * 100 / 60)  # of the allowance, meanwhile
        allowed = [a.status_code for a in answers].count(200)
        assert 100 <= allowed <= 100 + came_back
        assert [a.status_code for a in answers].count(429) == 150 - allowed
        text = asking.get(f"{server.url}/metrics", headers=headers).text
        assert f'wayfare_requests_total{{method="GET",route="/api/runs",status="200"}} {allowed}.0' in text
        assert 'wayfare_runs{status="queued"} 0.0' in text
        assert asking.get(f"{server.url}/api/runs").status_code == 401
        code, _ = server.end()
    assert code == 0


def test_streams_of_a_shared_store(cluster: Callable[[], Address], tmp_path: Path) -> None:
    """Check 37 on PostgreSQL: who watches at one process hears of what another one writes."""
    url = cluster().url(reveal=True)
    with (
        serving(tmp_path, "--workers", "2", env={"WAYFARE_STORE": url}) as server,
        closing(Store.open(Settings(tmp_path, url))) as store,
    ):
        wait_for_workers(server, 2)
        run = new_run(store).id

        async def play() -> list[Watcher]:
            watchers = [Watcher(f"ws://127.0.0.1:{server.port}/ws/runs/{run}") for _ in range(20)]
            watching = asyncio.create_task(watch_all(watchers))
            await asyncio.to_thread(write_many, store, run, 100, 100)
            await asyncio.to_thread(store.move, run, Status.CANCELLED)
            await asyncio.wait_for(watching, 60)
            return watchers

        watchers = asyncio.run(play())
    assert all(w.sequences == list(range(1, 103)) and w.ended for w in watchers)


def wait_for_workers(server: Server, count: int) -> None:
    """Until that many processes have said that they serve: a call each, on connections of their own."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with httpx2.Client(verify=False, base_url=server.url) as http:
            if len(children.read_text().split()) >= count and http.get("/readyz").status_code == 200:
                return
        time.sleep(0.2)
    raise AssertionError(server.log.read_text())


def test_a_superuser_is_no_owner_of_a_shared_store(cluster: Callable[[], Address], tmp_path: Path) -> None:
    """Check 13: row-level security does not bind a superuser."""
    code, told = serve(tmp_path, "--auth-enabled", WAYFARE_STORE=cluster().url(reveal=True), WAYFARE_JWT_SECRET=SECRET)
    assert code != 0
    assert "NOSUPERUSER" in told


def test_a_store_that_leaves_and_returns(tmp_path: Path) -> None:
    """Check 35: 503 within two seconds while PostgreSQL is away or hangs; ready soon after it is back."""
    try:
        with testbed.server() as address:
            database = testbed.fresh(address)()
            with serving(tmp_path, env={"WAYFARE_STORE": database.url(reveal=True)}) as server:
                _hang(server, database)
    except Unavailable as error:
        pytest.skip(str(error))


def _hang(server: Server, database: Address) -> None:
    with psycopg.connect(replace(database, database="postgres").url(reveal=True), autocommit=True) as connection:
        found = connection.execute("SELECT pg_read_file('postmaster.pid', 0, 20)").fetchone()
    assert found
    postmaster = int(str(found[0]).split()[0])
    assert asking.get(f"{server.url}/readyz").status_code == 200
    pids = signalled([postmaster], signal.SIGSTOP)
    pids += signalled(children_of(postmaster), signal.SIGSTOP)
    try:
        for _ in range(3):
            answer = asking.get(f"{server.url}/readyz", timeout=2)
            assert answer.status_code == 503
            assert answer.json()["status"] == "not ready"
        assert asking.get(f"{server.url}/livez").status_code == 200
    finally:
        signalled(pids, signal.SIGCONT)
    until = time.monotonic() + 5
    while asking.get(f"{server.url}/readyz", timeout=5).status_code != 200:
        assert time.monotonic() < until
        time.sleep(0.1)


def signalled(pids: list[int], number: int) -> list[int]:
    """Those that were still there."""
    found = []
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            found.append(pid)
    return found


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
