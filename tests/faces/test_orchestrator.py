"""Document 001 over HTTP: its examples as printed, its states and roles, and every way in which a change is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from beds import running
from faces.orchestrating import PASSWORD, Office, opened_office, string
from psql import sql
from wayfare.core.address import Address

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
INDEX = "CREATE INDEX CONCURRENTLY idx_users_email ON users(email);"
NO_INDEX = "DROP INDEX CONCURRENTLY IF EXISTS idx_users_email;"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Address]]:
    with running("postgresql", tmp_path_factory.mktemp("postgresql")) as create:
        yield create


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, fresh: Callable[[], Address]) -> Iterator[Office]:
    with opened_office(tmp_path_factory.mktemp("home"), fresh) as found:
        yield found


@pytest.fixture
def address(fresh: Callable[[], Address]) -> Address:
    made = fresh()
    sql(made, "create table users (id bigint primary key, email text, age int)")
    sql(made, "insert into users select g, 'u' || g, g % 90 from generate_series(1, 500) g")
    return made


@pytest.fixture
def database(office: Office, address: Address) -> str:
    return office.register(f"prod-{address.database}", address)


def columns(address: Address, table: str = "users") -> list[str]:
    found = sql(address, f"select column_name from information_schema.columns where table_name = '{table}' order by 1")
    return [row[0] for row in found]


# The document's examples


def test_the_documents_examples(office: Office, address: Address) -> None:
    signed_in = office.client.post(
        "/api/v1/authentication/login", json={"username": "admin@example.com", "password": PASSWORD}
    ).json()
    assert signed_in["token"]
    assert MOMENT.fullmatch(signed_in["expiresAt"])
    assert signed_in["user"]["role"] == "Admin"
    registered = office.ask("dba", "POST", "/databases", {
        "name": "prod-db-cluster-1",
        "type": "PostgreSQL",
        "environment": "Production",
        "masterConnectionString": "Host=master.db.example.com;Database=app;Username=migrator;Password=***",
        "replicas": [
            {
                "replicaId": "replica-1",
                "connectionString": "Host=replica1.db.example.com;Database=app;Username=migrator;Password=***",
                "role": "AsyncReplica",
            }
        ],
    }, 201)  # fmt: skip
    assert registered["databaseId"].startswith("db-")
    assert registered["health"]["isHealthy"] is False  # there is no such host
    assert MOMENT.fullmatch(registered["createdAt"])
    master = {"masterConnectionString": string(address), "replicas": []}
    assert office.ask("dba", "PUT", "/databases/prod-db-cluster-1", master, 200)["health"]["isHealthy"] is True
    created = office.ask("dev", "POST", "/migrations", {
        "name": "add_users_email_index",
        "description": "Add index on users.email for faster lookups",
        "targetDatabaseId": "prod-db-cluster-1",
        "migrationScript": INDEX,
        "rollbackScript": NO_INDEX,
        "strategy": "Phased",
        "riskLevel": "Low",
        "tags": ["index", "performance"],
    }, 201)  # fmt: skip
    assert {k: created[k] for k in ("name", "status", "riskLevel", "requiresApproval")} == {
        "name": "add_users_email_index", "status": "Draft", "riskLevel": "Low", "requiresApproval": False,
    }  # fmt: skip
    migration = created["migrationId"]
    assert migration.startswith("mig-")
    listed = office.ask("viewer", "GET", "/migrations?status=Draft&database=prod-db-cluster-1", None, 200)
    assert (listed["total"], listed["limit"], listed["offset"]) == (1, 20, 0)
    assert listed["migrations"][0]["targetDatabase"] == "prod-db-cluster-1"
    valid = office.ask("dev", "POST", f"/migrations/{migration}/validate", {"dryRun": True}, 200)
    assert (valid["isValid"], valid["errors"], valid["dependencyCheck"]["hasConflicts"]) == (True, [], False)
    assert "users table" in valid["dependencyCheck"]["affectedObjects"]
    assert isinstance(valid["estimatedDuration"], int)
    assert valid["plan"]["rollbackProved"] is True
    submitted = office.ask("dev", "POST", f"/migrations/{migration}/submit-approval", None, 201)
    assert submitted["approvalId"].startswith("appr-")
    assert submitted["status"] == "Approved"  # its risk needs nobody's yes
    assert MOMENT.fullmatch(submitted["expiresAt"])
    started = office.ask("dba", "POST", f"/migrations/{migration}/execute", {
        "environment": "Production", "strategy": "Phased", "dryRun": False, "phases": ["master"],
    }, 202)  # fmt: skip
    assert started["status"] == "Running"
    assert isinstance(started["estimatedDuration"], int)
    execution = started["executionId"]
    assert execution.startswith("exec-")
    running_ = office.ask("viewer", "GET", f"/migrations/{migration}/executions/{execution}", None, 200)
    assert set(running_["performanceMetrics"]) >= {
        "avgQueryLatencyMs", "p99QueryLatencyMs", "replicationLagSeconds",
    }  # fmt: skip
    assert office.ended(migration, execution)["progress"] == 100
    assert sql(address, "select 1 from pg_indexes where indexname = 'idx_users_email'")
    reason = {"reason": "Performance degradation detected: query latency increased by 60%"}
    back = office.ask("dba", "POST", f"/migrations/{migration}/executions/{execution}/rollback", reason, 200)
    assert back["status"] == "RolledBack"
    assert MOMENT.fullmatch(back["rollbackCompletedAt"])
    assert back["rollbackDuration"] >= 0
    assert not sql(address, "select 1 from pg_indexes where indexname = 'idx_users_email'")
    found = office.ask("viewer", "GET", f"/migrations/{migration}", None, 200)
    assert found["status"] == "RolledBack"
    ended = office.ask("viewer", "GET", f"/migrations/{migration}/executions/{execution}", None, 200)
    assert ended["reason"] == reason["reason"]


# States, approvals and roles


def test_a_high_risk_needs_two_who_are_not_its_author(office: Office, database: str, address: Address) -> None:
    migration = office.draft(database, "ALTER TABLE users DROP COLUMN age;", "ALTER TABLE users ADD COLUMN age int;")
    refused = office.ask("dba", "POST", f"/migrations/{migration}/execute", {}, 409)
    assert refused["error"]["code"] == "CONFLICT"
    assert "0 of 2 approvals" in refused["error"]["message"]
    assert office.ask("viewer", "GET", f"/migrations/{migration}", None, 200)["status"] == "PendingApproval"
    assert office.ask("dba", "POST", f"/migrations/{migration}/approve", {"notes": ""}, 403)
    first = office.ask("boss", "POST", f"/migrations/{migration}/approve", {"notes": "fine"}, 200)
    assert (first["status"], first["approvalsGiven"], first["approvalsNeeded"]) == ("Pending", 1, 2)
    assert "already" in office.ask("boss", "POST", f"/migrations/{migration}/approve", {}, 409)["error"]["message"]
    second = office.ask("chief", "POST", f"/migrations/{migration}/approve", {"notes": "go"}, 200)
    assert (second["status"], second["reviewedBy"]) == ("Approved", "chief")
    done = office.execute(migration)
    assert done["status"] == "Succeeded"
    assert columns(address) == ["email", "id"]
    again = office.ask("dba", "POST", f"/migrations/{migration}/execute", {}, 409)
    assert "was carried out" in again["error"]["message"]


def test_nobody_approves_their_own(office: Office, database: str) -> None:
    body = {
        "name": "mine",
        "targetDatabaseId": database,
        "migrationScript": "ALTER TABLE users RENAME COLUMN age TO years;",
    }
    migration = office.ask("admin", "POST", "/migrations", body, 201)["migrationId"]
    office.ask("admin", "POST", f"/migrations/{migration}/submit-approval", None, 201)
    refused = office.ask("admin", "POST", f"/migrations/{migration}/approve", {}, 403)
    assert "of their own" in refused["error"]["message"]


def test_an_edit_takes_the_approval_away(office: Office, database: str) -> None:
    migration = office.draft(database, "ALTER TABLE users RENAME COLUMN age TO years;")
    office.approve(migration, "boss")
    assert office.ask("viewer", "GET", f"/migrations/{migration}", None, 200)["status"] == "Approved"
    body = {"migrationScript": "ALTER TABLE users RENAME COLUMN age TO months;"}
    assert office.ask("dev", "PUT", f"/migrations/{migration}", body, 200)["status"] == "Draft"
    refused = office.ask("dba", "POST", f"/migrations/{migration}/execute", {}, 409)
    assert "not approved as it stands" in refused["error"]["message"]


def test_drift_takes_the_approval_away(office: Office, database: str, address: Address) -> None:
    migration = office.draft(database, "ALTER TABLE users RENAME COLUMN age TO years;")
    office.approve(migration, "boss")
    sql(address, "alter table users add column sneaked int")
    refused = office.ask("dba", "POST", f"/migrations/{migration}/execute", {}, 409)
    assert "no longer the one that the approval was given for" in refused["error"]["message"]
    assert office.ask("viewer", "GET", f"/migrations/{migration}", None, 200)["status"] == "Draft"


def test_rejected_is_a_draft_again(office: Office, database: str) -> None:
    migration = office.draft(database, "ALTER TABLE users RENAME COLUMN age TO years;")
    office.ask("dev", "POST", f"/migrations/{migration}/submit-approval", None, 201)
    pending = office.ask("viewer", "GET", "/approvals?status=Pending", None, 200)["approvals"]
    assert migration in {approval["migrationId"] for approval in pending}
    rejected = office.ask("boss", "POST", f"/migrations/{migration}/reject", {"notes": "no"}, 200)
    assert rejected["status"] == "Rejected"
    assert office.ask("viewer", "GET", f"/migrations/{migration}", None, 200)["status"] == "Draft"


def test_where_nothing_is_at_stake_nobody_is_asked(office: Office, address: Address) -> None:
    database = office.register(f"dev-{address.database}", address, "Development")
    migration = office.draft(database, "ALTER TABLE users DROP COLUMN age;")
    done = office.execute(migration, who="dev")
    assert done["status"] == "Succeeded"


def test_production_is_for_a_dba(office: Office, database: str) -> None:
    migration = office.draft(database, "ALTER TABLE users ADD COLUMN note text;")
    refused = office.ask("dev", "POST", f"/migrations/{migration}/execute", {}, 403)
    assert refused["error"]["code"] == "FORBIDDEN"
    for who, path in (("viewer", ""), ("dba", "")):
        body = {"name": "x", "targetDatabaseId": database, "migrationScript": "select 1"}
        assert office.ask(who, "POST", f"/migrations{path}", body, 403)


def test_ten_a_minute(office: Office, database: str) -> None:
    """Somebody else's allowance is their own: `boss` makes none of the others'."""
    body = {"name": "many", "targetDatabaseId": database, "migrationScript": "select 1"}
    found = [office.ask("chief", "POST", "/migrations", body).status_code for _ in range(11)]
    assert found == [201] * 10 + [429]


# Bad input


@pytest.mark.parametrize(
    ("changes", "field", "part"),
    [
        ({"migrationScript": "CREATE TABLE a ();\nCREATE TABEL b ();"}, "migrationScript", "line 2, column 8"),
        ({"rollbackScript": "DROP TABEL b;"}, "rollbackScript", "line 1, column 6"),
        ({"migrationScript": "  -- nothing\n"}, "migrationScript", "no statement"),
        ({"migrationScript": "BEGIN; CREATE TABLE a (id int); COMMIT;"}, "migrationScript", "transaction"),
        ({"migrationScript": "DROP DATABASE app;"}, "migrationScript", "beyond the database"),
        ({"migrationScript": "ALTER ROLE postgres SUPERUSER;"}, "migrationScript", "roles and users"),
        ({"migrationScript": "COPY users TO PROGRAM 'sh'"}, "migrationScript", "out of reach"),
        ({"migrationScript": "DROP TABLE _wayfare_revisions;"}, "migrationScript", ""),
        ({"name": "No Spaces!"}, "name", "cannot name"),
        ({"strategy": "Sideways"}, "strategy", "no strategy"),
        ({"riskLevel": "None"}, "riskLevel", "no risk"),
        ({"surprise": 1}, "surprise", "no such field"),
    ],
)  # fmt: skip
def test_a_bad_draft_names_the_field(
    office: Office, database: str, changes: dict[str, Any], field: str, part: str
) -> None:
    body = {"name": "bad", "targetDatabaseId": database, "migrationScript": "select 1", **changes}
    office.forget_calls()
    error = office.ask("dev", "POST", "/migrations", body, 400)["error"]
    assert error["code"] == "VALIDATION_ERROR"
    assert error["details"][0]["field"] == field
    assert part in error["message"]
    assert error["traceId"].startswith("trace-")
    assert MOMENT.fullmatch(error["timestamp"])


def test_unknown_things_are_not_found(office: Office, database: str) -> None:
    body = {"name": "x", "targetDatabaseId": "nowhere", "migrationScript": "select 1"}
    found = office.ask("dev", "POST", "/migrations", body, 404)["error"]
    assert (found["code"], found["details"][0]["field"]) == ("NOT_FOUND", "targetDatabaseId")
    migration = office.draft(database, "ALTER TABLE users ADD COLUMN note text;")
    for path in ("/migrations/mig-nothing", "/migrations/nothing", f"/migrations/{migration}/executions/exec-0"):
        assert office.ask("viewer", "GET", path, None, 404)["error"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("wish", "field", "part"),
    [
        ({"phases": ["replica-9", "master"]}, "phases[0]", "no 'replica-9'"),
        ({"phases": ["master", "master"]}, "phases[1]", "twice"),
        ({"environment": "Staging"}, "environment", "is production, not staging"),
        ({"environment": "Moon"}, "environment", "no environment"),
        ({"strategy": "Sideways"}, "strategy", "no strategy"),
        ({"observationSeconds": -1}, "observationSeconds", ""),
    ],
)
def test_a_bad_execution_names_the_field(
    office: Office, database: str, wish: dict[str, Any], field: str, part: str
) -> None:
    migration = office.draft(database, "ALTER TABLE users ADD COLUMN note text;")
    error = office.ask("dba", "POST", f"/migrations/{migration}/execute", wish, 400)["error"]
    assert error["details"][0]["field"] == field
    assert part in error["message"]
    assert office.ask("viewer", "GET", f"/migrations/{migration}/approvals", None, 200)["approvals"] == []


def test_what_the_rows_or_the_schema_refuse_is_found_before(office: Office, database: str, address: Address) -> None:
    migration = office.draft(database, "ALTER TABLE users ADD COLUMN email text;")
    valid = office.ask("dev", "POST", f"/migrations/{migration}/validate", {"dryRun": True}, 200)
    assert valid["isValid"] is False
    assert "already exists" in valid["errors"][0]["message"]
    refused = office.ask("dev", "POST", f"/migrations/{migration}/submit-approval", None, 400)
    assert "already exists" in refused["error"]["message"]
    assert columns(address) == ["age", "email", "id"]


def test_a_database_that_is_not_there(office: Office) -> None:
    lost = Address("postgresql", "127.0.0.1", 1, "nobody", "nobody")
    database = office.register("lost", lost)
    health = office.ask("viewer", "GET", f"/databases/{database}/health", None, 200)
    assert health["isHealthy"] is False
    assert health["members"][0]["message"]
    migration = office.draft(database, "CREATE TABLE a (id int);")
    refused = office.ask("dev", "POST", f"/migrations/{migration}/validate", None, 502)
    assert refused["error"]["code"] == "UNREACHABLE"


def test_databases_are_listed_changed_and_removed(office: Office, address: Address) -> None:
    database = office.register(f"some-{address.database}", address, "Staging")
    assert office.ask("viewer", "GET", f"/databases/{database}", None, 200)["environment"] == "Staging"
    assert database in {d["databaseId"] for d in office.ask("viewer", "GET", "/databases", None, 200)["databases"]}
    assert office.ask("dba", "PUT", f"/databases/{database}", {"environment": "QA"}, 200)["environment"] == "QA"
    migration = office.draft(database, "CREATE TABLE a (id int);")
    assert office.ask("dba", "DELETE", f"/databases/{database}", None, 409)
    office.ask("dev", "DELETE", f"/migrations/{migration}", None, 204)
    office.ask("dba", "DELETE", f"/databases/{database}", None, 204)
    assert office.ask("viewer", "GET", f"/databases/{database}", None, 404)


# Carrying out


def test_a_dry_run_changes_nothing_and_needs_no_approval(office: Office, database: str, address: Address) -> None:
    migration = office.draft(database, "ALTER TABLE users DROP COLUMN age;", "ALTER TABLE users ADD COLUMN age int;")
    done = office.execute(migration, dryRun=True)
    assert (done["status"], done["dryRun"]) == ("Succeeded", True)
    assert columns(address) == ["age", "email", "id"]
    assert office.ask("viewer", "GET", f"/migrations/{migration}", None, 200)["status"] == "Draft"
    path = f"/migrations/{migration}/executions/{done['executionId']}/rollback"
    assert "changed nothing" in office.ask("dba", "POST", path, {}, 409)["error"]["message"]


def test_a_refusal_half_way_takes_back_what_was_done(office: Office, database: str, address: Address) -> None:
    """No clone without rows can know that the second one divides by zero; the first, committed by itself, goes."""
    script = "CREATE INDEX CONCURRENTLY a ON users (age);\nCREATE INDEX CONCURRENTLY b ON users ((1 / (age - age)));"
    done = office.execute(office.draft(database, script))
    assert done["status"] == "RolledBack", done
    assert "line 2" in done["reason"]
    assert "division by zero" in done["reason"]
    assert sql(address, "select indexname from pg_indexes where tablename = 'users'") == [("users_pkey",)]


def test_rows_that_would_violate_are_found_before(office: Office, database: str, address: Address) -> None:
    sql(address, "insert into users values (1001, 'u1', 3)")
    migration = office.draft(database, "CREATE UNIQUE INDEX CONCURRENTLY b ON users (email);")
    valid = office.ask("dev", "POST", f"/migrations/{migration}/validate", None, 200)
    assert [error["code"] for error in valid["errors"]] == ["rows_violate"]
    assert "u1" in valid["errors"][0]["message"]


def test_the_audit_log_knows_who_did_what(office: Office, database: str) -> None:
    migration = office.draft(database, "ALTER TABLE users ADD COLUMN note text;")
    office.execute(migration)
    entries = office.ask("admin", "GET", f"/migrations/{migration}/audit", None, 200)["entries"]
    assert [e["action"] for e in entries] == ["alterations.create", "alterations.submit", "alterations.start"]
    assert [e["who"] for e in entries] == ["dev", "dba", "dba"]


def test_lint_while_one_types(office: Office, database: str) -> None:
    body = {"targetDatabaseId": database, "migrationScript": "CREATE INDEX a ON users (age);"}
    found = office.ask("dev", "POST", "/lint", body, 200)
    assert "index_not_concurrent" in {notice["code"] for notice in found["warnings"]}
    broken = office.ask("dev", "POST", "/lint", {**body, "migrationScript": "CREATE INDX"}, 200)
    assert "line 1, column 8" in broken["errors"][0]["message"]
