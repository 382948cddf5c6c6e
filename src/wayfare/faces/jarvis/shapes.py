"""The JSON of document 004's universal migration service, exactly. Unknown fields are refused."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from wayfare.core.address import Address
from wayfare.core.redacted import Redacted


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Connection(Shape):
    """Where a database is. Systems that live in a file need `database` (the path) alone."""

    host: str = ""
    port: int = Field(default=0, ge=0, le=65535)
    database: str = ""
    username: str = ""
    password: SecretStr = SecretStr("")

    def address(self, system: str) -> Address:
        return Address(
            system=system.lower(),
            host=self.host,
            port=self.port,
            database=self.database,
            user=self.username,
            password=Redacted(self.password.get_secret_value()),
        )


class MigrateRequest(Shape):
    source_type: str
    dest_type: str
    source: Connection
    destination: Connection
    operation_type: Literal["full", "incremental"] = "full"
    last_sync_time: str | None = None


class TestConnectionRequest(Shape):
    """The document prints no body for /test-connection: either end of a migration, or both, as /migrate takes them."""

    source_type: str | None = None
    dest_type: str | None = None
    source: Connection | None = None
    destination: Connection | None = None


class Migrated(Shape):
    table: str
    records: int


class Failed(Shape):
    table: str
    error: str


class MigrateAnswer(Shape):
    success: bool
    tables_migrated: list[Migrated]
    tables_failed: list[Failed]
    total_tables: int
    errors: list[str]
    run_id: str = Field(description="Wayfare's name of the run: `wayfare runs show RUN_ID` has its report.")


class EndAnswer(Shape):
    success: bool
    message: str
    version: str = ""


class TestConnectionAnswer(Shape):
    success: bool
    message: str
    source: EndAnswer | None = None
    destination: EndAnswer | None = None
