"""What must not be seen is nowhere to be seen, and what would be lost is not lost unless somebody allowed it."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from faults.conftest import GUARDED
from faults.copying import failure, roll_back, under_way
from faults.ground import fill, same, sql, tables, visible
from moving import home as opened
from moving import move
from stories.command import Wayfare
from wayfare.control.copies import CopyRequest
from wayfare.core.address import Address
from wayfare.core.errors import LossRefused
from wayfare.core.redacted import Redacted
from wayfare.core.status import Status
from wayfare.store.derived import derived
from wayfare.store.seal import Sealer
from wayfare.systems.testing import Fresh

EMAIL = "ada.canary77@example.com"
SECRET = "c4nary-s3cret/80%"


def everything_in(folder: Path) -> bytes:
    return b"\0".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())


@pytest.fixture(params=["duckdb", "postgresql", "mariadb"])
def target(request: pytest.FixtureRequest, duckdb: Address) -> Address:
    if request.param == "duckdb":
        return duckdb
    fresh: Fresh = request.getfixturevalue(request.param)
    return fresh()


def test_masks_end_in_the_target_and_nowhere_else(postgresql: Fresh, target: Address, home: Path) -> None:
    source = postgresql()
    sql(
        source,
        "CREATE TABLE people (id integer PRIMARY KEY, email text, phone text)",
        f"INSERT INTO people VALUES (1, '{EMAIL}', '0800-canary77'), (2, NULL, NULL)",
    )
    request = CopyRequest(source, target, masks=("email=sha256", "people.phone=null"))
    run, report = move(home, request)
    assert (run.status, report.outcome) == (Status.SUCCEEDED, "equal"), run.reason
    rows = sql(target, "SELECT id, email, phone FROM people ORDER BY id")
    assert rows == [(1, mask_of(EMAIL, home), None), (2, None, None)]
    assert b"canary77" not in everything_in(home)


def mask_of(text: str, home: Path) -> str:
    """As the installation in `home` masks it."""
    key = derived(Sealer(Redacted(""), home), "masks").reveal()
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def test_masks_are_equal_within_an_installation_and_nowhere_else(
    postgresql: Fresh, duckdb: Address, tmp_path: Path
) -> None:
    """So that tables can still be joined, and nobody without the key can try out whom a mask stands for."""
    source = postgresql()
    for table in ("people", "orders"):
        sql(
            source, f"CREATE TABLE {table} (id integer PRIMARY KEY, email text)", f"INSERT INTO {table} VALUES (1, 'e')"
        )
    request = CopyRequest(source, duckdb, masks=("email=sha256",))
    found = []
    for home, given in (("one", "people"), ("one", "orders"), ("other", "people")):
        run, _ = move(tmp_path / home, replace(request, tables=(given,)))
        assert run.status is Status.SUCCEEDED, run.reason
        found += [email for (email,) in sql(duckdb, f"SELECT email FROM {given}")]
    assert found[0] == found[1] == mask_of("e", tmp_path / "one")
    assert found[2] == mask_of("e", tmp_path / "other") != found[0]
    assert found[0] != hashlib.sha256(b"e").hexdigest()
    assert derived(Sealer(Redacted(""), tmp_path / "one"), "masks").reveal().encode() not in everything_in(tmp_path)


@pytest.mark.slow
def test_a_masked_copy_is_taken_up_by_another_process(postgresql: Fresh, duckdb: Address, wayfare: Wayfare) -> None:
    """Which derives the same key: one digest over both parts equals the source's, masked anew."""
    source = postgresql()
    fill(source)
    words = (source.url(), duckdb.url(), "--mask", "note=sha256", "--rows-per-chunk", "2000")
    begun = wayfare.start("copy", *words, "--rows-per-second", "1000")  # 23 s
    wayfare.until(lambda: some_rows_arrived(wayfare.home))
    begun.interrupt()
    assert begun.end().code == 130
    resumed = wayfare("copy", *words, "--json")
    assert resumed.code == 0, resumed.out + resumed.err
    assert [t["equal"] for t in resumed.json["tables"]] == [True, True]
    assert wayfare("verify", source.url(), duckdb.url(), "--mask", "note=sha256").code == 0
    assert wayfare("verify", source.url(), duckdb.url(), "--mask", "note=sha256", WAYFARE_KEY="k" * 32).code == 1


def some_rows_arrived(home: Path) -> bool:
    with opened(home) as (_, store):
        return any(a.get("rows") for run in store.runs(limit=1) for a in store.progress(run.id).values())


def test_masked_differences_stay_masked(postgresql: Fresh, duckdb: Address, wayfare: Wayfare) -> None:
    """Where source and copy differ, the report shows values: of a masked column only masked ones."""
    source = postgresql()
    sql(
        source,
        "CREATE TABLE people (id integer PRIMARY KEY, email text)",
        f"INSERT INTO people VALUES (1, '{EMAIL}')",
    )
    words = (source.url(reveal=True), duckdb.url(), "--mask", "email=sha256", "--json")
    copied = wayfare("copy", *words)
    assert copied.code == 0, copied.out
    sql(source, f"UPDATE people SET email = 'x{EMAIL}'")
    told = wayfare("verify", *words, "--rows")
    assert told.code == 1, told.out
    assert told.json["tables"][0]["differences"][0]["column"] == "email"
    assert "canary77" not in copied.out + told.out + told.err
    assert b"canary77" not in everything_in(wayfare.home)


