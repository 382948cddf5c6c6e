"""Document 000 over HTTP: status, dry run, health, and the trigger with its progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from beds import running
from behind import reader
from psql import sql
from wayfare.access.scopes import Role
from wayfare.control.application import Application
from wayfare.control.capabilities import register
from wayfare.core.address import Address
from wayfare.core.changes import Changeable
from wayfare.core.principal import LOCAL
from wayfare.core.redacted import Redacted
from wayfare.engine.engine import Engine
from wayfare.faces.http.access import Access
from wayfare.faces.http.app import create_app
from wayfare.faces.http.face import faces
from wayfare.schema.revisions.folder import Folder
from wayfare.settings import Settings
from wayfare.store import audit
from wayfare.store.store import Store
from wayfare.systems.registry import open_database

FILES = {
    "0001_users.sql": "create table users (id integer primary key, email varchar(100));",
    "0001_users.down.sql": "drop table users;",
    "0002_index.sql": "create index users_email on users (email);",
    "0002_index.down.sql": "drop index users_email;",
}


@dataclass
class Site:
    client: TestClient
    tokens: dict[str, str]
    folder: Path
    address: Address
    store: Store

    def ask(self, who: str, method: str, path: str, json: Any = None, status: int = 200) -> Any:
        found = self.client.request(method, path, json=json, headers={"Authorization": f"Bearer {self.tokens[who]}"})
        assert found.status_code == status, found.text
        return found.json()

    def until(self, run: str, status: str) -> Any:
        """How it stands when it has come to that."""
        deadline = time.monotonic() + 60
        while (found := self.ask("viewer", "GET", f"/api/migrate/{run}"))["status"] != status:
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        return found

    def dump(self) -> str:
        with open_database(self.address) as database:
            assert isinstance(database, Changeable)
            return database.schema().dump()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Address]]:
    with running(request.param, tmp_path_factory.mktemp(request.param)) as create:
        yield create


@pytest.fixture
def site(fresh: Callable[[], Address], tmp_path: Path) -> Iterator[Site]:
    register()
    address, folder = fresh(), tmp_path / "migrations"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    settings = Settings(tmp_path / "home")
    settings.home.mkdir()
    with closing(Store.open(settings)) as store:
        access = Access.to(store, settings, enabled=True)
        application = Application(Redacted(address.url(reveal=True)), Folder(folder), "production")
        access = replace(access, application=application)
        tokens = {}
        for role in (Role.VIEWER, Role.ADMIN):
            user = access.entrance.accounts.add(LOCAL, role.lower(), role=role, tenant="default")
            tokens[role.lower()] = access.entrance.sign_in.of(user).token
        with Engine(settings, store, open_database), TestClient(create_app(store, faces(), access)) as client:
            yield Site(client, tokens, folder, address, store)


def test_from_nothing_to_applied(site: Site) -> None:
    before = site.ask("viewer", "GET", "/api/migrations/status")
    assert (before["current_version"], before["pending_count"], before["applied"]) == (None, 2, 0)
    assert before["lock"]["held"] is False
    assert [p["reversible"] for p in before["pending"]] == [True, True]
    done = site.ask("admin", "POST", "/api/migrate?wait=60")
    assert (done["status"], done["revisions"]) == ("succeeded", ["0001_users", "0002_index"])
    progress = site.ask("viewer", "GET", f"/api/migrate/{done['run']}")
    assert (progress["done"], progress["total"], progress["percent"]) == (2, 2, 100)
    after = site.ask("viewer", "GET", "/api/migrations/status")
    assert (after["current_version"], after["pending"], after["environment"]) == ("0002", [], "production")
    assert [entry["version"] for entry in after["history"]] == ["0002", "0001"]
    assert {entry["by"] for entry in after["history"]} == {"admin"}
    assert all(entry["duration_ms"] >= 0 for entry in after["history"])
    assert site.ask("admin", "POST", "/api/migrate")["message"] == "Nothing is pending."
    with site.store.read() as connection:
        told = [e.details for e in audit.entries(connection) if e.action == "revisions.apply"]
    assert {"pending": ["0001", "0002"], "to": ""} in told


def test_a_dry_run_has_no_side_effect(site: Site) -> None:
    before = site.dump()
    plan = site.ask("admin", "POST", "/api/migrations/dry-run")
    assert plan["can_apply"] is True
    assert [revision["version"] for revision in plan["revisions"]] == ["0001", "0002"]
    assert plan["revisions"][1]["statements"][0]["sql"].startswith("create index")
    assert all(revision["rollback_proved"] for revision in plan["revisions"])
    assert site.dump() == before
    assert site.ask("viewer", "GET", "/api/migrations/status")["pending_count"] == 2


def test_a_dry_run_tells_what_would_be_refused(site: Site) -> None:
    (site.folder / "0003_bad.sql").write_text("alter table nowhere add column a integer;")
    plan = site.ask("admin", "POST", "/api/migrations/dry-run")
    assert plan["can_apply"] is False
    assert "refused_on_clone" in {f["code"] for f in plan["revisions"][2]["findings"]}


def test_a_broken_script_names_file_line_and_column(site: Site) -> None:
    (site.folder / "0003_bad.sql").write_text("select 1;\ncreate tabel x (id integer);")
    for path in ("/api/migrations/dry-run", "/api/migrate"):
        error = site.ask("admin", "POST", path, None, 400)
        assert error["where"].startswith("0003_bad.sql line 2, column")
    assert site.ask("viewer", "GET", "/api/migrations/status")["applied"] == 0


def test_health_names_its_parts(site: Site) -> None:
    found = site.ask("viewer", "GET", "/api/migrations/health")
    names = {component["name"] for component in found["components"]}
    assert found["status"] == "healthy"
    assert names >= {"migration_files", "database", "lock_table", "history_table"}
    assert ("plpgsql" in names) == (site.address.system == "postgresql")
    (site.folder / "nonsense.sql").write_text("select 1;")
    ill = site.ask("viewer", "GET", "/api/migrations/health", None, 503)
    files = next(c for c in ill["components"] if c["name"] == "migration_files")
    assert files["status"] == "unhealthy"
    assert "nonsense.sql" in files["message"]


def test_only_administrators_apply(site: Site) -> None:
    for path in ("/api/migrations/dry-run", "/api/migrate"):
        assert site.ask("viewer", "POST", path, None, 403)["code"] == "not_allowed"
        assert site.client.post(path).status_code == 401


def test_up_to_a_version_and_unknown_fields(site: Site) -> None:
    done = site.ask("admin", "POST", "/api/migrate?wait=60", {"to": "0001"})
    assert done["revisions"] == ["0001_users"]
    assert site.ask("admin", "POST", "/api/migrate", {"to": "0009"}, 404)["where"] == "to"
    assert site.ask("admin", "POST", "/api/migrate", {"surprise": 1}, 400)["where"] == "surprise"


def test_whoever_waits_too_long_behind_a_revision_has_it_ended(site: Site) -> None:
    if site.address.system != "postgresql":
        pytest.skip("nobody can be seen waiting there")
    for file in site.folder.iterdir():
        file.unlink()
    sql(site.address, "create table users (id int)")
    (site.folder / "0001_slow.sql").write_text("alter table users add column x int;\nselect pg_sleep(50);")
    assert site.ask("admin", "POST", "/api/migrate", {"client_wait_seconds": -1}, 400)["where"] == "client_wait_seconds"
    run = site.ask("admin", "POST", "/api/migrate", {"client_wait_seconds": 0.5}, 202)["run"]
    with reader(site.address):
        ended = site.until(run, "failed")
    assert "clients waited" in ended["error"]
    assert site.ask("viewer", "GET", "/api/migrations/status")["current_version"] is None


def test_an_edited_file_is_refused_and_told(site: Site) -> None:
    site.ask("admin", "POST", "/api/migrate?wait=60")
    (site.folder / "0001_users.sql").write_text("create table users (id integer);")
    status = site.ask("viewer", "GET", "/api/migrations/status")
    assert status["problems"][0]["code"] == "revision_edited"
    assert site.ask("admin", "POST", "/api/migrate", None, 409)["code"] == "conflict"


def test_a_run_of_revisions_can_be_rolled_back(site: Site) -> None:
    before = site.dump()
    run = site.ask("admin", "POST", "/api/migrate?wait=60")["run"]
    site.ask("admin", "POST", f"/api/runs/{run}/rollback", None, 202)
    site.until(run, "undone")
    assert site.dump() == before


def test_without_a_database_it_says_which_setting(tmp_path: Path) -> None:
    (tmp_path / "migrations").mkdir()
    settings = Settings(tmp_path, revisions=tmp_path / "migrations")
    with closing(Store.open(settings)) as store:
        client = TestClient(create_app(store, faces(), Access.to(store, settings)), base_url="http://127.0.0.1")
        found = client.get("/api/migrations/status")
    assert found.status_code == 409
    assert found.json()["where"] == "WAYFARE_SCHEMA_DATABASE"
