"""Stop after (and before) every statement of a copy, start again, and always end with every row exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from wayfare.core.address import Address
from wayfare.core.ports import WHOLE, Mode, Ticket
from wayfare.core.tables import Column, Table
from wayfare.systems.databases.clickhouse.database import ClickHouse
from wayfare.systems.databases.clickhouse.port import Engine

RUN, EARLIER = "0123456789abcdef", "f" * 16
PLAIN = Table("orders", (Column("id", pa.int64(), nullable=False), Column("note", pa.string())), key=("id",))


class Crash(BaseException):
    """The process is gone."""


class Stopping:
    """The real engine, until a number of statements were run: then nothing more gets through."""

    def __init__(self, engine: Engine, statements: int, *, halfway: bool) -> None:
        self._engine = engine
        self._left = statements
        self._halfway = halfway
        self.where = engine.where
        self.stopped = False

    def command(self, sql: str, settings: Mapping[str, str] | None = None) -> None:
        self._count()
        self._engine.command(sql, settings)
        self._after()

    def insert(self, sql: str, form: str, blocks: Iterable[bytes]) -> None:
        self._count()
        cut = self._halfway and self._left == 0
        self._engine.insert(sql, form, first_only(blocks) if cut else blocks)
        self._after()

    def query(self, sql: str) -> Iterator[pa.RecordBatch]:
        if self.stopped:
            raise Crash
        return self._engine.query(sql)

    def close(self) -> None:
        self._engine.close()

    def _count(self) -> None:
        if self.stopped:
            raise Crash
        self._left -= 1

    def _after(self) -> None:
        if self._left == 0:
            self.stopped = True
            raise Crash


def first_only(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The first block only: what a server has when its client dies early but the insert goes through."""
    yield next(iter(blocks))


def table(db: ClickHouse) -> Table:
    return replace(PLAIN, columns=tuple(db.land(c).column for c in PLAIN.columns), origin=db.system)


def batch(start: int, end: int, note: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(range(start, end)), pa.array([note] * (end - start))], ["id", "note"])


def copy(db: ClickHouse, mode: Mode, run: str = RUN, note: str = "new") -> None:
    """What the planner's steps do. Rows 5 to 25, in two chunks of two batches."""
    landed = table(db)
    db.stage(run, [landed])
    staged = db.staged(run, landed)
    for chunk, start in enumerate((5, 15)):
        ticket = Ticket(run, staged.label, chunk)
        batches = [batch(start, start + 4, note), batch(start + 4, start + 10, note)]
        assert db.write(ticket, staged, batches) == 10
    db.seal(run, landed)
    db.publish(run, [landed], mode)


def content(db: ClickHouse) -> list[tuple[int, str]]:
    return sorted((r["id"], r["note"]) for b in db.read(table(db), WHOLE) for r in b.to_pylist())


def before(db: ClickHouse) -> None:
    landed = table(db)
    db.stage(EARLIER, [landed])
    staged = db.staged(EARLIER, landed)
    db.write(Ticket(EARLIER, staged.label, 0), staged, [batch(0, 10, "old")])
    db.seal(EARLIER, landed)
    db.publish(EARLIER, [landed], Mode.REPLACE)
    db.finish(EARLIER)


def names(db: ClickHouse) -> list[str]:
    found = db.execute("SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name").to_pylist()
    return [row["name"] for row in found]


OLD = [(i, "old") for i in range(10)]
NEW = [(i, "new") for i in range(5, 25)]
AFTER = {Mode.REPLACE: NEW, Mode.APPEND: sorted(OLD + NEW), Mode.MERGE: OLD[:5] + NEW}


def crash(address: Address, statements: int, work: Callable[[ClickHouse], None], *, halfway: bool = False) -> bool:
    """Do the work until it is stopped. False when it came to its end."""
    with ClickHouse(address) as db:
        stopping = Stopping(db._engine, statements, halfway=halfway)
        db._engine = stopping
        try:
            work(db)
        except Crash:
            return True
        return False


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[ClickHouse]:
    """The embedded engine, running as long as the test: so that opening it again costs nothing."""
    with ClickHouse(Address("clickhouse", database=str(tmp_path / "chdb"))) as db:
        db.check()
        yield db


def reset(db: ClickHouse) -> None:
    for name in names(db):
        db.execute(f"DROP TABLE `{name}` SYNC")
    before(db)