@pytest.mark.slow
def test_a_password_is_in_no_output_and_no_file(postgresql: Fresh, mariadb: Fresh, wayfare: Wayfare) -> None:
    """Copies that go well, fail, are rolled back, verified, looked at and logged."""
    source, target = postgresql(), mariadb()
    fill(source, 50, 9)
    sql(source, f"DROP USER IF EXISTS {GUARDED}", f"CREATE USER {GUARDED} SUPERUSER PASSWORD '{SECRET}'")
    sql(target, f"CREATE OR REPLACE USER canary IDENTIFIED BY '{SECRET}'", "GRANT ALL ON *.* TO canary")
    ours = replace(source, user=GUARDED, password=Redacted(SECRET)).url(reveal=True)
    theirs = replace(target, user="canary", password=Redacted(SECRET)).url(reveal=True)
    nowhere = replace(target, user="canary", password=Redacted(SECRET), database="missing").url(reveal=True)
    sql(target, "CREATE TABLE items (id integer PRIMARY KEY, price numeric(2,1), note varchar(2))")
    asked = [
        (["plan", ours, theirs], 0),
        (["copy", ours, theirs, "--data-only", "--tables", "items"], 3),
        (["runs", "rollback"], 0),
        (["copy", ours, theirs], 0),
        (["copy", ours, theirs, "--json"], 0),
        (["copy", ours, nowhere], 3),
        (["verify", ours, theirs, "--rows"], 0),
        (["doctor", ours, theirs, nowhere], None),
        (["runs", "list", "--json"], 0),
        (["runs", "show", "--json"], 0),
        (["runs", "logs", "--json"], 0),
    ]
    for words, code in asked:
        answer = wayfare(*words)
        assert code in (None, answer.code), (words[0], answer.out, answer.err)
        for shape in (SECRET, "c4nary-s3cret"):
            assert shape not in answer.out + answer.err, words[0]
    assert b"c4nary" not in everything_in(wayfare.home)


LOSSES = {
    "postgresql": (
        "CREATE TABLE lost (id integer PRIMARY KEY, n double precision)",
        "INSERT INTO lost VALUES (1, 1.5), (2, 'NaN')",
    ),
    "mysql": (
        "SET sql_mode = ''",
        "CREATE TABLE lost (id integer PRIMARY KEY, n date)",
        "INSERT INTO lost VALUES (1, '2024-01-01'), (2, '0000-00-00')",
    ),
}


def refusal(home: Path, request: CopyRequest) -> dict[str, object]:
    """The error, before the run where the type says it, at the first such value where only the values do."""
    try:
        run, _ = move(home, request)
    except LossRefused as error:
        return {"code": error.code, "message": error.message, "where": error.where, "remedy": error.remedy}
    assert run.status is Status.FAILED
    assert "lost" not in visible(request.target), "not yet published"
    told = failure(home)
    assert roll_back(home).status is Status.UNDONE
    return told


@pytest.mark.parametrize(("system", "other"), [("postgresql", "mariadb"), ("mariadb", "postgresql")])
def test_a_loss_is_refused_or_counted(request: pytest.FixtureRequest, system: str, other: str, home: Path) -> None:
    source, target = request.getfixturevalue(system)(), request.getfixturevalue(other)()
    sql(source, *LOSSES[source.system])
    wanted = CopyRequest(source, target)
    told = refusal(home, wanted)
    assert told["code"] == "loss_refused", told
    assert re.search(r"\bn\b", f"{told['where']} {told['message']}"), told
    assert "--allow-loss" in told["remedy"], told
    assert tables(target) == set()
    run, report = move(home, replace(wanted, allow_loss=("lost.n",)))
    assert (run.status, report.outcome) == (Status.SUCCEEDED, "equal"), run.reason
    assert [t.values_lost for t in report.tables] == [1]
    assert [f.where.rpartition(".")[2] for f in report.findings if f.code == "values_lost"] == ["n"]
    assert [n is None for _, n in sql(target, "SELECT id, n FROM lost ORDER BY id")] == [False, True]
    assert same(source, target, allow_loss=("lost.n",))


def test_a_loss_is_counted_once_where_the_source_was_read_again(mariadb: Fresh, duckdb: Address, home: Path) -> None:
    """Two chunks read in different views prove nothing together: the proof reads them again, and counts anew."""
    source = mariadb()
    sql(source, *LOSSES["mysql"], "INSERT INTO lost SELECT seq, '0000-00-00' FROM seq_3_to_3000")
    request = CopyRequest(source, duckdb, allow_loss=("lost.n",), rows_per_chunk=1_000, rows_per_second=1_000)
    with under_way(home, request) as copy:
        copy.until_rows()
        copy.ask("pause")
    assert copy.end()[0].status is Status.WAITING
    run, report = move(home, replace(request, rows_per_second=0))
    assert (run.status, report.outcome) == (Status.SUCCEEDED, "equal"), run.reason
    assert [t.values_lost for t in report.tables] == [2_999]


def test_a_refused_loss_has_its_own_exit_code(mariadb: Fresh, duckdb: Address, wayfare: Wayfare) -> None:
    source = mariadb()
    sql(source, *LOSSES["mysql"])
    answer = wayfare("copy", source.url(reveal=True), duckdb.url())
    assert answer.code == LossRefused.exit_code, answer.out + answer.err
    assert "--allow-loss lost.n" in answer.out + answer.err


def test_the_report_and_the_journal_tell_the_loss(postgresql: Fresh, mariadb: Fresh, wayfare: Wayfare) -> None:
    source, target = postgresql(), mariadb()
    sql(source, *LOSSES["postgresql"])
    answer = wayfare("copy", source.url(), target.url(reveal=True), "--allow-loss", "n", "--json")
    assert answer.code == 0, answer.out + answer.err
    kept = json.loads(Path(answer.json["report"]).with_suffix(".json").read_text())
    assert kept["tables"][0]["values_lost"] == 1
