"""A lease that is renewed late, as on a machine that stood still, is not taken from whoever is still at work."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sqlalchemy as sa

from control.scheduling import POLICIES
from listening import listening
from wayfare.control import carrying, migrations, services
from wayfare.control.leases import at_work
from wayfare.control.scheduler import Scheduler
from wayfare.core.principal import LOCAL
from wayfare.core.status import Status
from wayfare.store.claims import Migrations
from wayfare.store.shelf import Record
from wayfare.store.store import Store
from wayfare.store.wanted import MIGRATIONS


class Slow(ThreadingHTTPServer):
    """A migration service that answers when it is let."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Migrates)
        self.asked, self.may_answer = threading.Event(), threading.Event()
        self.migrations = 0


class Migrates(BaseHTTPRequestHandler):
    server: Slow

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/migrate":
            self.server.migrations += 1
            self.server.asked.set()
            self.server.may_answer.wait(60)
        body = b'{"success": true}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def slow() -> Iterator[Slow]:
    with listening(Slow()) as server:
        yield server
        server.may_answer.set()


@pytest.fixture
def claimed(store: Store, slow: Slow) -> Record:
    """A migration that another service is to carry out, claimed here."""
    offer = services.Offer("slow", f"http://127.0.0.1:{slow.server_port}", ours=False)
    service, _ = services.register(store, LOCAL, offer, POLICIES.calls)
    made = migrations.create(store, LOCAL, service.number, migrations.Wanted({}, "full"), None)
    found = Migrations(store.everywhere).claim(made.record, LOCAL.user)
    assert found is not None
    return found


def lapse(store: Store) -> None:
    with store.everywhere.write() as transaction:
        transaction.execute(sa.update(MIGRATIONS).values(lease_until=0.0))


def look(store: Store) -> None:
    """Once more than its own thread does, and to the end of what that begins."""
    with Scheduler(store, POLICIES) as scheduler:
        scheduler.look(time.time())


def test_a_late_renewal_loses_nothing(store: Store, slow: Slow, claimed: Record) -> None:
    worker = threading.Thread(target=carrying.carry, args=(store.everywhere, claimed, POLICIES))
    worker.start()
    assert slow.asked.wait(60)
    assert at_work(claimed["id"])
    lapse(store)
    look(store)
    assert migrations.get(store, 1).status is Status.RUNNING
    slow.may_answer.set()
    worker.join(60)
    ended = migrations.get(store, 1)
    assert (ended.status, ended.error, slow.migrations) == (Status.SUCCEEDED, "", 1)
    assert not at_work(claimed["id"])


def test_what_was_taken_over_while_it_waited_for_a_thread_is_not_asked_of_the_service(
    store: Store, slow: Slow, claimed: Record
) -> None:
    slow.may_answer.set()
    lapse(store)
    look(store)
    assert migrations.get(store, 1).status is Status.FAILED
    carrying.carry(store.everywhere, claimed, POLICIES)
    assert (migrations.get(store, 1).status, slow.migrations) == (Status.FAILED, 0)