@pytest.mark.parametrize("halfway", [False, True], ids=["after", "within"])
@pytest.mark.parametrize("mode", list(Mode))
def test_a_copy_stopped_anywhere_and_repeated_has_every_row_once(kept: ClickHouse, mode: Mode, halfway: bool) -> None:
    statements = 0
    stopped = True
    while stopped:
        statements += 1
        reset(kept)
        stopped = crash(kept.address, statements, lambda db: copy(db, mode), halfway=halfway)
        copy(kept, mode)
        assert content(kept) == AFTER[mode], f"stopped after statement {statements}"
        kept.finish(RUN)
        assert names(kept) == ["orders"]
    assert statements > 8


def test_a_replace_stopped_anywhere_can_be_discarded(kept: ClickHouse) -> None:
    statements = 0
    stopped = True
    while stopped:
        statements += 1
        reset(kept)
        stopped = crash(kept.address, statements, lambda db: copy(db, Mode.REPLACE))
        crash(kept.address, 1 + statements % 3, lambda db: db.discard(RUN))
        kept.discard(RUN)
        assert content(kept) == OLD, f"stopped after statement {statements}"
        assert names(kept) == ["orders"]


def test_rows_of_an_unfinished_attempt_do_not_count(db: ClickHouse) -> None:
    landed = table(db)
    db.stage(RUN, [landed])
    staged = db.staged(RUN, landed)

    def dies() -> Iterator[pa.RecordBatch]:
        yield batch(0, 10, "lost")
        raise Crash

    with pytest.raises(Crash):
        db.write(Ticket(RUN, staged.label, 0), staged, dies())
    # As if the server had taken the rows although the client never heard of it.
    db.execute(f"INSERT INTO `{staged.name}` SELECT number, 'lost', 77 FROM numbers(10)")
    assert list(db.read(staged, WHOLE)) == []
    assert db.write(Ticket(RUN, staged.label, 0, 2), staged, [batch(0, 3, "kept")]) == 3
    assert sum(b.num_rows for b in db.read(staged, WHOLE)) == 3
    db.seal(RUN, landed)
    assert db.execute(f"SELECT count() AS n FROM `{staged.name}`").to_pylist() == [{"n": 3}]


def test_of_two_attempts_that_both_finish_one_counts(db: ClickHouse) -> None:
    landed = table(db)
    db.stage(RUN, [landed])
    staged = db.staged(RUN, landed)
    ticket = Ticket(RUN, staged.label, 0)

    def overtaken() -> Iterator[pa.RecordBatch]:
        yield batch(0, 5, "slow")
        assert db.write(ticket, staged, [batch(0, 5, "quick")]) == 5

    assert db.write(ticket, staged, overtaken()) == 5
    db.seal(RUN, landed)
    db.publish(RUN, [landed], Mode.REPLACE)
    assert content(db) == [(i, "quick") for i in range(5)]


KILLED = """
import os, signal, sys
import pyarrow as pa
from wayfare.core.address import Address
from wayfare.core.ports import Ticket
from wayfare.systems.databases.clickhouse.database import ClickHouse
sys.path.insert(0, {tests!r})
import test_crashes as t

def batches():
    for start in range(0, 1_500_000, 50_000):
        yield t.batch(start, start + 50_000, "x")
        if start >= 1_200_000 and staged_rows():  # a part is there
            os.kill(os.getpid(), signal.SIGKILL)

def staged_rows():
    return db.execute(f"SELECT count() AS n FROM `{{staged.name}}`").to_pylist()[0]["n"]

db = ClickHouse(Address.parse({url!r}))
landed = t.table(db)
db.stage(t.RUN, [landed])
staged = db.staged(t.RUN, landed)
db.write(Ticket(t.RUN, staged.label, 0), staged, batches())
"""


def test_a_killed_process_leaves_a_folder_that_opens_again(tmp_path: Path) -> None:
    url = f"clickhouse:///{tmp_path}/killed"
    script = KILLED.format(tests=str(Path(__file__).parent), url=url)
    ended = subprocess.run([sys.executable, "-c", script], env=os.environ, timeout=120, check=False)
    assert ended.returncode in (-signal.SIGKILL, 0)
    with ClickHouse(Address.parse(url)) as db:
        landed = table(db)
        staged = db.staged(RUN, landed)
        if ended.returncode:
            assert list(db.read(staged, WHOLE)) == []
        everything = (batch(start, start + 50_000, "x") for start in range(0, 1_500_000, 50_000))
        assert db.write(Ticket(RUN, staged.label, 0, 2), staged, everything) == 1_500_000
        db.seal(RUN, landed)
        db.publish(RUN, [landed], Mode.REPLACE)
        found = db.execute("SELECT count() AS n, uniqExact(id) AS u FROM orders").to_pylist()
        assert found == [{"n": 1_500_000, "u": 1_500_000}]
