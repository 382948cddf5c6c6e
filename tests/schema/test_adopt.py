"""Histories of other tools, as those tools leave them: adopted, continued, and refused where they do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from schema.conftest import Place
from wayfare.core.changes import Standing
from wayfare.core.errors import Conflict, Invalid, NotFound
from wayfare.core.ports import Executes
from wayfare.schema.revisions import runner
from wayfare.schema.revisions.adopt import adopt, flyway_checksum
from wayfare.schema.revisions.files import read_folder
from wayfare.schema.revisions.history import HISTORY
from wayfare.schema.revisions.runner import Options

V1 = "create table users (id integer primary key);"
# What each tool keeps, cut to the columns that tell; the statements are of SQL that all systems take.
LEFT = {
    "alembic": [
        "create table alembic_version (version_num varchar(32) not null primary key)",
        "insert into alembic_version values ('ae1027a6acf')",
    ],
    "django": [
        "create table django_migrations (id integer primary key, app varchar(255), name varchar(255))",
        "insert into django_migrations values (1, 'auth', '0001_initial'), (2, 'shop', '0001_initial')",
    ],
    "flyway": [
        "create table flyway_schema_history (installed_rank integer primary key, version varchar(50), "
        "description varchar(200), checksum integer, success integer)",
        "insert into flyway_schema_history values "
        f"(1, '1', 'users', {flyway_checksum(V1)}, 1), (2, null, 'views', 5, 1)",
    ],
    "liquibase": [
        "create table databasechangelog (id varchar(255), author varchar(255), filename varchar(255), "
        "md5sum varchar(35), orderexecuted integer)",
        "insert into databasechangelog values ('create-users', 'anna', 'db.xml', '9:aa', 1)",
    ],
}
VERSIONS = {
    "alembic": ["ae1027a6acf"],
    "django": ["auth.0001_initial", "shop.0001_initial"],
    "flyway": ["1"],
    "liquibase": ["create-users"],
}


def run(place: Place, *statements: str) -> Executes:
    assert isinstance(place.database, Executes)
    for statement in statements:
        place.database.execute(statement)
    return place.database


@pytest.mark.parametrize("tool", sorted(LEFT))
def test_adopted_and_continued(place: Place, folder: Path, tool: str) -> None:
    database = run(place, V1, *LEFT[tool])
    (folder / "V1__users.sql").write_text(V1)
    (folder / "V2__orders.sql").write_text("create table orders (id integer primary key);")
    if tool != "flyway":
        (folder / "V1__users.sql").unlink()
    files = read_folder(folder)
    assert adopt(place.schema, database, files, Options())[0] == tool
    assert [e.version for e in place.schema.entries(HISTORY)] == VERSIONS[tool]
    assert adopt(place.schema, database, files, Options())[1] == []
    done = runner.apply(place.schema, files, Options(out_of_order=True))
    assert [e.version for e in done.entries] == ["2"]
    assert {e.standing for e in place.schema.entries(HISTORY)} == {Standing.APPLIED}


def test_an_edited_file_of_flyways_is_refused(place: Place, folder: Path) -> None:
    database = run(place, *LEFT["flyway"])
    (folder / "V1__users.sql").write_text("create table users (id integer);")
    with pytest.raises(Conflict, match="not what flyway has applied"):
        adopt(place.schema, database, read_folder(folder), Options())


def test_a_failed_change_is_mended_there_first(place: Place, folder: Path) -> None:
    database = run(place, *LEFT["flyway"], "update flyway_schema_history set success = 0 where version = '1'")
    with pytest.raises(Conflict, match="flyway says that 1 failed"):
        adopt(place.schema, database, (), Options())


def test_which_one_has_to_be_said(place: Place) -> None:
    database = run(place, *LEFT["alembic"], *LEFT["django"])
    with pytest.raises(Invalid, match="alembic and django both have a history here"):
        adopt(place.schema, database, (), Options())
    assert adopt(place.schema, database, (), Options(), "django")[0] == "django"
    with pytest.raises(NotFound, match="no table flyway_schema_history"):
        adopt(place.schema, database, (), Options(), "flyway")


@pytest.mark.parametrize(
    ("text", "checksum"),
    [("", 0), ("a", -390611389), ("a\nb\n", -1635563411), ("a\r\nb", -1635563411)],
)
def test_flyways_checksum(text: str, checksum: int) -> None:
    """CRC-32 of the lines without their ends."""
    assert flyway_checksum(text) == checksum
